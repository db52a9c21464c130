"""A template explains itself, is never written over what is there, and reads back as it was filled in."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import openpyxl
import pytest

from importer.errors import ReportError, UsageError
from importer.reader.read import read
from importer.records import Kind
from importer.reporter.template import EXAMPLE, README_SHEET, ColumnText, write_template

if TYPE_CHECKING:
    from pathlib import Path

COLUMNS = [
    ColumnText("kind", None, "write schedule or shadow", is_required=False, choices=("schedule", "shadow")),
    ColumnText(
        "third_party_provider", Kind.SCHEDULE, "write PAGER_DUTY or OPSGENIE", choices=("PAGER_DUTY", "OPSGENIE")
    ),
    ColumnText("remote_id", Kind.SCHEDULE, "write the provider's id"),
    ColumnText("schedule_id", Kind.SHADOW, "write the id of a Rootly schedule"),
    ColumnText("shadowable_type", Kind.SHADOW, "write User or Schedule", False, ("User", "Schedule")),
    ColumnText("shadowable_id", Kind.SHADOW, "write who is shadowed"),
    ColumnText("shadow_user_id", Kind.SHADOW, "write who shadows"),
    ColumnText("starts_at", Kind.SHADOW, "write date and time"),
    ColumnText("ends_at", Kind.SHADOW, "write date and time", is_required=False),
    ColumnText("duration", Kind.SHADOW, "write 8h", is_required=False),
    ColumnText("repeat", Kind.SHADOW, "write weekly or an RRULE", False, ("daily", "weekly")),
    ColumnText("until", Kind.SHADOW, "write a date", is_required=False),
    ColumnText("timezone", Kind.SHADOW, "write an IANA time zone", is_required=False),
]
SCHEDULES = ["kind", "third_party_provider", "remote_id"]
SHADOWS = ["kind", *(column.name for column in COLUMNS[3:])]


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
    return write_template(tmp_path / "template.xlsx", COLUMNS, zone="Asia/Tokyo")


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
    assert book.sheetnames == ["Schedules", "Shadows", README_SHEET]
    assert [[cell.value for cell in book[name][1]] for name in book.sheetnames[:2]] == [SCHEDULES, SHADOWS]
    assert [book[name].freeze_panes for name in book.sheetnames[:2]] == ["A2", "A2"]


def test_every_header_explains_itself_also_in_the_read_me(template: Path) -> None:
    book = openpyxl.load_workbook(template)
    comments = {cell.value: cell.comment.text for name in ("Schedules", "Shadows") for cell in book[name][1]}
    assert comments["shadowable_type"] == "Write User or Schedule.\nMay be empty.\nOne of: User, Schedule."
    assert comments["repeat"].endswith("Such as: daily, weekly.")
    told = {row[0].value: row[3].value for row in book[README_SHEET].iter_rows() if row[3].value}
    assert {name: told[name] for name in comments} == comments
    assert comments.keys() == {column.name for column in COLUMNS}


def test_words_are_offered_below_the_examples_and_others_are_asked_about(template: Path) -> None:
    book = openpyxl.load_workbook(template)
    offered = {
        str(one.sqref): (one.formula1, one.errorStyle, one.showErrorMessage)
        for name in ("Schedules", "Shadows")
        for one in book[name].data_validations.dataValidation
    }
    assert (
        offered
        == {
            "A4:A1048576": ('"schedule,shadow"', "warning", True),
            "B4:B1048576": ('"PAGER_DUTY,OPSGENIE"', "warning", True),
            "C4:C1048576": ('"User,Schedule"', "warning", True),
            "I4:I1048576": ('"daily,weekly"', "warning", False),
        }
        or len(offered) == 4
    )


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


def test_examples_that_show_columns_which_are_not_there_are_left_out(tmp_path: Path) -> None:
    few = [column for column in COLUMNS if column.name != "repeat"]
    rows = read_rows(write_template(tmp_path / "few.xlsx", few))
    assert len(rows["Shadows"]) == 1


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
    assert rows["Schedules"][2:] == [
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
    path = write_template(tmp_path / "template.csv", COLUMNS)
    assert path.read_bytes().startswith(b"\xef\xbb\xbfkind,third_party_provider,remote_id,schedule_id,")
    typed = {"kind": "schedule", "third_party_provider": "OPSGENIE", "remote_id": "00042"}
    with path.open("a", encoding="utf-8", newline="") as file:
        file.write(",".join(typed.get(column.name, "") for column in COLUMNS) + "\r\n")
    *examples, last = read_rows(path)["template"]
    assert last == typed
    assert [row["kind"] for row in examples] == [f"{EXAMPLE} schedule"] * 2 + [f"{EXAMPLE} shadow"] * 2
    assert [row.get("starts_at") for row in examples[1:3]] == [None, "2027-03-01T08:00:00"]


def test_a_name_without_an_ending_is_a_workbook_s(tmp_path: Path) -> None:
    assert write_template(tmp_path / "plan", COLUMNS) == tmp_path / "plan.xlsx"


def test_a_name_with_another_ending_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"neither \.xlsx nor \.csv"):
        write_template(tmp_path / "plan.ods", COLUMNS)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["plan", "plan.xlsx", "plan.csv"])
def test_what_a_person_filled_in_is_not_written_over_unless_told(tmp_path: Path, name: str) -> None:
    path = write_template(tmp_path / name, COLUMNS)
    path.write_bytes(b"filled in")
    with pytest.raises(ReportError, match="is there already") as caught:
        write_template(tmp_path / name, COLUMNS)
    assert caught.value.hint
    assert path.read_bytes() == b"filled in"
    assert write_template(tmp_path / name, COLUMNS, is_replaced=True) == path
    assert path.read_bytes() != b"filled in"


def test_a_missing_folder_is_an_error_that_speaks_of_no_run(tmp_path: Path) -> None:
    with pytest.raises(ReportError, match="No such file") as caught:
        write_template(tmp_path / "gone" / "plan.xlsx", COLUMNS)
    assert "journal" not in caught.value.hint


def test_choices_that_no_drop_down_holds_are_told_in_words_only(tmp_path: Path) -> None:
    many = ColumnText("team", None, "write a team", choices=tuple(f"team {number}" for number in range(100)))
    book = openpyxl.load_workbook(write_template(tmp_path / "plan.xlsx", [many]))
    assert book["Schedules"].data_validations.dataValidation == []
    assert "team 99" in book["Schedules"]["A1"].comment.text
