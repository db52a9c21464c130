"""What holds for every file and row whatever: text comes back unchanged, and the worst is one sentence."""

from __future__ import annotations

import csv
import datetime as dt
import io
import itertools
import zipfile
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from importer.errors import SourceError
from importer.reader.read import read
from importer.reader.tables import Chunk

from . import ODD_FILES
from .kit import Reads

_PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
_SMALL = 20_000  # bytes

GOOD = {
    odd_file.file: content
    for odd_file in ODD_FILES
    if isinstance(odd_file.expected, Reads) and not odd_file.options and len(content := odd_file.make()) < _SMALL
}
ARCHIVES = {file: content for file, content in GOOD.items() if content.startswith(b"PK")}

#: What a cell of a CSV can hold: everything but NUL, which is a sign of a binary file, and half characters.
TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20)
TABLES = st.integers(2, 6).flatmap(lambda width: st.lists(st.lists(TEXT, min_size=width, max_size=width), max_size=20))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder whose files every example writes anew."""
    return tmp_path_factory.mktemp("any")


def read_all(path: Path) -> list[Chunk]:
    """Read a source; whatever it is, what comes of it keeps the reader's word."""
    chunks = list(read(path))
    for sheet, group in itertools.groupby(chunks, lambda chunk: id(chunk.sheet)):
        rows = [row for chunk in group for row in chunk.rows]
        numbers = [row.number for row in rows]
        assert sheet
        assert numbers == sorted(set(numbers))
    for chunk in chunks:
        assert len(chunk.sheet.positions) == len(chunk.sheet.header)
        assert all(len(row.cells) == len(chunk.sheet.header) for row in chunk.rows)
        assert all(isinstance(cell, str) for row in chunk.rows for cell in row.cells)
    return chunks


def rows_or_a_sentence(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    try:
        read_all(path)
    except SourceError as error:
        assert error.hint  # noqa: PT017  (both ends are right, only other exceptions are wrong)
        assert (error.message + error.hint).isprintable()  # noqa: PT017


def expected_rows(table: list[list[str]]) -> list[tuple[int, tuple[str, ...]]]:
    return [(number, tuple(cells)) for number, cells in enumerate(table, 2) if any(map(str.strip, cells))]


def rows_read(path: Path) -> list[tuple[int, tuple[str, ...]]]:
    return [(row.number, row.cells) for chunk in read_all(path) for row in chunk.rows]


# ---- what was written is what is read


@_PATIENT
@given(
    table=TABLES,
    delimiter=st.sampled_from(",;\t|"),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC]),
    codec=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
)
def test_what_pythons_csv_writes_is_read_unchanged(
    folder: Path, table: list[list[str]], delimiter: str, quoting: Any, codec: str
) -> None:
    header = ["first", *["between"] * (len(table[0]) - 2 if table else 0), "last"]
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter, quoting=quoting).writerows([header, *table])
    path = folder / "table.csv"
    path.write_bytes(text.getvalue().encode(codec))
    assert rows_read(path) == expected_rows(table)
    assert read_all(path)[0].sheet.header == tuple(header)


#: What a workbook can hold: control characters are written as escapes, and texts that look like escapes too.
CELL_TEXT = st.lists(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\ufffe\uffff"), max_size=8)
    | st.sampled_from(["_x0041_", "_x001B_", "_x005F_", "&amp;", "<v>", "]]>", "=1+1", "'", " \n "]),
    max_size=4,
).map("".join)


@settings(_PATIENT, max_examples=10)  # each starts a process
@given(table=st.lists(st.lists(CELL_TEXT, min_size=3, max_size=3), max_size=15), is_shared=st.booleans())
def test_what_xlsxwriter_writes_as_text_is_read_unchanged(
    folder: Path, table: list[list[str]], is_shared: bool
) -> None:
    path = folder / "table.xlsx"
    with xlsxwriter.Workbook(path, {"constant_memory": not is_shared}) as book:  # which stores texts in their cells
        sheet = book.add_worksheet()
        for number, cells in enumerate([["a", "b", "c"], *table]):
            for column, text in enumerate(cells):
                sheet.write_string(number, column, text)
    assert rows_read(path) == expected_rows(table)


NUMBERS = st.integers(-(10**15) + 1, 10**15 - 1)
BOOLEANS = st.booleans()
MOMENTS = st.datetimes(dt.datetime(1900, 3, 1), dt.datetime(9999, 12, 31)).map(  # noqa: DTZ001  (cells have no zone)
    lambda moment: moment.replace(microsecond=0)
)


