"""Where the header stands, in sources that have titles above it."""

from __future__ import annotations

import pytest

from importer.kinds import COLUMNS
from importer.normalizer.header import is_header
from importer.normalizer.mapping import Mapping
from importer.records import PRODUCT_COLUMNS


@pytest.mark.parametrize(
    "cells",
    [
        ("Name", "Team", "Third Party Provider", "Remote ID"),
        ("", "", "Trainee", "", "Start", "End"),
        ("ID", "Name", "Users", "Escalation policies"),
        ("Name", "ID"),
        ("UserID", "ScheduleID"),
        ("id", "name", "description", "timezone", "enabled"),
        ("remote_id",),
        ("Trainee", "Start", "2nd line"),
        ("Trainee", "Start", "24/7 desk"),
        ("", "\ufeffID\u00a0", ""),
        ("import_row", "import_status"),
        tuple(COLUMNS),
    ],
)
def test_a_header_is_known_by_two_of_its_cells_or_its_only_one(cells: tuple[str, ...]) -> None:
    assert is_header(cells)


@pytest.mark.parametrize(
    "cells",
    [
        (),
        ("", " "),
        ("Schedules",),
        ("Schedule", "", ""),
        ("Rotation",),
        ("Shadow",),
        ("On-call shadows 2026", "", ""),
        ("Provider", "PagerDuty"),
        ("From", "2027-01-01", "To", "2027-02-01"),
        ("From:", "1 January 2027", "to:", "7 January 2027"),
        ("Exported by", "Anna", "on", "1 May"),
        ("From", "1st of May 2027", "To", "2 May, 8 pm"),
        ("Name", "Team", "Note"),
        ("PAGER_DUTY", "PI7DH85"),
        ("shadow", "", "", "a", "User", "101", "112", "2027-03-01T08:00Z"),
        ("ID", "x" * 1_000_000),
    ],
)
def test_a_title_or_a_row_is_no_header(cells: tuple[str, ...]) -> None:
    assert not is_header(cells)


def test_a_header_of_the_mapping_is_enough() -> None:
    mapping = Mapping(columns={"Kürzel": "remote_id", "#": ""})
    for cells in (("Dienst", "Kürzel"), ("x", "kürzel "), ("#", "y"), ("Kürzel", "2027")):
        assert is_header(cells, mapping)
        assert not is_header(cells)
    assert not is_header(("Dienst", "!"), mapping)
    assert not is_header(("Plan",))


def test_the_reports_own_columns_are_known() -> None:
    assert is_header(PRODUCT_COLUMNS)
    assert all(is_header((name, "Status")) for name in PRODUCT_COLUMNS)
