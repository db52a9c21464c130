"""report.csv, and every other table written as CSV. The only module of the reporter that knows csv."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from itertools import chain
from pathlib import Path
from typing import BinaryIO

from importer.records import ReportLine, Sheet
from importer.reporter.atomic_file import JOURNAL_HINT, ROOM_HINT, replace_file
from importer.reporter.columns import header_cells, line_cells
from importer.reporter.formula_guard import guard


def write_csv(path: Path, sheets: Sequence[Sheet], lines: Iterable[ReportLine], mapping_id: str = "") -> Path:
    """Write the lines in their order: UTF-8 with BOM, comma, CRLF; return the file's final path.

    `lines` are taken one by one; the same lines make the same bytes.

    Raises:
        ReportError: the file could not be written; an older one is still there.
    """
    return write_table(path, chain([header_cells(sheets)], line_cells(sheets, lines, mapping_id)))


def write_table(path: Path, rows: Iterable[Sequence[str | int]], *, hint: str = JOURNAL_HINT) -> Path:
    """Write rows whose texts are guarded already, as `write_csv` does.

    Raises:
        ReportError: the file could not be written; `hint` is its hint.
    """

    def write(file: BinaryIO) -> None:
        # A lone surrogate (half of a pair in a server's JSON, a foreign byte in a file name) is no text that UTF-8
        # can hold: it is written as \udc80 rather than losing the report.
        text = io.TextIOWrapper(file, "utf-8-sig", "backslashreplace", newline="", write_through=False)
        csv.writer(text).writerows(rows)
        text.detach()  # flushed, and the file stays open

    return replace_file(path, write, hint=hint)


def write_texts(path: Path, header: Sequence[str], rows: Iterable[Sequence[str]]) -> Path:
    """Write rows of foreign texts, which are guarded here, to a file that the user named.

    Raises:
        ReportError: the file could not be written.
    """
    return write_table(path, chain([header], (list(map(guard, row)) for row in rows)), hint=ROOM_HINT)
