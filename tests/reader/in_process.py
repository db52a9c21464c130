"""Workbooks read in this process, without one of their own: what the child would tell the parent."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from importer.reader.limits import Bounds
from importer.reader.worker import Workbook

if TYPE_CHECKING:
    from importer.reader.read import Reading


class ReadSheet(NamedTuple):
    """One sheet of a workbook as it was read."""

    header: list[str]
    rows: dict[int, list[str]]
    remarks: list[list[Any]]  #: each with the row's number in the place of its index
    notices: list[str]


def read_sheet(path: Path, row: int | None = None) -> ReadSheet:
    """Read the only sheet of a workbook; its header is `row`, else the first that is not blank."""
    read = ReadSheet([], {}, [], [])
    with path.open("rb") as file, tempfile.TemporaryDirectory() as folder:
        for message in Workbook(file, Path(folder), Bounds()).messages([], lambda top: row or first_row(top)):
            take(message, read)
    return read


def first_row(top: Any) -> int:
    return int(top[2][0][0])


def take(message: Any, read: ReadSheet) -> None:
    match message:
        case ("notice", text, _):
            read.notices.append(text)
        case ("sheet", _, header, _, flaws, _):
            read.header.extend(header)
            read.remarks.extend(flaws)
        case ("rows", numbers, cells, remarks, _):
            texts = zip(*[iter(cells)] * len(read.header), strict=True)
            read.rows.update(zip(numbers, map(list, texts), strict=True))
            read.remarks.extend([numbers[place], *remark] for place, *remark in remarks)


def notice_texts(reading: Reading) -> list[str]:
    """The texts of what a reading noticed."""
    return [notice.text for notice in reading.notices]
