"""A source that is too large, or a bomb, is one sentence that names the bound, before it costs memory."""

from __future__ import annotations

import gzip
import hashlib
import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import xlsxwriter
import xlwt

from importer.errors import SourceError
from importer.reader.limits import USUAL, Bounds
from importer.reader.read import read
from importer.reader.source_file import unpack
from importer.records import Row

from .test_reader_formats import row, text_cell, write_ods

Write = Callable[[str, bytes], Path]
Workbook = Callable[..., Path]
Refused = Callable[..., SourceError]
TABLE = b"id,note\n" + b"1,some text\n" * 50


@pytest.mark.parametrize(
    ("bounds", "said", "setting"),
    [
        (Bounds(bytes=600), " is more than 600 bytes", "IMPORTER_MAX_BYTES"),
        (Bounds(rows=49), " has more than 49 rows", "IMPORTER_MAX_ROWS"),
        (Bounds(columns=1), ": cell B1 lies beyond column 1, the last that is read", "IMPORTER_MAX_COLUMNS"),
        (Bounds(cell=8), "the row that begins in line 2: a cell holds more than 8 characters", "IMPORTER_MAX_CELL"),
    ],
)
def test_a_csv_beyond_a_bound_names_it_and_its_setting(
    write: Write, refused: Refused, bounds: Bounds, said: str, setting: str
) -> None:
    error = refused(write("t.csv", TABLE), bounds=bounds)
    assert said in error.message
    assert setting in error.hint


def test_bounds_that_are_just_kept_are_kept(write: Write) -> None:
    chunks = list(read(write("t.csv", TABLE), bounds=Bounds(bytes=len(TABLE), rows=50, columns=2, cell=9)))
    assert sum(len(chunk.rows) for chunk in chunks) == 50


def test_a_row_that_reaches_too_far_is_refused(write: Write, refused: Refused) -> None:
    path = write("t.csv", b"id,b\n1,2\n" + b"," * 20 + b"x\n")
    assert "cell U3 lies beyond column 10" in refused(path, bounds=Bounds(columns=10)).message


def test_a_pipe_that_does_not_end_is_refused(refused: Refused) -> None:
    class Endless(io.RawIOBase):
        def read(self, size: int = -1) -> bytes:
            return b"x" * size

    assert refused("-", stdin=Endless(), bounds=Bounds(bytes=10**7)).message == "standard input is more than 10 MB"


@pytest.mark.parametrize(
    ("bounds", "said", "setting"),
    [
        (Bounds(rows=2), " has more than 2 rows", "IMPORTER_MAX_ROWS"),
        (Bounds(columns=2), ": cell C4 lies beyond column 2", "IMPORTER_MAX_COLUMNS"),
        (Bounds(cell=8), 'sheet "S": B3: a cell holds more than 8 characters', "IMPORTER_MAX_CELL"),
    ],
)
def test_a_workbook_beyond_a_bound_names_it_and_its_setting(
    tmp_path: Path, refused: Refused, bounds: Bounds, said: str, setting: str
) -> None:
    path = tmp_path / "t.xlsx"
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet("S")
        for number, line in enumerate([["id", "b", "c"], ["1"], ["2", "some text"], ["3", "", "x"]]):
            sheet.write_row(number, 0, line)
    error = refused(path, bounds=bounds)
    assert said in error.message
    assert setting in error.hint


def test_a_workbook_that_needs_too_much_memory_is_one_sentence(workbook: Workbook, refused: Refused) -> None:
    texts = f"<sst><si><t>{' '.join(map(str, range(2_000_000)))}</t></si></sst>"
    path = workbook('<row r="1"><c r="A1" t="s"><v>0</v></c></row>', parts={"xl/sharedStrings.xml": texts})
    error = refused(path, bounds=Bounds(memory=1 << 20))
    assert error.message == f"{path} needs more than 1 MiB of memory to be read"
    assert "split the workbook" in error.hint


