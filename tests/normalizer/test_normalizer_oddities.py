"""What is valid but hardly meant is reported with both readings, at the level that [checks] say."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from importer.cells import Unreadable
from importer.normalizer.fields import Checks
from importer.normalizer.mapping import make_rules
from importer.normalizer.mapping_file import read_mapping
from importer.normalizer.references import Directory, References
from importer.normalizer.row import Normalizer
from importer.records import Row, Sheet
from importer.targets.target import DirectoryEntry

from .conftest import GOOD_SHADOW

if TYPE_CHECKING:
    from collections.abc import Callable

    from importer.normalizer.row import Normalized

_NOW = datetime(2027, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("start", "end", "zone", "readings"),
    [
        (
            "2027-07-01T08:00+01:00",
            "2027-07-01T16:00+01:00",
            "Europe/Berlin",
            ["2027-07-01 07:00Z", "2027-07-01 06:00Z"],
        ),
        ("2027-07-01T08:00-05:00", "2027-07-01T16:00-05:00", "America/New_York", ["13:00Z", "12:00Z"]),
        ("2027-07-01T08:00+01:00[Europe/Berlin]", "2027-07-01T16:00Z", "", ["07:00Z", "06:00Z"]),
        ("2027-07-01T08:00+00:00", "2027-07-01T16:00Z", "Europe/London", ["08:00Z", "07:00Z"]),
        ("2027-07-01T08:00+05:30", "2027-07-01T16:00Z", "Europe/Berlin", ["02:30Z", "06:00Z"]),
        (
            "2027-03-28T02:30+02:00",
            "2027-07-01T16:00Z",
            "Europe/Berlin",
            ["00:30Z", "01:30Z"],
        ),  # an hour that is skipped
    ],
)
def test_an_offset_that_contradicts_the_zone_beside_it_is_reported_with_both_readings(
    shadow: Callable[..., Normalized], start: str, end: str, zone: str, readings: list[str]
) -> None:
    result = shadow(starts_at=start, ends_at=end, timezone=zone)
    assert len(result.records) == 1
    odd = result.warnings[0]
    assert odd.cell == "E2"
    assert odd.topic == "starts_at: offset that contradicts the time zone"
    assert all(reading in odd.message for reading in readings)


@pytest.mark.parametrize(
    ("start", "zone"),
    [
        ("2027-07-01T08:00Z", "Europe/London"),  # Z names no place
        ("2027-07-01T08:00 UTC", "Europe/Berlin"),
        ("2027-07-01T08:00+00:00", "Europe/Berlin"),  # UTC as programs write it: never an offset of Berlin
        ("2027-07-01T08:00+02:00", "Europe/Berlin"),
        ("2027-07-01T08:00+02:00[Europe/Berlin]", ""),
        ("2027-07-01T08:00+01:00[u-ca=gregory]", ""),
        ("2027-07-01T08:00", "Europe/Berlin"),
        (
            "2027-03-28T02:30+01:00",
            "Europe/Berlin",
        ),  # where the clock skips an hour: what programs write that add hours
        ("2026-10-25T02:30+02:00", "Europe/Berlin"),
        ("2026-10-25T02:30+01:00", "Europe/Berlin"),  # the second time
    ],
)
def test_an_offset_that_fits_and_utc_are_not_reported(shadow: Callable[..., Normalized], start: str, zone: str) -> None:
    result = shadow(starts_at=start, ends_at="2027-07-01T20:00Z", timezone=zone)
    assert (len(result.records), result.warnings) == (1, ())


def test_a_zone_of_an_option_is_for_times_without_an_offset_and_contradicted_by_none(
    shadow: Callable[..., Normalized],
) -> None:
    result = shadow(zone="Europe/Berlin", starts_at="2027-07-01T08:00+01:00", ends_at="2027-07-01T16:00Z")
    assert (len(result.records), result.warnings) == (1, ())


SERIES = {"schedule_id": "primary-eu", "shadowable_id": "106", "rotation": "101, 102"}


@pytest.mark.parametrize(
    ("start", "until", "duration", "right", "effect"),
    [
        ("2027-03-22 09:00", "2027-04-05", "168h", "1w", "; in between two shifts run"),
        ("2027-10-25 09:00", "2027-11-08", "168:00", "1w", "; in between no shift runs"),  # "168:00" has minutes
        ("2027-03-28 00:00", "2027-04-04", "24h", "1d", "in days it would end at 2027-03-29 00:00"),
    ],
)
def test_whole_days_in_hours_over_a_change_of_the_clock_are_reported(
    normalize: Callable[..., Normalized], start: str, until: str, duration: str, right: str, effect: str
) -> None:
    cells = SERIES | {"starts_at": start, "duration": duration, "timezone": "Europe/Berlin", "until": until}
    result = normalize(sheet_name="shadows", **cells)
    assert result.records
    (odd,) = result.warnings
    assert "counts exact hours" in odd.message
    assert effect in odd.message
    assert f"Write {right}" in odd.hint
    assert normalize(sheet_name="shadows", **(cells | {"duration": right})).warnings == ()


@pytest.mark.parametrize(("start", "count"), [("2027-03-01T08:00+01:00", 1), ("2027-03-01T08:00Z", 0)])
def test_a_repetition_at_a_fixed_offset_without_a_zone_is_reported(
    normalize: Callable[..., Normalized], start: str, count: int
) -> None:
    cells = SERIES | {"starts_at": start, "duration": "8h", "repeat": "weekly", "until": "2027-06-01"}
    result = normalize(sheet_name="shadows", **cells)
    assert len(result.records) > 10
    assert len(result.warnings) == count
    assert all("every shift keeps this offset" in odd.message for odd in result.warnings)
    assert normalize(sheet_name="shadows", **cells, timezone="Europe/Berlin").warnings == ()


ODD: dict[str, dict[str, str]] = {
    "provider": {"third_party_provider": "PAGER_DUTY", "remote_id": "a56d5989-eb30-481b-b7ab-f424fa655cd5"},
    "id": {"third_party_provider": "PAGER_DUTY", "remote_id": "my schedule"},
    "one_member": SERIES
    | {"rotation": "101", "starts_at": "2027-03-01T08:00Z", "repeat": "weekly", "until": "2027-03-08"},
    "offset": GOOD_SHADOW | {"starts_at": "2027-03-01T08:00+02:00", "timezone": "Europe/Berlin"},
    "fixed_offset": SERIES | {"starts_at": "2027-03-01T08:00+01:00", "duration": "8h", "until": "2027-03-15"},
    "exact_hours": SERIES
    | {"starts_at": "2027-03-22 09:00", "duration": "168h", "timezone": "Europe/Berlin", "until": "2027-03-29"},
    "self_shadow": GOOD_SHADOW | {"shadowable_id": "112"},
    "past": GOOD_SHADOW | {"starts_at": "2026-01-01T08:00Z", "ends_at": "2026-01-01T09:00Z"},
    "long": GOOD_SHADOW | {"ends_at": "2027-07-01T08:00Z"},
    "date_only": GOOD_SHADOW
    | {"starts_at": "2027-03-01T00:00:00", "ends_at": "2027-03-07T00:00:00", "timezone": "Europe/Berlin"},
    "far": GOOD_SHADOW | {"starts_at": "2037-03-01T08:00Z", "ends_at": "2037-03-01T09:00Z"},
}


@pytest.mark.parametrize("check", ODD)
def test_every_check_can_be_off_a_warning_or_a_problem(check: str) -> None:
    cells = ODD[check]
    shown = tuple(
        (place, text[:10]) for place, text in enumerate(cells.values()) if check == "date_only" and "T" in text
    )
    sheet = Sheet("plan.csv", "plan", tuple(cells), tuple(range(len(cells))))

    def normalize(level: str) -> Normalized:
        said = f'[checks]\n{check} = "{level}"' if level else ""
        rules = make_rules(read_mapping(said, "map.toml"), now=_NOW)
        normalizer = Normalizer(sheet, rules)
        row = normalizer.with_doubtful_cells(Row(2, tuple(cells.values()), shown=shown))
        result = normalizer.normalize(row)
        return result._replace(warnings=(*row.warnings, *result.warnings))

    for level in ("", "warning"):
        result = normalize(level)
        assert result.records
        assert len(result.warnings) == 1
    assert normalize("off").warnings == ()
    refused = normalize("problem")
    assert (refused.records, len(refused.problems)) == ((), 1)
    assert refused.problems[0].message == result.warnings[0].message


def test_no_check_is_forgotten_here() -> None:
    assert ODD.keys() | {"overlap"} == Checks.__dataclass_fields__.keys()  # overlaps are found over all rows


@pytest.mark.parametrize(
    "text",
    [
        "Anna Berg <Anna@example.com>",
        "mailto:anna@example.com",
        "MAILTO:anna@example.com?subject=Rota%20of%20March&cc=bo@example.com",
        '"Berg, Anna" <anna@example.com>',
        "<anna@example.com>",
    ],
)
def test_an_address_as_mail_programs_copy_it_means_the_same_person(text: str) -> None:
    directory = Directory([DirectoryEntry("112", "Anna Berg", "anna@example.com")], [])
    references = References(directory)
    assert references.shadowing_user(text) == 112
    assert references.shadowed_user(text) == "112"
    assert isinstance(references.shadowing_user("Anna <x> <anna@example.com>"), Unreadable)


# ---- ends, repetitions, turns


@pytest.mark.parametrize(
    ("start", "end", "hint"),
    [
        ("2027-03-01 16:00", "2027-03-01 00:00", "Write 2027-03-02 00:00, or 2027-03-01 24:00 if the shift ends on"),
        ("2027-03-01 22:00", "2027-03-01 06:00", "Write 2027-03-02 06:00 if the shift ends on the next day."),
        ("2027-03-05 08:00", "2027-03-01 16:00", "Write an end after the start, or swap the two."),
    ],
)
def test_an_end_before_the_start_is_told_with_the_likely_right_one(
    shadow: Callable[..., Normalized], start: str, end: str, hint: str
) -> None:
    (problem,) = shadow(zone="Europe/Berlin", starts_at=start, ends_at=end).problems
    assert problem.hint.startswith(hint)
    assert len(shadow(zone="Europe/Berlin", starts_at="2027-03-01 16:00", ends_at="2027-03-01 24:00").records) == 1


@pytest.mark.parametrize(
    "text", ["Does not repeat", "doesn\u2019t repeat", "none", "No", "FALSE", "n/a", "never", "-", " \u2013 "]
)
def test_a_row_may_say_that_it_does_not_repeat(normalize: Callable[..., Normalized], text: str) -> None:
    result = normalize(**GOOD_SHADOW, repeat=text)
    assert (len(result.records), result.problems) == (1, ())


def test_a_turn_that_nobody_takes_makes_no_shift(normalize: Callable[..., Normalized]) -> None:
    cells = SERIES | {"rotation": "101, None, 102", "starts_at": "2027-03-01 08:00", "timezone": "Europe/Berlin"}
    result = normalize(sheet_name="shadows", **cells, until="2027-03-29")
    assert [(record.key[3], record.key[4]) for record in result.records] == [
        (101, 1803884400),
        (102, 1805094000),
        (101, 1805698800),
    ]
    (problem,) = normalize(sheet_name="shadows", **(cells | {"rotation": "none, none"}), until="2027-03-29").problems
    assert "no member" in problem.message
