"""The header: which of our columns stands where, and what is said of the rest."""

from __future__ import annotations

import pytest

from importer.cells import canonical
from importer.errors import SourceError
from importer.kinds import CLEAR, COLUMNS, IN_SHEETS_OF, KINDS, OWN
from importer.kinds.override import OverrideRecord
from importer.kinds.schedule import ScheduleRecord
from importer.kinds.shadow import ShadowRecord
from importer.normalizer.header import plan
from importer.records import Record, Sheet


def sheet(*header: str) -> Sheet:
    return Sheet("plan.csv", "plan", header, tuple(range(1, len(header) + 1)))


@pytest.mark.parametrize(
    "header",
    [
        "starts_at",
        "Starts At",
        "STARTS-AT",
        "startsAt",
        " starts\u00a0at ",
        "\ufeffstarts_at",
        "starts_\u200bat",
        "Starts at:",
    ],
)
def test_a_header_is_found_however_it_is_written(header: str) -> None:
    assert plan(sheet("Note", header)).indices == {"starts_at": 1}


def test_each_of_our_columns_is_found_by_its_own_name_and_no_alias_leads_elsewhere() -> None:
    names = list(COLUMNS)
    assert [OWN[canonical(name)] for name in names] == names
    clear = [pair for one in CLEAR.values() for pair in one.items()]
    meant = dict(clear)
    assert [pair for pair in clear if meant[pair[0]] != pair[1]] == []
    known = meant.keys() | {header for one in IN_SHEETS_OF.values() for header in one}
    assert not known & set(OWN)
    assert not meant.keys() & {header for one in IN_SHEETS_OF.values() for header in one}
    doubtful = {header for kind in KINDS.values() for header in kind.doubtful}
    assert {canonical(alias) for alias in known | doubtful} == known | doubtful


def test_the_columns_are_the_fields_of_the_records() -> None:
    records: dict[str, type[Record]] = {"schedule": ScheduleRecord, "shadow": ShadowRecord, "override": OverrideRecord}
    for kind, record in records.items():
        assert {column.name for column in KINDS[kind].columns if column.is_telling} == set(record.model_fields)


def test_headers_that_are_not_ours_are_listed_as_they_stand_and_blank_ones_left_out() -> None:
    layout = plan(sheet("Name ", "remote_id", "", "Region", "\u00a0", "Name ", "#"))
    assert layout.not_used == ("Name ", "Region", "#")


def test_two_headers_for_one_column_are_refused_and_both_cells_named() -> None:
    with pytest.raises(SourceError) as caught:
        plan(sheet("Ends At", "remote_id", "ends_at"))
    assert '"plan.csv", sheet "plan", has more than one column for ends_at: B1 "Ends At", D1 "ends_at"' in str(
        caught.value
    )
    assert caught.value.hint


def test_a_sheet_with_only_unknown_columns_or_only_kind_and_timezone_is_not_usable() -> None:
    assert not plan(sheet("Name", "Team")).is_usable
    assert not plan(sheet("kind", "timezone", "Name")).is_usable
    assert not plan(sheet()).is_usable
    assert plan(sheet("kind", "remote_id")).is_usable


def test_cells_are_named_where_the_column_stands_in_the_source() -> None:
    layout = plan(Sheet("plan.csv", "plan", ("remote_id",), (27,)))
    assert (layout.cell("remote_id", 7), layout.cell("ends_at", 7)) == ("AB7", "")