@pytest.mark.parametrize("suffix", ["xlsx", "xls", "ods"])
def test_one_long_text_in_thousands_of_cells_is_refused_in_little_memory(
    tmp_path: Path, workbook: Workbook, refused: Refused, suffix: str
) -> None:
    path, text = tmp_path / f"t.{suffix}", "some text " * 20_000
    if suffix == "xlsx":
        cells = "".join(f'<row r="{n}"><c r="A{n}" t="s"><v>0</v></c></row>' for n in range(1, 3_000))
        path = workbook(cells, parts={"xl/sharedStrings.xml": f"<sst><si><t>{text}</t></si></sst>"})
    elif suffix == "ods":
        write_ods(path, row(text_cell("id")) + row(text_cell(text), 3_000))
    else:
        book = xlwt.Workbook()
        sheet = book.add_sheet("S")
        for place in range(20_000):
            sheet.write(place // 5, place % 5, text[:30_000])
        book.save(str(path))
    error = refused(path, bounds=Bounds(memory=512 << 20))
    assert "its longest rows alone have more than 16,777,216 characters" in error.message
    assert "IMPORTER_MAX_CELL" in error.hint


def test_a_workbook_that_unpacks_to_twice_the_bytes_names_the_setting(workbook: Workbook, refused: Refused) -> None:
    path = workbook("<row r='1'/>" * 1000)
    error = refused(path, bounds=Bounds(bytes=path.stat().st_size))
    assert error.message.startswith(f"{path}: the workbook unpacks to more than ")
    assert "IMPORTER_MAX_BYTES" in error.hint


def test_a_frame_beyond_the_bound_of_rows_is_refused(refused: Refused) -> None:
    assert refused(pd.DataFrame({"id": ["1"] * 9}), bounds=Bounds(rows=8)).message == "DataFrame has more than 8 rows"


# ---- gzip


def test_a_csv_in_gzip_is_read_as_if_it_were_unpacked(write: Write) -> None:
    content = gzip.compress(b"id;note\n1;x\n") + gzip.compress(b"2;y\n")  # two members are one file
    reading = read(write("plan.csv.gz", content))
    (chunk,) = reading
    assert (chunk.sheet.name, chunk.rows) == ("plan", [Row(2, ("1", "x")), Row(3, ("2", "y"))])
    assert reading.sha256 == hashlib.sha256(content).hexdigest()


def test_gzip_is_told_by_its_bytes_and_can_hold_a_workbook(workbook: Workbook, write: Write) -> None:
    path = write("t.dat", gzip.compress(workbook("<row><c><v>1</v></c></row><row><c><v>7</v></c></row>").read_bytes()))
    assert [row for chunk in read(path) for row in chunk.rows] == [Row(2, ("7",))]
    assert [row for chunk in read("-", stdin=io.BytesIO(path.read_bytes())) for row in chunk.rows] == [Row(2, ("7",))]


PACKED = gzip.compress(TABLE, mtime=0)


@pytest.mark.parametrize(
    ("content", "options", "said"),
    [
        (gzip.compress(PACKED, mtime=0), {}, "is a gzip file inside a gzip file"),
        (PACKED[:-9], {}, "is a damaged gzip file: "),
        (PACKED + b"garbage", {}, "is a damaged gzip file: something else follows the packed data"),
        (PACKED[:-8] + bytes(8), {}, "is a damaged gzip file: CRC check failed"),
        (PACKED[:20] + b"\xff" * 9 + PACKED[29:], {}, "is a damaged gzip file: "),
        (gzip.compress(b"", mtime=0), {}, "is an empty gzip file"),
        (PACKED, {"bounds": Bounds(bytes=500)}, "unpacks to more than 500 bytes"),
        (gzip.compress(bytes(20_000_000), mtime=0), {}, "unpacks to more than 300 times its size"),
    ],
)
def test_a_gzip_file_that_is_damaged_or_too_much_is_one_sentence(
    write: Write, refused: Refused, content: bytes, options: dict[str, Any], said: str
) -> None:
    error = refused(write("t.csv.gz", content), **options)
    assert said in error.message
    assert error.hint


class _Rewritten(io.BytesIO):
    """A file that another program writes anew as soon as it was read to its end."""

    def read(self, size: int | None = -1, /) -> bytes:
        block = super().read(size)
        if not block:
            self.seek(0)
            self.write(gzip.compress(b"id\n2\n", mtime=0))
        return block


def test_the_bytes_of_a_gzip_file_that_are_hashed_are_those_that_are_unpacked() -> None:
    packed, copy = gzip.compress(b"id\n1\n", mtime=0), io.BytesIO()
    sha256 = unpack(_Rewritten(packed), copy, "t.csv.gz", USUAL)
    assert (sha256, copy.getvalue()) == (hashlib.sha256(packed).hexdigest(), b"id\n1\n")


# ---- bombs in workbooks


def test_a_part_that_unpacks_to_far_more_than_its_size_is_refused(workbook: Workbook, refused: Refused) -> None:
    path = workbook(parts={"xl/media/image.bmp": "\0" * 20_000_000})
    assert refused(path).message == f"{path}: a part of the workbook unpacks to more than 300 times its size"


def test_a_part_that_is_larger_than_its_directory_says_is_refused(workbook: Workbook, refused: Refused) -> None:
    path = workbook('<row r="1"><c r="A1"><v>1</v></c></row>' + " " * 5000)
    content = path.read_bytes()
    place = content.rindex(b"xl/worksheets/sheet1.xml") - 46 + 24  # its unpacked size in the directory
    path.write_bytes(content[:place] + (100).to_bytes(4, "little") + content[place + 4 :])
    assert "its part 'xl/worksheets/sheet1.xml' cannot be unpacked: " in refused(path).message


LAUGHS = (
    '<!DOCTYPE s [<!ENTITY a "ha">'
    + "".join(f'<!ENTITY {name} "{f"&{before};" * 10}">' for before, name in zip("abcdefgh", "bcdefghi", strict=True))
    + "]>"
)
SHEET = '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData><row r="1">'


@pytest.mark.parametrize(
    "part",
    [
        "xl/worksheets/sheet1.xml",
        "xl/sharedStrings.xml",
        "xl/styles.xml",
        "xl/workbook.xml",
        "xl/_rels/workbook.xml.rels",
        "_rels/.rels",
    ],
)
def test_a_billion_laughs_are_refused_in_every_part(workbook: Workbook, refused: Refused, part: str) -> None:
    content = LAUGHS + f'{SHEET}<c t="str"><v>&i;</v></c></row></sheetData></worksheet>'
    assert "its XML has a DOCTYPE, which workbooks never have" in refused(workbook(parts={part: content})).message


def test_a_doctype_far_down_or_in_small_letters_is_found(workbook: Workbook, refused: Refused) -> None:
    for padding in (262_135, 262_140, 262_144, 700_000):  # across the blocks that are read, and beyond them
        content = f"<!--{'x' * padding}--><!doctype a>{SHEET}</row></sheetData></worksheet>"
        assert "DOCTYPE" in refused(workbook(parts={"xl/sharedStrings.xml": content})).message


def test_xml_in_utf16_is_refused(tmp_path: Path, workbook: Workbook, refused: Refused) -> None:
    content = workbook().read_bytes()
    path = tmp_path / "wide.xlsx"
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(path, "w") as new:
        for name in old.namelist():
            data = old.read(name)
            new.writestr(name, data.decode().encode("utf-16") if "sheet1" in name else data)
    assert "its part 'xl/worksheets/sheet1.xml' is not in UTF-8" in refused(path).message


def test_an_archive_with_two_parts_of_one_name_is_refused(workbook: Workbook, refused: Refused) -> None:
    path = workbook()
    with zipfile.ZipFile(path, "a") as package:
        package.writestr("xl/Workbook.xml", "<workbook/>")
    assert refused(path).message == f"{path}: the workbook is damaged: two of its parts have the same name"
