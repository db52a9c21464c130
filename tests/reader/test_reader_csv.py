"""A CSV's text arrives unchanged, whatever its encoding, delimiter and line ends."""

from __future__ import annotations

import csv
import hashlib
import io
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from importer.errors import SourceError
from importer.reader.read import read
from importer.reader.tables import CHUNK_ROWS
from importer.records import Row

from .in_process import notice_texts

Write = Callable[[str, bytes], Path]


def rows_of(source: Any, **options: Any) -> list[Row]:
    return [row for chunk in read(source, **options) for row in chunk.rows]


def as_csv(table: list[list[str]], *, delimiter: str = ",", end: str = "\r\n", quoting: Any = csv.QUOTE_ALL) -> str:
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter, lineterminator=end, quoting=quoting).writerows(table)
    return text.getvalue()


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize(
    "codec",
    [
        *("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"),
        *("utf-32", "utf-32-le", "utf-32-be"),
    ],
)
def test_every_encoding_delimiter_and_line_end_gives_the_same_rows(
    write: Write, codec: str, delimiter: str, end: str
) -> None:
    table = [["remote_id", "team, name", "note"], ["00042", "Zürich €“A”", "a\r\nb"], ["NA", "1e5", "null"]]
    path = write("t.csv", as_csv(table, delimiter=delimiter, end=end).encode(codec))
    (chunk,) = read(path)
    assert chunk.sheet.header == tuple(table[0])
    assert [row.cells for row in chunk.rows] == [tuple(line) for line in table[1:]]


@pytest.mark.parametrize("mark", [b"\xff\xfe", b"\xfe\xff"])
def test_utf16_of_either_byte_order_is_told_by_its_mark(write: Write, mark: bytes) -> None:
    codec = "utf-16-le" if mark == b"\xff\xfe" else "utf-16-be"
    (chunk,) = read(write("t.csv", mark + "名前,b\n値,2\n".encode(codec)))
    assert (chunk.sheet.header, chunk.rows[0].cells) == (("名前", "b"), ("値", "2"))


@pytest.mark.parametrize("codec", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
@pytest.mark.parametrize("word", ["東京当番" * 7, "一丁目" * 7, "Дежурство" * 3])
def test_wide_text_without_a_mark_is_told_by_the_plain_letters_between(write: Write, codec: str, word: str) -> None:
    table = "remote_id,team\n" + f"PI7DH85,{word}\n" * 400
    reading = read(write("t.csv", table.encode(codec)))
    (chunk,) = reading
    assert {row.cells for row in chunk.rows} == {("PI7DH85", word)}
    assert notice_texts(reading) == [f"{reading.name} is read as {codec.upper()[:-3]}"]


@pytest.mark.parametrize("nuls", [b"\0", b"\0\0", b"a\0b\0c\0d\0", b"\0" * 300])
def test_a_text_with_nuls_is_no_wide_text(write: Write, nuls: bytes) -> None:
    error = refusal(write("t.csv", b"remote_id,team\nPI7DH85," + nuls + b"\n" + b"PI7DH86,x\n" * 20))
    assert "a NUL character is in line 2" in error.message


cells = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20)
wide_tables = st.integers(2, 5).flatmap(
    lambda width: st.lists(st.lists(cells, min_size=width, max_size=width), min_size=1, max_size=30)
)


@given(table=wide_tables, delimiter=st.sampled_from(",;\t|"), end=st.sampled_from(["\n", "\r\n"]))
def test_any_table_comes_back_unchanged_with_the_numbers_a_spreadsheet_gives(
    tmp_path_factory: pytest.TempPathFactory, table: list[list[str]], delimiter: str, end: str
) -> None:
    table[0] = ["id", *table[0][1:-1], "last"]
    path = tmp_path_factory.mktemp("table") / "t.csv"
    path.write_bytes(as_csv(table, delimiter=delimiter, end=end).encode())
    (chunk,) = read(path)
    assert chunk.sheet.header == tuple(table[0])
    expected = [(n, tuple(line)) for n, line in enumerate(table, 1) if n > 1 and any(c.strip() for c in line)]
    assert [(row.number, row.cells) for row in chunk.rows] == expected


