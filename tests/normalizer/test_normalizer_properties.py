"""What holds for every text whatever: records or problems, never both, never an exception."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta, timezone
from string import ascii_uppercase

from hypothesis import example, given
from hypothesis import strategies as st

from importer.cells import BLANKS, Unreadable
from importer.errors import SettingsError
from importer.kinds import COLUMNS, KINDS
from importer.kinds.shadow import ShadowRecord
from importer.normalizer.mapping import make_rules
from importer.normalizer.providers import check_provider
from importer.normalizer.row import Normalized, Normalizer
from importer.normalizer.zones import check_timezone, read_zone
from importer.records import Problem, Row, Sheet
from importer.wording import quote

NAMES = tuple(COLUMNS)
LETTERS = ascii_uppercase[: len(NAMES)]
REQUIRED = {index for index, name in enumerate(NAMES) if COLUMNS[name].is_required}
PROBABLE = st.sampled_from(
    [
        "",
        " ",
        "schedule",
        "shadow",
        "PAGER_DUTY",
        "opsgenie",
        "PI7DH85",
        "a",
        "101",
        "User",
        "Schedule",
        "2027-03-01T08:00Z",
        "2027-03-28T02:30",
        "2027-03-01T16:00",
        "2027-03-01",
        "Europe/Berlin",
        "America/New_York",
        "0000-00-00T24:00:00+14:00",
        "9999-12-31T23:59:59-14:00",
    ]
)
ANY_TEXT = st.text(st.characters(exclude_categories=[]), max_size=60)  # half characters (surrogates) too
CELL = PROBABLE | ANY_TEXT | st.from_regex(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(Z|[+-][0-9]{2}:[0-9]{2})?")
CELLS = st.tuples(*[CELL] * len(NAMES))
ZONES = st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"])
INSTANTS = st.datetimes(datetime(1970, 1, 2), datetime(2200, 12, 30)).map(  # noqa: DTZ001  (made UTC right here)
    lambda moment: moment.replace(microsecond=0, tzinfo=UTC)
)


def normalize(
    cells: tuple[str, ...], kind: str | None = None, timezone: str | None = None, provider: str | None = None
) -> Normalized:
    sheet = Sheet("table.csv", "table", NAMES, tuple(range(len(NAMES))))
    return Normalizer(sheet, make_rules(timezone=timezone, provider=provider)).normalize(Row(7, cells), kind)


def shadow_row(starts_at: str, ends_at: str, zone: str = "") -> tuple[str, ...]:
    cells = {"kind": "shadow", "schedule_id": "a", "shadowable_id": "101", "shadow_user_id": "112"}
    cells |= {"starts_at": starts_at, "ends_at": ends_at, "timezone": zone}
    return tuple(cells.get(name, "") for name in NAMES)


def told_twice(result: Normalized) -> list[str]:
    """Return the cells with several problems that may have one only; each member of a rotation may have its own."""
    told = Counter(
        (problem.cell, problem.message if problem.column == "rotation" else "") for problem in result.problems
    )
    return [cell for (cell, _), number in told.items() if number > 1]


@given(CELLS, st.none() | st.sampled_from(sorted(KINDS)), st.none() | ZONES, st.sampled_from([None, "pd", "opsgenie"]))
@example(("",) * len(NAMES), None, None, None)
@example(shadow_row("2027-03-01T08:00Z", "\ud800"), None, None, None)
def test_any_text_gives_records_or_problems_and_never_an_exception(
    cells: tuple[str, ...], kind: str | None, zone: str | None, provider: str | None
) -> None:
    result = normalize(cells, kind, timezone=zone, provider=provider)
    assert [bool(result.records), bool(result.problems or result.references)].count(True) == 1
    assert all(problem.cell in {f"{letter}7" for letter in LETTERS} for problem in result.problems)
    assert told_twice(result) == []
    assert [problem.cell for problem in result.problems] == sorted(problem.cell for problem in result.problems)
    assert all((problem.message + problem.hint).isprintable() for problem in (*result.problems, *result.warnings))
    assert result.kind is not None or result.problems
    assert all(problem.topic for problem in (*result.problems, *result.warnings))


@given(CELLS, st.sets(st.integers(0, len(NAMES) - 1), min_size=1))
def test_a_row_with_a_problem_from_reading_never_makes_a_record(cells: tuple[str, ...], unread: set[int]) -> None:
    sheet = Sheet("book.xlsx", "table", NAMES, tuple(range(len(NAMES))))
    found = tuple(Problem("the cell holds an error", cell=f"{LETTERS[index]}7") for index in sorted(unread))
    result = Normalizer(sheet).normalize(Row(7, cells, problems=found))
    assert not result.records
    filled = {index for index, cell in enumerate(cells) if cell.strip(BLANKS)}
    if len(filled) == 1 and not filled & unread and not REQUIRED - filled <= unread:  # a total, or a note
        assert [problem.topic for problem in result.problems] == ["a row with only one cell"]
    else:
        assert result.problems[: len(found)] == found
    assert told_twice(result) == []


@given(INSTANTS, ZONES, st.integers(-14 * 60, 14 * 60), st.integers(-500_000, 499_999))
def test_two_texts_of_the_same_instants_give_the_same_key(
    starts_at: datetime, zone: str, minutes: int, microsecond: int
) -> None:
    ends_at = starts_at + timedelta(hours=8)
    shifted = timezone(timedelta(minutes=minutes))
    by_utc = normalize(shadow_row(f"{starts_at:%Y-%m-%dT%H:%M:%SZ}", f"{ends_at:%Y-%m-%dT%H:%M:%SZ}"))
    by_offset = normalize(
        shadow_row(
            *(
                (moment + timedelta(microseconds=microsecond)).astimezone(shifted).isoformat()
                for moment in (starts_at, ends_at)
            )
        )
    )
    (first,), (second,) = by_utc.records, by_offset.records
    assert first.key == second.key
    assert isinstance(first, ShadowRecord)
    assert (first.starts_at, first.ends_at) == (starts_at, ends_at)
    local = normalize(shadow_row(_local(starts_at, zone), _local(ends_at, zone), zone))
    # A local time that occurs twice is a problem; whatever is taken is the same instant.
    assert all(record.key == first.key for record in local.records)
    assert local.records or all("occurs twice" in problem.message for problem in local.problems)


@given(ANY_TEXT)
def test_any_text_as_a_setting_is_known_or_refused_in_one_sentence(text: str) -> None:
    for check in (check_timezone, check_provider):
        try:
            check(text)
        except SettingsError as error:
            assert error.message.isprintable()  # noqa: PT017  (both ends are right, only other exceptions are wrong)


@given(st.text(st.characters(exclude_categories=[])))
def test_a_quoted_text_is_printable_and_short(text: str) -> None:
    assert quote(text).isprintable()
    assert len(quote(text)) <= 80 * len(r"\U0010ffff") + 2


def _local(moment: datetime, name: str) -> str:
    zone = read_zone(name)
    assert not isinstance(zone, Unreadable)
    return moment.astimezone(zone).replace(tzinfo=None).isoformat()
