"""One source being read: tells files from frames and workbooks from text. Parses nothing itself.

What parses is imported when a source is read, so that `import importer.reader` costs next to nothing.
"""

from __future__ import annotations

import os
import shutil
import stat
import sys
import tempfile
import threading
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from inspect import GEN_RUNNING, getgeneratorstate
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, TypeAlias

from importer.errors import InterruptedReadingError
from importer.reader.chunks import Chunk
from importer.reader.header_row import HeaderRule
from importer.reader.limits import USUAL, Bounds, too_many_rows

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Generator, Sequence

    import anyio
    import pandas as pd

    from importer.notice import Notice


#: Makes the chunks of one source, adds to the notices given, and returns the SHA-256.
Chunks: TypeAlias = "Callable[[list[Notice]], Generator[Chunk, None, str]]"


#: What `read` takes: a path, "-" for standard input, or a DataFrame.
Source: TypeAlias = "str | os.PathLike[str] | pd.DataFrame"


class Reading:
    """One source, to be iterated once, for its chunks. Close the iterator to stop early.

    Raises while iterated:
        SourceError: The source cannot be read; rows handed over before that must not be used.
    """

    name: str  #: the source as the user named it; "-" is standard input, "DataFrame" a frame
    path: str  #: absolute; empty where there is none
    sha256: str  #: of the file's bytes, of a frame's text; hex, empty until the iteration has ended
    notices: list[Notice]  #: what is worth telling; complete when the iteration has ended
    share: float  #: how much of it has been read, from 0 to 1; 0 of a frame

    def __init__(
        self,
        name: str,
        path: str,
        chunks: Chunks,
        bounds: Bounds = USUAL,
        stopped: threading.Event | None = None,
    ) -> None:
        self.name = name
        self.path = path
        self.sha256 = ""
        self.notices = []
        self._stopped = stopped or threading.Event()
        self.share = 0.0
        self._chunks = chunks
        self._bounds = bounds
        self._is_begun = False

    def stop(self) -> None:
        """End the reading soon, from another thread: it raises InterruptedReadingError."""
        self._stopped.set()

    def __iter__(self) -> Generator[Chunk, None, None]:
        if self._is_begun:
            raise RuntimeError("a Reading is iterated once")
        self._is_begun = True
        return self._read()

    def _read(self) -> Generator[Chunk, None, None]:
        self.sha256 = yield from self._bounded(self._chunks(self.notices))

    def _bounded(self, chunks: Generator[Chunk, None, str]) -> Generator[Chunk, None, str]:
        """Pass the chunks on until they are too many; give what `chunks` returns."""
        left = self._bounds.rows
        try:
            while True:
                chunk = next(chunks)
                left -= len(chunk.rows)
                if left < 0:
                    from importer.reader.source_file import named

                    raise too_many_rows(named(self.name), self._bounds)
                self.share = chunk.share
                yield chunk
        except StopIteration as end:
            return str(end.value)
        finally:
            chunks.close()


@dataclass(frozen=True, slots=True)
class Wishes:
    """How a file is to be read."""

    sheets: tuple[str, ...]  #: names; empty: all that are visible
    rule: HeaderRule
    bounds: Bounds
    encoding: str | None  #: of a text; None: it is found out
    stopped: threading.Event


def read(  # noqa: PLR0913  (all but the source by name)
    source: Source,
    *,
    sheets: Sequence[str] = (),
    stdin: BinaryIO | None = None,
    is_header: Callable[[Sequence[str]], int] | None = None,
    is_known: Callable[[str], bool] | None = None,
    header_row: int | None = None,
    encoding: str | None = None,
    bounds: Bounds = USUAL,
) -> Reading:
    """Prepare to read a source; nothing is opened before the first chunk is asked for.

    What the file holds decides how it is read, not its name. `sheets` selects sheets of a workbook by name, hidden ones
    too; a CSV has only one and ignores it. `stdin` stands in for the process's standard input, or for
    what a file holds.

    The header is row `header_row`; 0: there is none, and columns are named by their letters; None: the first of the
    first 30 rows that are not blank for which `is_header` is highest, else the very first. It is given a row's texts.
    Rows above the header and rows that repeat it exactly are left out with a notice. A row below it of texts that
    `is_known` knows as headers begins another sheet, which has its name. All this is not for a DataFrame, whose columns
    are its header. `encoding` is the name of a Python codec; a byte order mark outranks it.
    """
    if isinstance(source, str | os.PathLike):
        name = os.fspath(source)
        path = "" if name == "-" else str(Path(name).absolute())
        rule = HeaderRule(header_row, is_header, is_known)
        wishes = Wishes(tuple(sheets), rule, bounds, encoding, threading.Event())
        return Reading(name, path, partial(_file_chunks, name, stdin, wishes), bounds, wishes.stopped)
    return Reading("DataFrame", "", partial(_frame_chunks, source), bounds)