def test_quoted_newlines_do_not_count_as_rows_and_blank_lines_do(write: Write) -> None:
    path = write("t.csv", b'\n , \nid,note\n1,"a\nb\n\nc"\n\n,\n2,d\n')
    (chunk,) = read(path)
    assert [(row.number, row.cells) for row in chunk.rows] == [(4, ("1", "a\nb\n\nc")), (7, ("2", "d"))]


def test_a_csv_is_one_sheet_named_as_spreadsheets_name_it(write: Write) -> None:
    path = write("on call.csv", b"a,,b,,\n1,2,3,,\n")
    reading = read(path, sheets=["not of a CSV"])
    (chunk,) = reading
    sheet = chunk.sheet
    assert (sheet.source, sheet.name, reading.name) == (str(path), "on call", str(path))
    assert (sheet.header, sheet.positions) == (("a", "", "b"), (0, 1, 2))
    assert notice_texts(reading) == [f"{path} is a CSV, which has no sheets to choose from: all of it is read"]


def test_the_end_of_file_sign_of_dos_is_no_row(write: Write) -> None:
    assert [row.number for row in rows_of(write("t.csv", b"id,b\r\n1,2\r\n\x1a"))] == [2]


def test_a_header_without_rows_is_a_chunk_without_rows(write: Write) -> None:
    (chunk,) = read(write("t.csv", b"a,b\r\n"))
    assert (chunk.sheet.header, chunk.rows) == (("a", "b"), [])


def test_rows_come_in_chunks_of_one_sheet_object_with_nothing_lost_between(write: Write) -> None:
    count = CHUNK_ROWS * 2 + 1
    path = write("t.csv", b"id,b\n" + b"".join(b"%d,x\n" % n for n in range(count)))
    chunks = list(read(path))
    assert [len(chunk.rows) for chunk in chunks] == [CHUNK_ROWS, CHUNK_ROWS, 1]
    assert all(chunk.sheet is chunks[0].sheet for chunk in chunks)
    assert [row.cells[0] for chunk in chunks for row in chunk.rows] == [str(n) for n in range(count)]


@pytest.mark.parametrize(
    ("text", "header"),
    [
        ("id\n1\n2\n", ("id",)),
        ("id;when (a, b);x\n1;2;3\n", ("id", "when (a, b)", "x")),
        ("ID;PROVIDER\nB;OPSGENIE\n", ("ID", "PROVIDER")),
        ('"a;b",c\n"1;2",3\n', ("a;b", "c")),
        ('"a,b"\n"1,2"\n', ("a,b",)),
        ("id,when|where\n1,a\n2,b|c\n", ("id", "when|where")),
        ("a\tb, c\n1\t2\n", ("a", "b, c")),
    ],
)
def test_the_delimiter_is_the_one_that_fits_header_and_rows(write: Write, text: str, header: tuple[str, ...]) -> None:
    (chunk,) = read(write("t.csv", text.encode()))
    assert chunk.sheet.header == header


def test_windows_1252_is_told_with_the_line_that_is_no_utf8(write: Write) -> None:
    path = write("t.csv", "id,name\n1,a\n2,Zürich\n".encode("cp1252"))
    reading = read(path)
    assert [row.cells for chunk in reading for row in chunk.rows] == [("1", "a"), ("2", "Zürich")]
    (notice,) = notice_texts(reading)
    assert notice.startswith(f"{path} is read as Windows-1252 (line 3 is not UTF-8); ")
    assert notice.endswith("if its letters come out wrong, name its encoding with --encoding, as mac_roman or cp850")


