"""Sources that are odd by where they stand: folders, links, pipes, names."""

from __future__ import annotations

import io
import os
import socket
import threading
from pathlib import Path

import pytest

from importer.errors import SourceError
from importer.reader.limits import Bounds
from importer.reader.read import read
from importer.records import Row

from . import packed_texts, text_encodings, workbook_shapes

CSV = b"remote_id,note\nPI7DH85,a\nPABCDEF,b\n"
ROWS = [Row(2, ("PI7DH85", "a")), Row(3, ("PABCDEF", "b"))]


def rows_of(source: str | Path, **options: object) -> list[Row]:
    return [row for chunk in read(source, **options) for row in chunk.rows]  # type: ignore[arg-type]  # of the test's choice


def refused(source: str | Path, **options: object) -> SourceError:
    with pytest.raises(SourceError) as caught:
        rows_of(source, **options)
    assert caught.value.hint
    assert (caught.value.message + caught.value.hint).isprintable()
    return caught.value


def test_a_folder_is_no_source(tmp_path: Path) -> None:
    assert refused(tmp_path).message == f"{tmp_path} is a folder"


def test_a_link_is_read_as_the_file_it_points_to(tmp_path: Path) -> None:
    (tmp_path / "oncall.csv").write_bytes(CSV)
    (tmp_path / "link.xlsx").symlink_to("oncall.csv")
    (tmp_path / "link.csv").symlink_to("oncall.csv")
    assert rows_of(tmp_path / "link.csv") == ROWS


def test_a_link_to_nothing_does_not_exist(tmp_path: Path) -> None:
    link = tmp_path / "link.csv"
    link.symlink_to("gone.csv")
    assert refused(link).message == f"{link} does not exist"


def test_a_link_to_itself_is_one_sentence(tmp_path: Path) -> None:
    link = tmp_path / "link.csv"
    link.symlink_to(link)
    assert refused(link).message.startswith(f"{link} could not be read")


def test_a_name_longer_than_the_file_system_lets_is_one_sentence(tmp_path: Path) -> None:
    assert "could not be read" in refused(tmp_path / ("a" * 300)).message


def test_a_name_with_a_newline_makes_no_second_line(tmp_path: Path) -> None:
    assert "a\\nerror: b.csv does not exist" in refused(tmp_path / "a\nerror: b.csv").message


def test_a_name_that_is_no_text_is_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"Z\xfcrich.csv")
    assert "does not exist" in refused(path).message
    path.write_bytes(CSV)
    assert rows_of(path) == ROWS


def test_an_empty_device_is_empty() -> None:
    assert refused("/dev/null").message == "/dev/null is empty"


def test_a_source_without_end_is_left_at_the_bound() -> None:
    assert refused("/dev/zero", bounds=Bounds(bytes=3_000_000)).message == "/dev/zero is more than 3 MB"


def test_a_socket_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # a socket's path is short
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket.csv")
        assert refused("socket.csv").message.startswith("socket.csv could not be read")


@pytest.mark.parametrize(
    "content",
    [CSV, text_encodings.utf16_little_endian(), packed_texts.packed_csv(), workbook_shapes.dimension_too_small()],
    ids=["text", "utf-16", "packed", "workbook"],
)
def test_standard_input_and_a_named_pipe_hold_what_a_file_holds(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "oncall"
    path.write_bytes(content)
    expected = rows_of(path)
    assert rows_of("-", stdin=io.BytesIO(content)) == expected
    assert through_a_pipe(tmp_path / "pipe", content) == expected


def through_a_pipe(path: Path, content: bytes) -> list[Row]:
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_bytes, args=(content,))
    writer.start()
    try:
        return rows_of(path)
    finally:
        writer.join()
