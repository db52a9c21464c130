"""Any row under any header is records, problems or references, told in words for a person; never an exception."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from importer.cells import cell_name
from importer.errors import SourceError
from importer.kinds import COLUMNS
from importer.normalizer.mapping import make_rules
from importer.normalizer.row import Normalizer
from importer.records import Problem, Row, Sheet

OURS = list(COLUMNS)
ANY_TEXT = st.text(st.characters(exclude_categories=[]), max_size=40)  # half characters too

_KINDS_AND_IDS = """
schedule|shadow|example|PAGER_DUTY|pd|Opsgenie|Atlassian Opsgenie|PI7DH85|101|112|primary-eu|User|Schedule|Jo Doe
jo@acme.example|jo@acme.example, kim@acme.example|4b26961a-a837-49a3-b9c0-6e1a5e6e2ae2|=1+1|#REF!|../../users|TRUE|1e5
https://acme.pagerduty.com/schedules/PI7DH85|https://acme.pagerduty.com/schedules#PABCD12|https://rootly.com/account
"""
_TIMES = """
2027-03-01T08:00:00Z|2027-03-28T02:30|2027-10-31T02:30|2027-10-31 02:30 Europe/Berlin|03/04/2026|29.03.2026 09:00
46110.375|Mar 3, 2027 9:00 AM|9999-12-31T23:59:59|0000-00-00|2027-02-30|24:00|Europe/Berlin|W. Europe Standard Time
8h|PT8H|1d|1d 12h|-1h|P1Y|99999999999999d|weekly|daily|2027-12-31|FREQ=WEEKLY;COUNT=12|FREQ=SECONDLY
FREQ=WEEKLY;BYDAY=MO,TU;UNTIL=20271231T000000Z|FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30|RRULE:FREQ=DAILY;COUNT=999999999
"""
PROBABLE = st.sampled_from(
    ["", " ", "\u200b\u00a0", *"|".join((_KINDS_AND_IDS + _TIMES).strip().split("\n")).split("|")]
)
CELL = PROBABLE | ANY_TEXT | st.lists(PROBABLE, max_size=3).map("; ".join)
HEADERS = st.just(OURS) | st.lists(st.sampled_from(OURS) | ANY_TEXT, min_size=1, max_size=16, unique_by=str.casefold)

RULES = st.builds(
    make_rules,
    timezone=st.sampled_from([None, "UTC", "Europe/Berlin", "America/New_York"]),
    provider=st.sampled_from([None, "pagerduty"]),
    date_order=st.sampled_from([None, "dmy", "mdy"]),
    until=st.sampled_from([None, "2027-12-31"]),
    now=st.sampled_from([None, datetime(2027, 1, 1, tzinfo=UTC)]),
)


_PATIENT = settings(deadline=None, max_examples=100, suppress_health_check=[HealthCheck.too_slow])


@_PATIENT
@given(data=st.data(), header=HEADERS, name=st.sampled_from(["Schedules", "Shadows", "any"]), rules=RULES)
def test_any_row_under_any_header_makes_records_or_says_why_not(
    data: st.DataObject, header: list[str], name: str, rules: object
) -> None:
    sheet = Sheet("any.csv", name, tuple(header), tuple(range(len(header))))
    try:
        normalizer = Normalizer(sheet, rules)  # type: ignore[arg-type]  # of make_rules
    except SourceError as error:  # a column that is there twice
        assert (error.message + error.hint).isprintable()  # noqa: PT017  (both ends are right)
        return
    row = Row(7, tuple(data.draw(st.lists(CELL, min_size=len(header), max_size=len(header)))))
    assert_records_or_reasons(normalizer, row)


GOOD = {
    "kind": "shadow",
    "schedule_id": "primary-eu",
    "shadowable_id": "101",
    "shadow_user_id": "112",
    "starts_at": "2027-03-01T08:00",
    "ends_at": "2027-03-01T16:00",
    "timezone": "Europe/Berlin",
}


@_PATIENT
@given(changes=st.dictionaries(st.sampled_from(OURS), CELL, max_size=4), rules=RULES)
def test_a_good_row_with_some_cells_changed_makes_records_or_says_why_not(
    changes: dict[str, str], rules: object
) -> None:
    cells = GOOD | changes
    sheet = Sheet("any.csv", "any", tuple(cells), tuple(range(len(cells))))
    normalizer = Normalizer(sheet, rules)  # type: ignore[arg-type]  # of make_rules
    assert_records_or_reasons(normalizer, Row(7, tuple(cells.values())))


def assert_records_or_reasons(normalizer: Normalizer, row: Row) -> None:
    result = normalizer.normalize(row)
    if result.records:
        assert not result.problems
        assert not result.references
    else:
        assert result.problems or result.references
    assert_for_a_person((*result.problems, *result.warnings), len(row.cells))


def assert_for_a_person(problems: tuple[Problem, ...], width: int) -> None:
    cells = {cell_name(position, 7) for position in range(width)}
    for problem in problems:
        assert problem.message
        assert set(problem.cell.split(", ")) <= cells | {""}
        assert (problem.message + problem.hint + problem.topic).isprintable()
