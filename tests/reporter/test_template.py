"""A template explains itself, is never written over what is there, and reads back as it was filled in."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import openpyxl
import pytest

from importer.errors import ReportError, UsageError
from importer.kinds import COLUMNS, KINDS
from importer.reader.read import read
from importer.reporter.template import EXAMPLE, README_SHEET, SHEETS, write_template

if TYPE_CHECKING:
    from pathlib import Path

SCHEDULES, SHADOWS = (["kind", *(one.name for one in KINDS[kind].columns)] for kind in ("schedule", "shadow"))


def read_rows(path: Path) -> dict[str, list[dict[str, str]]]:
    """Give the filled cells of each sheet's rows as the importer reads them."""
    rows: dict[str, list[dict[str, str]]] = {}
    for chunk in read(path):
        own = rows.setdefault(chunk.sheet.name, [])
        for row in chunk.rows:
            cells = zip(chunk.sheet.header, row.cells, strict=True)
            own.append({name: cell for name, cell in cells if cell})
    return rows


@pytest.fixture
def template(tmp_path: Path) -> Path:
    return write_template(tmp_path / "template.xlsx", zone="Asia/Tokyo")


def typed_format(page: Any, column: int) -> str:
    """Give the number format that a cell typed into a column gets."""
    return next(str(one.number_format) for one in page.column_dimensions.values() if one.min <= column <= one.max)


def fill_in(path: Path, sheet: str, **cells: Any) -> None:
    """Type cells into the first empty row, as a person does: the column's format is that of the cell."""
    book = openpyxl.load_workbook(path)
    page = book[sheet]
    row = page.max_row + 1
    places = {cell.value: cell for cell in page[1]}
    for name, value in cells.items():
        cell = page.cell(row, places[name].column, value)
        cell.number_format = typed_format(page, places[name].column)
    book.save(path)


def test_a_template_has_a_sheet_for_each_kind_with_its_columns_and_the_explanations(template: Path) -> None:
    book = openpyxl.load_workbook(template)
    assert book.sheetnames == ["Schedules", "Shadows", "Overrides", README_SHEET]
    assert [[cell.value for cell in book[name][1]] for name in book.sheetnames[:2]] == [SCHEDULES, SHADOWS]
    assert [book[name].freeze_panes for name in book.sheetnames[:2]] == ["A2", "A2"]


def test_every_header_explains_itself_also_in_the_read_me(template: Path) -> None:
    book = openpyxl.load_workbook(template)
    comments = {cell.value: cell.comment.text for name in SHEETS.values() for cell in book[name][1]}
    assert comments["shadowable_type"] == (
        "Write User or Schedule, or leave it empty for User.\nMay be empty.\nOne of: User, Schedule."
    )
    assert comments["repeat"].endswith("Such as: daily, weekdays, weekly, biweekly, monthly.")
    assert "Needed." in comments["schedule_id"]
    assert "May be empty." in comments["ends_at"]  # a duration will do
    told = {row[0].value: row[3].value for row in book[README_SHEET].iter_rows() if row[3].value}
    assert {name: told[name] for name in comments} == comments
    assert comments.keys() == {*COLUMNS}


def test_words_are_offered_below_the_examples_and_others_are_asked_about(template: Path) -> None:
    book = openpyxl.load_workbook(template)
    for kind in KINDS.values():
        page = book[kind.plural.capitalize()]
        offered = {
            str(one.sqref): (one.formula1, one.errorStyle, one.showErrorMessage)
            for one in page.data_validations.dataValidation
        }
        below = 2 + len(kind.examples)
        expected = {
            f"{cell.column_letter}{below}:{cell.column_letter}1048576": (
                f'"{",".join(COLUMNS[cell.value].choices)}"',
                "warning",
                not COLUMNS[cell.value].is_open,
            )
            for cell in page[1]
            if COLUMNS[cell.value].choices
        }
        assert offered == expected
        assert len(offered) >= 2


def test_ids_stay_as_typed_and_times_are_dates(template: Path) -> None:
    book = openpyxl.load_workbook(template)
    formats = {
        cell.value: typed_format(book[name], cell.column) for name in ("Schedules", "Shadows") for cell in book[name][1]
    }
    dates = {name for name, number_format in formats.items() if number_format == "yyyy-mm-dd hh:mm"}
    assert dates == {"starts_at", "ends_at", "until"}
    assert {formats[name] for name in formats.keys() - dates} == {"@"}
    assert isinstance(book["Shadows"].cell(2, SHADOWS.index("starts_at") + 1).value, datetime)