@settings(_PATIENT, max_examples=8)  # each starts a process
@given(rows=st.lists(st.tuples(NUMBERS, BOOLEANS, MOMENTS), max_size=20))
def test_numbers_booleans_and_moments_are_read_as_they_were_meant(
    folder: Path, rows: list[tuple[int, bool, dt.datetime]]
) -> None:
    path = folder / "values.xlsx"
    with xlsxwriter.Workbook(path) as book:
        form = book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, ["number", "boolean", "moment"])
        for at, (number, boolean, moment) in enumerate(rows, 1):
            sheet.write_number(at, 0, number)
            sheet.write_boolean(at, 1, boolean)
            sheet.write_datetime(at, 2, moment, form)
    texts = [[str(number), str(boolean).upper(), moment.isoformat()] for number, boolean, moment in rows]
    assert rows_read(path) == expected_rows(texts)


# ---- the worst is a sentence

NAMES = st.sampled_from(["a.csv", "a.xlsx", "a.xlsm", "a.xlsb", "a.xls", "a.ods", "a.csv.gz", "a"])
BEGINNINGS = st.sampled_from(
    [
        b"",
        b"PK\x03\x04",
        b"\x1f\x8b\x08\x00",
        bytes.fromhex("D0CF11E0A1B11AE1"),
        b"\xff\xfe",
        b"\xef\xbb\xbf",
        b"sep=",
        b'"',
        b"<?xml",
        b"{",
        b"PK\x05\x06",
    ]
)
PIECES = st.lists(
    st.sampled_from(
        [b"remote_id", b",", b";", b"\t", b'"', b"\n", b"\r", b"\r\n", b"a", b"\xc3\xbc", b"\xfc", b"\x81", b" "]
    )
    | st.binary(max_size=4)
).map(b"".join)


@_PATIENT
@given(name=NAMES, beginning=BEGINNINGS, rest=PIECES | st.binary(max_size=600))
def test_any_bytes_under_any_name_are_rows_or_a_sentence(
    folder: Path, name: str, beginning: bytes, rest: bytes
) -> None:
    rows_or_a_sentence(folder / name, beginning + rest)


CHANGES = st.lists(
    st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 40), st.binary(max_size=8)), min_size=1, max_size=4
)


def changed(content: bytes, changes: list[tuple[float, int, bytes]]) -> bytes:
    """Put other bytes in the place of some; places are shares of the whole."""
    for place, length, instead in changes:
        at = int(place * len(content))
        content = content[:at] + instead + content[at + length :]
    return content


@settings(_PATIENT, max_examples=20)
@given(file=st.sampled_from(sorted(GOOD)), changes=CHANGES)
def test_an_odd_file_with_other_bytes_in_it_is_rows_or_a_sentence(
    folder: Path, file: str, changes: list[tuple[float, int, bytes]]
) -> None:
    rows_or_a_sentence(folder / file[-60:], changed(GOOD[file], changes))


#: Texts that mean something inside a workbook, right or wrong.
_NUMBERS = [b"", b"0", b"-1", b"99999999999", b"1E400", b"A1", b"XFD1048576"]
_MARKUP = [b"\xff", b"\0", b'"', b"<", b"&lt;", b"&x;", b"</v>", b"<row>", b"<!--", b"<![CDATA["]
_ATTRIBUTES = [b't="s"', b't="e"', b't="b"', b"s", b"e", b"d"]
WORDS = st.sampled_from([*_NUMBERS, *_MARKUP, *_ATTRIBUTES])
INNER_CHANGES = st.lists(
    st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 12), WORDS), min_size=1, max_size=3
)


@settings(_PATIENT, max_examples=15)  # each starts a process
@given(file=st.sampled_from(sorted(ARCHIVES)), part=st.integers(0, 30), changes=INNER_CHANGES)
def test_a_workbook_with_other_words_in_a_part_is_rows_or_a_sentence(
    folder: Path, file: str, part: int, changes: list[tuple[float, int, bytes]]
) -> None:
    rows_or_a_sentence(folder / file, rewritten(ARCHIVES[file], part, changes))


def rewritten(content: bytes, part: int, changes: list[tuple[float, int, bytes]]) -> bytes:
    """Change one part of an archive and pack it again, whole."""
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as new:
        names = old.namelist()
        for name in names:
            data = old.read(name)
            new.writestr(name, changed(data, changes) if name == names[part % len(names)] else data)
    return made.getvalue()
