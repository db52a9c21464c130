"""On which line of a file a row of a CSV begins: rows are numbered as a spreadsheet does, editors count lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from importer.errors import SourceError
from importer.reader.bounds import USUAL
from importer.reader.csv_records import Form, csv_records, hinted_delimiter
from importer.reader.delimiters import find_delimiter
from importer.reader.encoding import examine
from importer.reader.heading import FIRST_ROW
from importer.reader.opening import is_workbook, opened

if TYPE_CHECKING:
    from collections.abc import Collection
    from typing import BinaryIO


def find_lines(name: str, rows: Collection[int]) -> dict[int, int]:
    """Give the line, from 1, on which each of these rows begins, as far as the file can still be read.

    Of a workbook, which has no lines, it gives none. The file is read up to the last of the rows.
    """
    try:
        with opened(name) as source:
            return {} if is_workbook(source.file, name) else _find(source.file, name, rows)
    except (SourceError, OSError, UnicodeDecodeError):  # it was read before; since then somebody changed it
        return {}


def _find(file: BinaryIO, name: str, rows: Collection[int]) -> dict[int, int]:
    codec, last, lines = examine(file, name).codec, max(rows, default=0), {}
    hinted = hinted_delimiter(file, codec)
    form = Form(name, codec, hinted, begins=2) if hinted else Form(name, codec)
    if not hinted:
        form = Form(name, codec, find_delimiter(file, form, FIRST_ROW, USUAL))
    for number, record in enumerate(csv_records(file, form, USUAL), 1):
        if number in rows:
            lines[number] = record.first_line
        if number >= last:
            break
    return lines
