"""A source that cannot be read is one clear sentence that names it and the line; a wrong width is the row's problem."""

from __future__ import annotations

import contextlib
import io
import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from importer.errors import SourceError
from importer.reader.read import read
from importer.reader.tables import CHUNK_ROWS
from importer.records import Problem, Row

from .binary_workbook import compound

Write = Callable[[str, bytes], Path]
Refused = Callable[..., SourceError]
WIDTH = "a row of another width than the header"


def zipped(*names: str) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as package:
        for name in names:
            package.writestr(name, "x")
    return content.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("t.csv", b"", "is empty"),
        ("t.csv", b"\n \n,\n", "has only blank lines"),
        ("t.csv", b"\xef\xbb\xbf", "has only blank lines"),
        ("t.xlsx", b"a,b\n1,2\n", "is not a workbook, despite its name"),
        ("t.xlsx", b"PK\x03\x04 and no more", "is damaged: it begins as a ZIP archive but is none"),
        ("t.pdf", b"%PDF-1.7\n", "is a PDF document, not a table"),
        ("t.xls", b"<html><table><tr><td>a</td></tr></table></html>", "is HTML or XML, not a CSV file or a workbook"),
        ("t.csv", "<table><tr><td>a</td></tr>".encode("utf-16"), "is HTML or XML, not a CSV file or a workbook"),
        ("t.csv", b'<meta charset="utf-8"><table>', "is HTML or XML, not a CSV file or a workbook"),
        ("t.slk", b"ID;PWXL;N;E\r\nP;PGeneral\r\nC;Y1;X1", "is a SYLK file, not a CSV file or a workbook"),
        ("t.csv", b'TABLE\r\n0,1\r\n"EXCEL"\r\n', "is a DIF file, not a CSV file or a workbook"),
        ("t.xls", b"MIME-Version: 1.0\r\nX-Document-Type: Workbook", "is a web archive, not a CSV file or a workbook"),
        ("t.csv", b"\x1f\x8b\x08\x00", "is a damaged gzip file: "),
        ("t.csv", b'{"schedules": [1]}', "is JSON, not a table"),
        ("t.docx", zipped("word/document.xml"), "this is a Word document, not a workbook"),
        ("t.ods", zipped("content.xml", "mimetype"), "this is an OpenDocument file of the kind 'x', not a workbook"),
        ("t.xlsb", zipped("xl/workbook.bin"), "its part 'xl/_rels/workbook.bin.rels' is missing"),
        ("t.zip", zipped("a.csv"), "this is a ZIP archive, not a workbook"),
        ("t.xls", bytes.fromhex("D0CF11E0A1B11AE1") + bytes(600), "the workbook is damaged: "),
        ("t.doc", compound(WordDocument=b"x"), "this is an old Office file, but no workbook"),
        ("t.xlsx", compound(EncryptedPackage=b"x"), "the workbook is encrypted with a password"),
        ("t.csv", b"id,b\n1,\x00\n", "is not a text file: a NUL character is in line 2"),
        (
            "t.csv",
            b"id,b\r\n1,\xfc\r\n2,\x81\r\n",
            "byte 0xFC at offset 8 (line 2) is not UTF-8, and byte 0x81 at offset 13 (line 3) is not Windows-1252",
        ),
        ("t.csv", b"id,b\r1,\x81\r", "and byte 0x81 at offset 7 (line 2) is not Windows-1252"),
        ("t.csv", b"\xef\xbb\xbfid,b\n1,\xff\n", "begins as UTF-8, but byte 0xFF at offset 10 (line 2) is not UTF-8"),
        ("t.csv", b"\xff\xfei\0d\0\n\0x", "begins as UTF-16, but byte 0x78 at offset 8 (line 2) is not UTF-16"),
        ("t.csv", b'id,b\n1,a\n2,"b\n3,c\n', "line 3: the row that begins here has a quote that is never closed"),
        ("t.csv", b'id,b\n1,"a"x\n', "line 2: the row that begins here has text after a closing quote"),
        ("t.csv", b'id,b\n1,"a\n2,"b"\n', "line 2: the row that begins here has text after a closing quote, at line 3"),
        ("t.csv", b'id,b\n1,"a\n2,b"\n3,"c\n4",d\n', "lines 4 to 5: a quoted cell runs over these lines and leaves"),
        ("t.csv", b'id,b\n1,"c\n4",d\n', "the row with 3 cells where the header has 2"),
        ("t.csv", b"id,b\n1," + b"x" * (1 << 20) + b"x\n", "begins in line 2: a cell holds more than 1,048,576"),
        ("t.csv", b"id,b\n" + b"1," * (1 << 23) + b"x\n", "line 2: the row is longer than 16,777,216 characters"),
    ],
)  # fmt: skip
def test_the_sentence_names_the_source_and_what_is_wrong(
    write: Write, refused: Refused, name: str, content: bytes, said: str
) -> None:
    path = write(name, content)
    error = refused(path)
    assert error.message.startswith(str(path))
    assert said in error.message
    assert error.hint


