"""The shipped samples: made by their program, as many as promised, and as good or bad as they say."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import openpyxl
import pytest

from importer.kinds.schedule import ScheduleRecord
from importer.kinds.shadow import ShadowRecord
from importer.normalizer.row import Normalized, Normalizer
from importer.reader.read import read
from importer.records import Key, Row, Sheet

SAMPLES = Path(__file__).parents[2] / "samples"
WRITTEN_ON = datetime(2026, 11, 20, tzinfo=UTC)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("samples")
    # -B: the samples' folder stays as it is shipped.
    subprocess.run([sys.executable, "-B", SAMPLES / "make_samples.py", folder], check=True, timeout=60)
    return folder


def read_sheets(name: str) -> list[tuple[Sheet, list[Row]]]:
    sheets: dict[Sheet, list[Row]] = {}
    for chunk in read(SAMPLES / name):
        sheets.setdefault(chunk.sheet, []).extend(chunk.rows)
    return list(sheets.items())


def read_cells(path: Path) -> dict[str, list[tuple[object, ...]]]:
    book = openpyxl.load_workbook(path)
    return {sheet.title: list(sheet.iter_rows(values_only=True)) for sheet in book}


def normalize(sheet: Sheet, rows: list[Row]) -> list[Normalized]:
    normalizer = Normalizer(sheet)
    assert normalizer.layout.is_usable
    return [normalizer.normalize(row) for row in rows]


def keys(results: list[Normalized]) -> list[Key]:
    return [record.key for result in results for record in result.records]


@pytest.mark.parametrize("name", ["schedules.csv", "shadows.csv", "mistakes.csv"])
def test_the_shipped_csvs_are_what_the_program_makes(made: Path, name: str) -> None:
    assert (SAMPLES / name).read_bytes() == (made / name).read_bytes()


def test_the_shipped_workbook_holds_what_the_program_makes(made: Path) -> None:
    assert read_cells(SAMPLES / "migration.xlsx") == read_cells(made / "migration.xlsx")


def test_every_row_of_the_migration_is_good_and_none_is_there_twice() -> None:
    for sheet, rows in read_sheets("migration.xlsx"):
        results = normalize(sheet, rows)
        assert [result.problems or result.warnings for result in results if result.problems or result.warnings] == []
        assert {result.kind for result in results} == {sheet.name.lower().removesuffix("s")}
        assert len(set(keys(results))) == len(rows)


def test_the_migration_is_as_large_as_promised() -> None:
    (_, schedules), (_, shadows) = [(sheet, normalize(sheet, rows)) for sheet, rows in read_sheets("migration.xlsx")]
    providers = Counter(key[0] for key in keys(schedules))
    assert (providers["PAGER_DUTY"], providers["OPSGENIE"]) == (28, 16)
    records = [record for result in shadows for record in result.records if isinstance(record, ShadowRecord)]
    assert len(records) == 300
    assert len({record.schedule_id for record in records}) == 8
    assert {record.shadowable_type for record in records} == {"User", "Schedule"}
    assert {record.shadow_user_id for record in records} == set(range(101, 113))
    months = {(record.starts_at.year, record.starts_at.month) for record in records}
    assert months == {(2027, month) for month in range(1, 7)}


def test_the_csvs_hold_the_same_records_as_the_workbook() -> None:
    for (sheet, rows), name in zip(read_sheets("migration.xlsx"), ("schedules.csv", "shadows.csv"), strict=True):
        ((csv_sheet, csv_rows),) = read_sheets(name)
        assert keys(normalize(csv_sheet, csv_rows)) == keys(normalize(sheet, rows))
        assert len(csv_rows) == len(rows)


def test_the_migrations_shadows_make_sense_and_lie_ahead() -> None:
    """No one shadows themselves or is in two shadows at once; some shifts are shorter by the clock's change."""
    _, (sheet, rows) = read_sheets("migration.xlsx")
    records = [record for result in normalize(sheet, rows) for record in result.records]
    shadows = sorted((record for record in records if isinstance(record, ShadowRecord)), key=lambda one: one.starts_at)
    assert shadows[0].starts_at > WRITTEN_ON
    assert all(shadow.shadowable_id != str(shadow.shadow_user_id) for shadow in shadows)
    for user in {shadow.shadow_user_id for shadow in shadows}:
        own = [shadow for shadow in shadows if shadow.shadow_user_id == user]
        assert all(one.ends_at <= after.starts_at for one, after in pairwise(own))
    spans = {shadow.ends_at - shadow.starts_at for shadow in shadows}
    assert spans == {timedelta(hours=8), timedelta(hours=7)}
    changed = [shadow for shadow in shadows if shadow.ends_at - shadow.starts_at == timedelta(hours=7)]
    berlin = {shadow.starts_at.astimezone(ZoneInfo("Europe/Berlin")).date().isoformat() for shadow in changed}
    assert "2027-03-27" in berlin


def test_the_workbooks_times_are_real_dates_beside_a_zone_and_some_texts_with_an_offset() -> None:
    header, *rows = read_cells(SAMPLES / "migration.xlsx")["Shadows"]
    start, zone = header.index("Starts At"), header.index("Timezone")
    forms = Counter((type(row[start]), row[zone] is None) for row in rows)
    assert set(forms) == {(datetime, False), (str, True)}
    assert forms[str, True] >= 20


def test_each_row_of_mistakes_has_the_problems_that_it_says() -> None:
    ((sheet, rows),) = read_sheets("mistakes.csv")
    results = normalize(sheet, rows)
    for row, result in zip(rows, results, strict=True):
        columns = ", ".join(problem.column or "what is wrong" for problem in result.problems)  # a note alone in its row
        said = row.cells[-1].partition(":")[0]
        is_good = said.startswith(("nothing", "duplicate", "rejected"))
        assert columns == ("" if is_good else said), row
        assert bool(result.warnings) == ("but a warning" in said), row


def test_mistakes_holds_one_duplicate_and_one_row_of_each_reserved_id() -> None:
    ((sheet, rows),) = read_sheets("mistakes.csv")
    results = normalize(sheet, rows)
    counts = Counter(keys(results))
    assert [count for count in counts.values() if count > 1] == [2]
    records = [record for result in results for record in result.records]
    shadows = [record for record in records if isinstance(record, ShadowRecord)]
    assert sum(record.schedule_id == "sandbox-404" for record in shadows) == 1
    assert sum(record.shadow_user_id == 422 for record in shadows) == 1
    assert sum(isinstance(record, ScheduleRecord) for record in records) == 3


def test_mistakes_shows_every_fault_that_a_column_can_have() -> None:
    """A mistake of each column of ours, and good rows before, between and after."""
    ((sheet, rows),) = read_sheets("mistakes.csv")
    results = normalize(sheet, rows)
    wrong = {problem.column for result in results for problem in result.problems}
    assert wrong - {""} == set(sheet.header) - {"what is wrong"}
    assert results[0].records
    assert results[-1].records


def test_the_overrides_are_good_and_none_would_replace_another() -> None:
    ((sheet, rows),) = read_sheets("overrides.csv")
    results = normalize(sheet, rows)
    assert [(result.kind, result.problems, result.warnings) for result in results] == [("override", (), ())] * 5
    spans = sorted(key for key in keys(results))
    assert all(one[0] != after[0] or int(one[3]) <= int(after[2]) for one, after in pairwise(spans))
