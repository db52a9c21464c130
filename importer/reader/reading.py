"""One source being read: tells files from frames and workbooks from text. Parses nothing itself.

What parses is imported when a source is read, so that `import importer.reader` costs next to nothing.
"""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, TypeAlias

from importer.reader.chunks import Chunk

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    import pandas as pd

#: Makes the chunks of one source, adds to the notices given, and returns the SHA-256.
Chunks: TypeAlias = "Callable[[list[str]], Generator[Chunk, None, str]]"


class Reading:
    """One source, to be iterated once, for its chunks. Close the iterator to stop early.

    Raises while iterated:
        SourceError: The source cannot be read; rows handed over before that must not be used.
    """

    name: str  #: the source as the user named it; "-" is standard input, "DataFrame" a frame
    path: str  #: absolute; empty where there is none
    sha256: str  #: of the file's bytes, of a frame's text; hex, empty until the iteration has ended
    notices: list[str]  #: facts worth telling, a sentence each; complete when the iteration has ended

    def __init__(self, name: str, path: str, chunks: Chunks) -> None:
        self.name = name
        self.path = path
        self.sha256 = ""
        self.notices = []
        self._chunks = chunks
        self._is_begun = False

    def __iter__(self) -> Generator[Chunk, None, None]:
        if self._is_begun:
            raise RuntimeError("a Reading is iterated once")
        self._is_begun = True
        return self._read()

    def _read(self) -> Generator[Chunk, None, None]:
        self.sha256 = yield from self._chunks(self.notices)


def read(
    source: str | os.PathLike[str] | pd.DataFrame, *, sheets: Sequence[str] = (), stdin: BinaryIO | None = None
) -> Reading:
    """Prepare to read a source; nothing is opened before the first chunk is asked for.

    What the file holds decides how it is read, not its name. `sheets` selects sheets of a workbook by name, hidden ones
    too; a CSV has only one and ignores it. `stdin` stands in for the process's standard input.
    """
    if isinstance(source, str | os.PathLike):
        name = os.fspath(source)
        path = "" if name == "-" else str(Path(name).absolute())
        return Reading(name, path, partial(_file_chunks, name, tuple(sheets), stdin))
    return Reading("DataFrame", "", partial(_frame_chunks, source))


def _file_chunks(
    name: str, sheets: Sequence[str], stdin: BinaryIO | None, notices: list[str]
) -> Generator[Chunk, None, str]:
    from importer.reader import delimited, opening, workbooks

    with opening.opened(name, stdin) as file:
        if opening.is_workbook(file, name):
            return (yield from workbooks.workbook_chunks(file, name, sheets, notices))
        return (yield from delimited.csv_chunks(file, name, notices))


def _frame_chunks(frame: pd.DataFrame, notices: list[str]) -> Generator[Chunk, None, str]:
    from importer.reader import frames

    return (yield from frames.frame_chunks(frame, notices))