def test_a_source_that_is_not_there_or_not_a_file_says_so(tmp_path: Path, refused: Refused) -> None:
    assert refused(tmp_path / "no.csv").message == f"{tmp_path / 'no.csv'} does not exist"
    assert refused(tmp_path).message == f"{tmp_path} is a folder"
    assert refused("a\0b").message == "a\\x00b is not a file name"


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may read every file")
def test_a_source_that_may_not_be_read_says_so(write: Write, refused: Refused) -> None:
    path = write("t.csv", b"a\n")
    path.chmod(0)
    assert refused(path).message == f"{path} cannot be read: permission denied"


def test_an_empty_standard_input_is_named_in_words(
    refused: Refused, pipe: Callable[[bytes], io.BufferedReader]
) -> None:
    assert refused("-", stdin=pipe(b"")).message == "standard input is empty"


def test_a_name_cannot_command_the_terminal(refused: Refused) -> None:
    assert refused("\x1b[2J\u202e.csv").message == "\\x1b[2J\\u202e.csv does not exist"


def test_a_file_that_changes_while_it_is_read_is_refused(write: Write) -> None:
    rows = b"".join(b"%06d,some text\n" % n for n in range(200_000))
    path = write("t.csv", b"id,b\n" + rows)
    chunks = iter(read(path))
    next(chunks)
    with path.open("r+b") as file:
        file.seek(-5, os.SEEK_END)
        file.write(b"TEXT")
    with pytest.raises(SourceError, match=r"changed while it was read$"):
        list(chunks)


def test_an_error_after_some_chunks_still_comes(write: Write) -> None:
    path = write("t.csv", b"id,b\n" + b"1,x\n" * CHUNK_ROWS + b'2,"never closed\n')
    chunks = iter(read(path))
    assert len(next(chunks).rows) == CHUNK_ROWS
    with pytest.raises(SourceError, match=f"line {CHUNK_ROWS + 2}:"):
        next(chunks)


@given(
    content=st.lists(st.sampled_from([b"a", b'"', b",", b";", b"\n", b"\r", b"\xc3\xbc", b"\x81", b"\0", b" "])).map(
        b"".join
    )
)
def test_any_bytes_are_rows_or_one_sentence(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.mktemp("bytes") / "t.csv"
    path.write_bytes(content)
    with contextlib.suppress(SourceError):
        for chunk in read(path):
            assert all(len(row.cells) == len(chunk.sheet.header) for row in chunk.rows)


def test_a_row_with_too_many_cells_keeps_them_in_its_problem(write: Write) -> None:
    (chunk,) = read(write("t.csv", b"a,b,c\n1,2,3,x,\x1by\n4,5,6\n"))
    message = 'the row has 5 cells where the header has 3; beyond it is "x", "\\x1by"'
    hint = 'Put a cell that holds the delimiter itself into quotes ("a, b"), or remove the extra cells.'
    assert chunk.rows == [
        Row(2, ("1", "2", "3"), problems=(Problem(message, hint, cell="D2", topic=WIDTH),)),
        Row(3, ("4", "5", "6")),
    ]


def test_a_row_with_too_few_cells_is_padded_and_says_so(write: Write) -> None:
    (chunk,) = read(write("t.csv", b"a,b,c\n1\n"))
    hint = "Add the missing cells; empty ones need their delimiters too."
    problem = Problem("the row has 1 cell where the header has 3", hint, cell="B2", topic=WIDTH)
    assert chunk.rows == [Row(2, ("1", "", ""), problems=(problem,))]


def test_extra_cells_that_are_empty_are_no_problem(write: Write) -> None:
    (chunk,) = read(write("t.csv", b'a,b\n1,2,, \n3,"x\ny",,\n'))
    assert chunk.rows == [Row(2, ("1", "2")), Row(3, ("3", "x\ny"))]