def test_the_examples_are_marked_as_such_and_show_the_zone(template: Path) -> None:
    rows = read_rows(template)
    assert {row["kind"] for row in rows["Schedules"]} == {f"{EXAMPLE} schedule"}
    assert {(row["kind"], row["timezone"]) for row in rows["Shadows"]} == {(f"{EXAMPLE} shadow", "Asia/Tokyo")}
    assert [row["starts_at"] for row in rows["Shadows"]] == ["2027-03-01T08:00:00"] * 2


def test_a_filled_in_workbook_reads_back_as_typed(template: Path) -> None:
    fill_in(template, "Schedules", third_party_provider="OPSGENIE", remote_id="00042")
    fill_in(template, "Schedules", third_party_provider="PAGER_DUTY", remote_id="12345678901234567890")
    fill_in(
        template,
        "Shadows",
        schedule_id="Payments primary",
        shadowable_id="1e5",
        shadow_user_id="ada@example.com",
        starts_at=datetime(2027, 3, 1, 22, 30),  # noqa: DTZ001 # a cell has no zone
        ends_at="2027-03-02T06:30:00+01:00",
        duration="08:00",
        until=date(2027, 5, 31),
        timezone="Europe/Berlin",
    )
    rows = read_rows(template)
    assert rows["Schedules"][3:] == [
        {"third_party_provider": "OPSGENIE", "remote_id": "00042"},
        {"third_party_provider": "PAGER_DUTY", "remote_id": "12345678901234567890"},
    ]
    assert rows["Shadows"][2:] == [
        {
            "schedule_id": "Payments primary",
            "shadowable_id": "1e5",
            "shadow_user_id": "ada@example.com",
            "starts_at": "2027-03-01T22:30:00",
            "ends_at": "2027-03-02T06:30:00+01:00",
            "duration": "08:00",
            "until": "2027-05-31T00:00:00",
            "timezone": "Europe/Berlin",
        }
    ]


def test_a_filled_in_csv_reads_back_as_typed(tmp_path: Path) -> None:
    path = write_template(tmp_path / "template.csv")
    assert path.read_bytes().startswith(b"\xef\xbb\xbfkind,third_party_provider,remote_id,group,schedule_id,")
    typed = {"kind": "schedule", "third_party_provider": "OPSGENIE", "remote_id": "00042"}
    with path.open("a", encoding="utf-8", newline="") as file:
        file.write(",".join(typed.get(name, "") for name in COLUMNS) + "\r\n")
    *examples, last = read_rows(path)["template"]
    assert last == typed
    assert [row["kind"] for row in examples] == [
        f"{EXAMPLE} {kind.name}" for kind in KINDS.values() for _ in kind.examples
    ]
    assert [row.get("starts_at") for row in examples[2:4]] == [None, "2027-03-01T08:00:00"]


def test_a_name_without_an_ending_is_a_workbook_s(tmp_path: Path) -> None:
    assert write_template(tmp_path / "plan") == tmp_path / "plan.xlsx"


def test_a_name_with_another_ending_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"neither \.xlsx nor \.csv"):
        write_template(tmp_path / "plan.ods")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["plan", "plan.xlsx", "plan.csv"])
def test_what_a_person_filled_in_is_not_written_over_unless_told(tmp_path: Path, name: str) -> None:
    path = write_template(tmp_path / name)
    path.write_bytes(b"filled in")
    with pytest.raises(ReportError, match="already exists") as caught:
        write_template(tmp_path / name)
    assert caught.value.hint
    assert path.read_bytes() == b"filled in"
    assert write_template(tmp_path / name, is_replaced=True) == path
    assert path.read_bytes() != b"filled in"


def test_a_missing_folder_is_an_error_that_speaks_of_no_run(tmp_path: Path) -> None:
    with pytest.raises(ReportError, match="No such file") as caught:
        write_template(tmp_path / "gone" / "plan.xlsx")
    assert "journal" not in caught.value.hint