def test_a_multibyte_character_across_a_block_is_no_fault(write: Write) -> None:
    text = "id,name\n" + "".join(f"{n},{'ü' * 50}x\n" for n in range(30_000))
    rows = rows_of(write("t.csv", text.encode()))
    assert len(rows) == 30_000
    assert {row.cells[1] for row in rows} == {"ü" * 50 + "x"}


def test_the_hash_is_that_of_the_files_bytes(write: Write) -> None:
    content = "id,name\r\n1,Zürich\r\n".encode("cp1252")
    reading = read(write("t.csv", content))
    assert reading.sha256 == ""
    list(reading)
    assert reading.sha256 == hashlib.sha256(content).hexdigest()


def test_standard_input_is_read_from_a_pipe(pipe: Callable[[bytes], io.BufferedReader]) -> None:
    reading = read("-", stdin=pipe(b"a;b\n1;2\n"))
    (chunk,) = reading
    assert (chunk.sheet.source, chunk.sheet.name, reading.path) == ("-", "stdin", "")
    assert chunk.rows == [Row(2, ("1", "2"))]


def test_the_process_standard_input_is_the_default() -> None:
    program = "from importer.reader.read import read; print([r.cells for c in read('-') for r in c.rows])"
    run = subprocess.run(
        [sys.executable, "-c", program], input="a,b\n1,2\n", capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == "[('1', '2')]"


def test_a_named_pipe_is_read_like_a_file(tmp_path: Path) -> None:
    path = tmp_path / "fifo"
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_bytes, args=(b"a,b\n1,2\n",))
    writer.start()
    assert rows_of(path) == [Row(2, ("1", "2"))]
    writer.join()


def test_importing_the_reader_does_not_import_pandas_or_calamine() -> None:
    program = "import sys, importer.reader.read; print({'pandas', 'python_calamine', 'pydantic'} & set(sys.modules))"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "set()"


def test_a_reading_is_iterated_once(write: Write) -> None:
    reading = read(write("t.csv", b"a,b\n1,2\n"))
    list(reading)
    with pytest.raises(RuntimeError):
        iter(reading)


# ---- encodings that are told apart, or are in nobody's sight


def refusal(path: Path, **options: Any) -> SourceError:
    with pytest.raises(SourceError) as caught:
        list(read(path, **options))
    return caught.value


def test_a_stray_byte_in_a_text_of_utf8_is_named_with_its_line_and_the_option(write: Write) -> None:
    path = write("t.csv", "id,group\nP1,Zürich\nP2,Bonn ".encode() + b"\x96 West\n")
    error = refusal(path)
    assert error.message == f"{path}: some of it reads as UTF-8, but byte 0x96 at offset 28 (line 3) does not"
    assert "--encoding" in error.hint


@pytest.mark.parametrize("codec", ["cp1251", "gb18030", "shift_jis", "shift_jis_2004", "euc_jp", "cp1253"])
def test_a_text_in_no_certain_encoding_is_refused_and_read_where_it_is_named(write: Write, codec: str) -> None:
    word = {
        "cp1251": "Дежурный",
        "gb18030": "值班组值班",
        "shift_jis": "東京当番日程",
        "shift_jis_2004": "東京当番",
        "euc_jp": "当番",
        "cp1253": "Αθήνα εφημερία",
    }[codec]
    path = write("t.csv", f"id,group\nP1,{word}\n".encode(codec))
    error = refusal(path)
    assert "line 2" in error.message
    assert "--encoding" in error.hint
    assert rows_of(path, encoding=codec) == [Row(2, ("P1", word))]


def test_a_byte_order_mark_outranks_the_encoding_that_is_named(write: Write) -> None:
    assert rows_of(write("t.csv", b"\xef\xbb\xbfid,b\n1,\xc3\xbc\n"), encoding="shift_jis") == [Row(2, ("1", "ü"))]


