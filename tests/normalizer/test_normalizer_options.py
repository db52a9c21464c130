"""What options, the mapping's constants and its defaults say of the same thing: which of them counts."""

from __future__ import annotations

from dataclasses import replace

import pytest

from importer.errors import SettingsError
from importer.kinds.schedule import ScheduleRecord
from importer.kinds.shadow import ShadowRecord
from importer.normalizer.mapping import Mapping, Rules, make_rules
from importer.normalizer.row import Normalized, Normalizer
from importer.records import Row, Sheet

GOOD = {
    "schedule_id": "a",
    "shadowable_id": "101",
    "shadow_user_id": "112",
    "starts_at": "2027-03-01T08:00",
    "ends_at": "2027-03-01T12:00",
}


def normalize(cells: dict[str, str], rules: Rules) -> Normalized:
    sheet = Sheet("plan.csv", "plan", tuple(cells), tuple(range(len(cells))))
    return Normalizer(sheet, rules).normalize(Row(2, tuple(cells.values())))


def shadows(cells: dict[str, str], rules: Rules) -> list[ShadowRecord]:
    made = normalize(cells, rules)
    assert not made.problems
    return [record for record in made.records if isinstance(record, ShadowRecord)]


def test_an_option_counts_before_the_mapping_s_default() -> None:
    mapping = Mapping(
        defaults={"timezone": "Europe/Berlin", "third_party_provider": "pd", "until": "2027-12-31", "kind": "shadow"}
    )
    rules = make_rules(mapping, timezone="America/New_York", provider="opsgenie", until="2027-03-02")
    (shift,) = shadows(GOOD, rules)
    assert shift.starts_at.isoformat() == "2027-03-01T13:00:00+00:00"
    assert len(shadows({**GOOD, "repeat": "daily"}, rules)) == 2
    uuid = "3f6c1b1e-52a4-4f0e-9d0e-6f5b8a7c2d10"
    (schedule,) = normalize({"kind": "schedule", "remote_id": uuid}, rules).records
    assert isinstance(schedule, ScheduleRecord)
    assert schedule.third_party_provider == "OPSGENIE"


@pytest.mark.parametrize(
    ("column", "constant", "option", "given", "same"),
    [
        ("timezone", "Europe/Berlin", "timezone", "America/New_York", "europe/berlin"),
        ("third_party_provider", "PAGER_DUTY", "provider", "opsgenie", "PagerDuty"),
        ("until", "2027-12-31", "until", "2027-06-30", "2027-12-31"),
    ],
)
def test_an_option_that_a_constant_contradicts_is_refused_and_both_are_named(
    column: str, constant: str, option: str, given: str, same: str
) -> None:
    mapping = Mapping(constants={column: constant})
    with pytest.raises(SettingsError) as caught:
        make_rules(mapping, **{option: given})  # type: ignore[arg-type]  # all three are texts
    assert f'--{option} is "{given}"' in caught.value.message
    assert f'{column} = "{constant}"' in caught.value.message
    assert caught.value.hint
    make_rules(mapping, **{option: same})  # type: ignore[arg-type]  # all three are texts


def test_a_default_gives_way_to_the_other_column_that_a_row_fills_in() -> None:
    rules = make_rules(Mapping(defaults={"duration": "8h", "until": "2027-03-03"}), timezone="UTC")
    (own,) = shadows(GOOD, rules)
    assert own.ends_at.hour == 12
    (default,) = shadows({**GOOD, "ends_at": ""}, rules)
    assert default.ends_at.hour == 16
    assert len(shadows({**GOOD, "repeat": "daily"}, rules)) == 3
    (problem,) = normalize({**GOOD, "duration": "8h"}, rules).problems
    assert problem.message == "duration and ends_at are both filled"
    assert 'leave it out by "duration" = "" in a mapping file' in problem.hint


def test_no_name_of_a_workbook_makes_schedules_of_its_other_sheets_but_what_a_run_took_in_stays_taken_in() -> None:
    """What Opal was given by mistake cannot be taken back; a repeated row was judged before."""
    sheet = Sheet("report.xlsx", "Platform", ("ID", "Name"), (0, 1))
    rules = make_rules(provider="PAGER_DUTY")
    row = Row(2, ("PI7DH85", "x"))
    assert not Normalizer(sheet, rules).normalize(row).records
    (record,) = Normalizer(sheet, replace(rules, is_repeated=True)).normalize(row, "schedule").records
    assert record.key == ("PAGER_DUTY", "PI7DH85")
