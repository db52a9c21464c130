"""The sources that are measured: shadows as a migration has them, written row by row.

Every schedule has up to a thousand shifts of eight hours, one after the other, that begin at a minute of its own: no
two rows are the same record, none overlaps another, and few times repeat, so that no cache makes the checks look quick.
"""

from __future__ import annotations

import csv
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

Row: TypeAlias = tuple[str, ...]
COLUMNS = ("schedule_id", "shadowable_type", "shadowable_id", "shadow_user_id", "starts_at", "ends_at")
_SHIFTS = 1000  # of a schedule, at most
_LEAST_SCHEDULES = 10
_SHIFT = timedelta(hours=8)
_FIRST = datetime(datetime.now(UTC).year + 1, 1, 1, tzinfo=UTC)  # in the future: none is told to be over


def shadow_rows(number: int, first: datetime = _FIRST, length: timedelta = _SHIFT, people: int = 1) -> Iterator[Row]:
    """Make so many rows from `first` on, of shifts of a `length`; `people` of a schedule take turns."""
    schedules = max(_LEAST_SCHEDULES, number // _SHIFTS)
    for index in range(number):
        shift, schedule = divmod(index, schedules)
        starts_at = first + shift * _SHIFT + timedelta(minutes=schedule % 60)
        yield (
            f"{schedule:08x}-aaaa-4aaa-8aaa-0123456789ab",
            "User",
            str(100_000 + schedule),
            str(200_000 + schedule * people + shift % people),
            _written(starts_at),
            _written(starts_at + length),
        )


def past_rows(number: int) -> Iterator[Row]:
    """Make so many rows of which each carries a warning: its shift is over."""
    return shadow_rows(number, _FIRST - timedelta(days=3 * 365))


def long_rows(number: int, *, is_overlapping: bool) -> Iterator[Row]:
    """Make so many rows of shifts of 20 hours, one every eight: of one person each overlaps the next, of three none."""
    return shadow_rows(number, length=timedelta(hours=20), people=1 if is_overlapping else 3)


def zoned_rows(number: int, *, is_contradicting: bool) -> Iterator[Row]:
    """Make so many rows with a time zone of their own: both offsets are that zone's, or neither is."""
    offset = "-05:00" if is_contradicting else "-04:00"
    for *others, start, end in shadow_rows(number):
        yield (*others, start.replace("Z", offset), end.replace("Z", offset), "America/Port_of_Spain")


def _written(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def write_csv(folder: Path, rows: int, made: Iterable[Row] | None = None, name: str = "shadows") -> Path:
    """Write a CSV, once, of the rows that are `made` or of plain ones."""
    path = folder / f"{name}-{rows}.csv"
    if not path.exists():
        with path.open("w", newline="", encoding="utf-8") as file:
            first = next(made := iter(shadow_rows(rows) if made is None else made))
            writer = csv.writer(file)
            writer.writerows([(*COLUMNS, "timezone")[: len(first)], first])
            writer.writerows(made)
    return path


def write_xlsx(folder: Path, rows: int) -> Path:
    """Write a workbook, once."""
    import xlsxwriter

    path = folder / f"shadows-{rows}.xlsx"
    if not path.exists():
        with xlsxwriter.Workbook(str(path), {"constant_memory": True}) as workbook:
            sheet = workbook.add_worksheet("shadows")
            sheet.write_row(0, 0, COLUMNS)
            for number, row in enumerate(shadow_rows(rows), start=1):
                for column, text in enumerate(row):
                    sheet.write_string(number, column, text)
    return path