@pytest.mark.parametrize("codec", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
def test_wide_text_without_a_mark_is_read_where_its_family_is_named(write: Write, codec: str) -> None:
    (row,) = rows_of(write("t.csv", "id,b\n1,東\n".encode(codec)), encoding=codec[:-3])
    assert row.cells == ("1", "東")


def test_a_byte_that_the_named_encoding_does_not_have_is_named(write: Write) -> None:
    path = write("t.csv", b"id,b\n1,x\n2,\xff\n")
    assert refusal(path, encoding="utf-8").message == f"{path}: byte 0xFF at offset 11 (line 3) is not utf-8"


@pytest.mark.parametrize(
    ("codec", "word", "shown"),
    [("iso2022_jp", "東京 当番", "ISO-2022-JP"), ("iso2022_kr", "서울 당직", "ISO-2022-KR")],
)
def test_a_text_of_seven_bits_with_escapes_is_read_and_told(write: Write, codec: str, word: str, shown: str) -> None:
    reading = read(write("t.csv", f"id,group\nP1,{word}\n".encode(codec)))
    assert [row.cells for chunk in reading for row in chunk.rows] == [("P1", word)]
    assert notice_texts(reading)[0].endswith(f"is read as {shown}")


@pytest.mark.parametrize("codec", ["big5", "euc_jp", "hz", "utf-7"])
@pytest.mark.parametrize("word", ["北京中村", "中村三郎"])
def test_what_a_text_of_another_encoding_is_not_is_told_truly(write: Write, codec: str, word: str) -> None:
    """Some of their bytes read as UTF-8 or Windows-1252, or all as plain letters."""
    path = write("t.csv", f"id,group\nP1,Team {word}; x\n".encode(codec))
    error = refusal(path)
    assert "is UTF-8, but" not in error.message
    assert "line 2" in error.message
    assert "--encoding" in error.hint
    assert rows_of(path, encoding=codec) == [Row(2, ("P1", f"Team {word}; x"))]


@pytest.mark.parametrize(
    ("codec", "word", "said"),
    [("hz", "值班", "'~{V50`~}' in line 2 is '值班' in hz"), ("utf-7", "Zürich", "'+APw-' in line 2 is 'ü' in utf-7")],
)
def test_letters_that_stand_for_others_are_never_sent_as_they_are(
    write: Write, codec: str, word: str, said: str
) -> None:
    error = refusal(write("t.csv", f"id,group\nP1,{word}\n".encode(codec)))
    assert error.message.endswith(f"is in an encoding that is not certain: {said}")
    assert error.hint == (f"Name its encoding: --encoding {codec}, or --encoding utf-8 if it is meant as it is.")


@pytest.mark.parametrize(
    "text",
    [
        *(
            "me+tag-7@example.com",
            "+49-30-123",
            "+49 170 1234567",
            "a+Rotation-b",
            "on+call team",
            "~{x}~",
            "~{ab",
            "+ABC-D",
        ),
        *("C++-team", "+010-1234-5678", "+1-800-FLOWERS", "2027-03-01T09:00+0530", "a+b2c4-d", "A+B", "ops+ESCALATION"),
    ],
)
def test_plain_text_is_not_taken_for_letters_that_stand_for_others(write: Write, text: str) -> None:
    assert rows_of(write("t.csv", f"id,group\nP1,{text}\n".encode())) == [Row(2, ("P1", text))]


@pytest.mark.parametrize(
    "text",
    ["„Übergröße“", "« Été », « Noël »", "——————", "…………", "Ärger, Öl, Übung", "¿Élan? ¡Ñandú!", "Søren Ångström"],
)
def test_signs_and_accents_of_western_europe_are_no_sign_of_another_encoding(write: Write, text: str) -> None:
    assert rows_of(write("t.csv", f'id,group\nP1,"{text}"\n'.encode("cp1252"))) == [Row(2, ("P1", text))]


# ---- quotes and delimiters


def test_a_delimiter_that_tears_quoted_cells_apart_is_none(write: Write) -> None:
    (chunk,) = read(write("t.csv", b'Datum;"Betrag, EUR"\n01.03.2027;3,50\n02.03.2027;4,75\n'))
    assert (chunk.sheet.header, chunk.rows[0].cells) == (("Datum", "Betrag, EUR"), ("01.03.2027", "3,50"))


@pytest.mark.parametrize(
    ("line", "cells"),
    [
        ('1,   "101, 102", x', ("1", "101, 102", "x")),
        ('2, "103", "a, b"', ("2", "103", "a, b")),
        (' "1", "101, 102",x', ("1", "101, 102", "x")),
        ('1,"101, 102" ,x', ("1", "101, 102", "x")),
        ('"1" , "101, 102" , "x" ', ("1", "101, 102", "x")),
        ('1,"say ""a"" , b",x', ("1", 'say "a" , b', "x")),
        ('1,"say ""a"" , b" ,x', ("1", 'say "a" , b', "x")),
    ],
)
def test_blanks_around_quotes_are_no_part_of_the_cell(write: Write, line: str, cells: tuple[str, ...]) -> None:
    (row,) = rows_of(write("t.csv", f"id, rotation, note\n{line}\n".encode()))
    assert (row.cells, row.problems) == (cells, ())


def test_a_line_inside_a_quoted_cell_is_not_taken_for_the_row(write: Write) -> None:
    (row,) = rows_of(write("t.csv", b'id,rotation,note\n1,"a\nb, """", c",x\n'))
    assert row.cells == ("1", 'a\nb, "", c', "x")


def test_a_quoted_cell_that_swallows_rows_and_blank_lines_is_told(write: Write) -> None:
    (row,) = rows_of(write("t.csv", b'id,provider,note\nP1,PD,"5 inch\n\nP2,PD,x\n\nP3,PD,6"\n'))
    assert row.warnings[0].message == "a quoted cell runs over lines 2 to 6, each of which looks like a row"


def test_a_quoted_cell_that_swallows_rows_is_told(write: Write) -> None:
    text = b'id,provider,note\nP1,PD,"5 inch\nP2,PD,x\nP3,PD,6"\nP4,PD,"two\nlines"\n'
    first, second = rows_of(write("t.csv", text))
    assert [(warning.cell, warning.message) for warning in first.warnings] == [
        ("C2", "a quoted cell runs over lines 2 to 4, each of which looks like a row")
    ]
    assert second.warnings == ()


# ---- what could go on for ever


def test_blank_lines_are_bounded(write: Write) -> None:
    path = write("t.csv", b"id\n1\n" + b"\n" * 1_100_000)
    assert refusal(path).message == f"{path}: more than 1,048,576 blank lines follow row 2"


def test_blank_lines_between_rows_are_numbered(write: Write) -> None:
    reading = read(write("t.csv", b"\xef\xbb\xbf\n \nid,b\r\n1,x" + b"\n,\r\n \r" * 50_000 + b"\n2,y\n"))
    (chunk,) = reading
    assert (chunk.sheet.header_row, chunk.rows) == (3, [Row(4, ("1", "x")), Row(100_005, ("2", "y"))])
    assert reading.share == 1


def test_headers_of_tables_one_below_the_other_are_bounded(write: Write) -> None:
    def is_header(cells: Any) -> int:
        return len(cells)

    path = write("t.csv", b"id,b\nb,id\n" * 5_100)
    error = refusal(path, is_header=is_header, is_known=lambda text: text in {"id", "b"})
    assert error.message == f"{path}: more than 10,000 rows are headers"


def test_blanks_behind_a_quote_are_read_once(write: Write) -> None:
    path = write("t.csv", b'id,b\n1,"a"' + b" " * 500_000 + b"x\n")
    assert refusal(path).message.startswith(f"{path}, line 2")


def test_repeated_headers_are_bounded(write: Write) -> None:
    path = write("t.csv", b"id,b\n" * 110_000)
    assert refusal(path).message == f"{path}: more than 100,000 rows repeat the header"