def _file_chunks(
    name: str, stdin: BinaryIO | None, wishes: Wishes, notices: list[Notice]
) -> Generator[Chunk, None, str]:
    from importer.reader import source_file
    from importer.reader.csv import csv_file
    from importer.reader.workbook import parent

    rule, bounds = wishes.rule, wishes.bounds
    with source_file.opened(name, stdin, bounds) as source:
        if source_file.is_workbook(source.file, name):
            chunks = parent.workbook_chunks(
                source.file, name, wishes.sheets, notices, rule=rule, bounds=bounds, stopped=wishes.stopped
            )
        else:
            chunks = csv_file.csv_chunks(source.file, name, notices, rule, bounds, encoding=wishes.encoding)
        sha256 = yield from chunks
    return source.sha256 or sha256


def _frame_chunks(frame: pd.DataFrame, notices: list[Notice]) -> Generator[Chunk, None, str]:
    from importer.reader import frames

    return (yield from frames.frame_chunks(frame, notices))


# ---- Reading while signals are heard: what blocks does so on a thread


async def spool(source: Source, interrupted: anyio.Event) -> BinaryIO | None:
    """Copy standard input, or a pipe with a name, to a temporary file; None for a source that is there as a whole.

    Whoever writes into a pipe may never begin, and never end.

    Raises:
        InterruptedReadingError: interrupted; the thread goes on waiting and is left behind.
    """
    if not isinstance(source, str | os.PathLike) or not _is_pipe(os.fspath(source)):
        return None
    import anyio

    spooled = tempfile.TemporaryFile()  # noqa: SIM115  (who reads it closes it)
    async with anyio.create_task_group() as group:
        group.start_soon(_call_on, interrupted, group.cancel_scope.cancel)
        copy = partial(_copy, os.fspath(source), spooled)
        await anyio.to_thread.run_sync(copy, abandon_on_cancel=True)
        group.cancel_scope.cancel()
    if interrupted.is_set():
        raise _interrupted()
    spooled.seek(0)
    return spooled


async def read_on_thread(reading: Reading, interrupted: anyio.Event) -> AsyncGenerator[Chunk, None]:
    """Yield a reading's chunks.

    Raises:
        InterruptedReadingError: interrupted.
    """
    import anyio

    chunks = iter(reading)
    try:
        while True:
            chunk: Chunk | None = None
            failure: Exception | None = None
            async with anyio.create_task_group() as group:
                group.start_soon(_call_on, interrupted, reading.stop)
                try:
                    chunk = await anyio.to_thread.run_sync(next, chunks, None)
                except Exception as error:
                    failure = error
                group.cancel_scope.cancel()
            if interrupted.is_set() or isinstance(failure, InterruptedReadingError):
                raise _interrupted()
            if failure is not None:
                raise failure
            if chunk is None:
                return
            yield chunk
    finally:
        if getgeneratorstate(chunks) != GEN_RUNNING:  # else its thread stands still, and is left behind
            chunks.close()


async def _call_on(event: anyio.Event, call: Callable[[], None]) -> None:
    await event.wait()
    call()


def _is_pipe(name: str) -> bool:
    if name == "-":
        return True
    try:
        mode = Path(name).stat().st_mode
    except (OSError, ValueError):
        return False
    return not stat.S_ISREG(mode) and not stat.S_ISDIR(mode)


def _copy(name: str, spooled: BinaryIO) -> None:
    with suppress(ValueError):  # of a file that was closed meanwhile, by whoever no longer waits
        if name == "-":
            shutil.copyfileobj(sys.stdin.buffer, spooled)
            return
        with Path(name).open("rb") as file:
            shutil.copyfileobj(file, spooled)


def _interrupted() -> InterruptedReadingError:
    return InterruptedReadingError("interrupted while reading; nothing was sent", hint="Start it again.")
