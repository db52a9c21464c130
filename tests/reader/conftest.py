"""What the tests of reading share: sources written to disk, and workbooks put together by hand."""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from importer.errors import SourceError
from importer.reader.read import read
from importer.reader.tables import Chunk

NAMESPACE = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
RELATIONSHIPS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_LINKS = "http://schemas.openxmlformats.org/package/2006/relationships"


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, bytes], Path]:
    """Write a source into a folder of its own."""

    def _write(name: str, content: bytes) -> Path:
        path = tmp_path / name
        path.write_bytes(content)
        return path

    return _write


@pytest.fixture
def refused() -> Callable[..., SourceError]:
    """Read a source that cannot be read, and give the error."""

    def _refused(source: Any, **options: Any) -> SourceError:
        with pytest.raises(SourceError) as caught:
            _all(read(source, **options))
        return caught.value

    return _refused


def _all(chunks: Iterator[Chunk] | Any) -> list[Chunk]:
    return list(chunks)


@pytest.fixture
def workbook(tmp_path: Path) -> Callable[..., Path]:
    """Put a workbook together from the XML of its rows: one sheet named S, parts replaced or left out."""

    def _workbook(rows: str = "", *, styles: str = "", parts: dict[str, str | None] | None = None) -> Path:
        usual = {
            "_rels/.rels": f'<Relationships xmlns="{_LINKS}"><Relationship Id="r" Type="{RELATIONSHIPS}/officeDocument"'
            ' Target="xl/workbook.xml"/></Relationships>',
            "xl/workbook.xml": f'<workbook xmlns="{NAMESPACE}" xmlns:r="{RELATIONSHIPS}"><sheets>'
            '<sheet name="S" sheetId="1" r:id="r1"/></sheets></workbook>',
            "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{_LINKS}"><Relationship Id="r1"'
            f' Type="{RELATIONSHIPS}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>',
            "xl/styles.xml": f'<styleSheet xmlns="{NAMESPACE}">{styles}</styleSheet>',
            "xl/worksheets/sheet1.xml": f'<worksheet xmlns="{NAMESPACE}"><sheetData>{rows}</sheetData></worksheet>',
        }
        path = tmp_path / "made.xlsx"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as package:
            for name, content in {**usual, **(parts or {})}.items():
                if content is not None:
                    package.writestr(name, content)
        return path

    return _workbook


@pytest.fixture
def pipe() -> Iterator[Callable[[bytes], io.BufferedReader]]:
    """Make a pipe that holds some bytes, as standard input does; not seekable."""
    opened: list[io.BufferedReader] = []

    def _pipe(content: bytes) -> io.BufferedReader:
        reading, writing = os.pipe()
        os.write(writing, content)
        os.close(writing)
        opened.append(os.fdopen(reading, "rb"))
        return opened[-1]

    yield _pipe
    for stream in opened:
        stream.close()
