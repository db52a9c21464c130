"""Reads one source, by passing it to the reader for its form: DataFrame, workbook or CSV.

These readers are imported when they are needed, so that `import importer.reader` is cheap.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
import threading
from dataclasses import dataclass, field
from functools import partial
from inspect import GEN_RUNNING, getgeneratorstate
from itertools import islice, takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, TypeAlias, TypeVar

from importer.cells import cell_name
from importer.errors import InterruptedReadingError, SourceError
from importer.notice import Notice, NoticeLevel
from importer.reader.cell_text import INEXACT, text_of
from importer.reader.header_row import FIRST_ROW, HeaderRule
from importer.reader.limits import USUAL, Bounds, too_many_rows
from importer.reader.source_file import copy, is_pipe, named, opened
from importer.reader.tables import CHUNK_ROWS, Chunk
from importer.wording import is_unicode

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Collection, Generator, Iterable, Iterator, Sequence
    from hashlib import _Hash

    import anyio
    import pandas as pd

    from importer.records import Row


Result = TypeVar("Result")
#: What `read` takes: a path, "-" for standard input, or a DataFrame.
Source: TypeAlias = "str | os.PathLike[str] | pd.DataFrame"


@dataclass(eq=False)
class Reading:
    """One source, to be iterated once, for its chunks. Close the iterator to stop early.

    Raises while iterated:
        SourceError: The source cannot be read; rows handed over before that must not be used.
    """

    name: str  #: the source as the user named it; "-" is standard input, "DataFrame" a frame
    path: str  #: absolute; empty if there is none
    _chunks: Callable[[Reading], Generator[Chunk, None, str]]  #: makes them, adds to the notices, returns the SHA-256
    _bounds: Bounds
    sha256: str = ""  #: of the file's bytes, of a frame's text; hex, empty until the iteration has ended
    notices: list[Notice] = field(default_factory=list)  #: worth telling; complete when the iteration has ended
    share: float = 0.0  #: how much of it has been read, from 0 to 1; 0 of a frame
    stopped: threading.Event = field(default_factory=threading.Event)  #: set, from any thread, it ends the reading
    _is_begun: bool = False

    def __iter__(self) -> Generator[Chunk, None, None]:
        if self._is_begun:
            raise RuntimeError("a Reading is iterated once")
        self._is_begun = True
        return self._read()

    def _read(self) -> Generator[Chunk, None, None]:
        chunks, left = self._chunks(self), self._bounds.rows
        try:
            while True:
                chunk = next(chunks)
                left -= len(chunk.rows)
                if left < 0:
                    raise too_many_rows(named(self.name), self._bounds)
                self.share = chunk.share
                yield chunk
        except StopIteration as end:
            self.sha256 = str(end.value)
        finally:
            chunks.close()


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
    too; a CSV is read whole, with a notice. `stdin` stands in for the process's standard input, or for
    what a file holds.

    The header is row `header_row`; 0: there is none, and columns are named by their letters; None: the first of the
    first 30 rows that are not blank for which `is_header` is highest, else the very first. It is given a row's texts.
    Rows above the header and rows that repeat it exactly are left out with a notice. A row below it of texts that
    `is_known` knows as headers begins another sheet, which has its name. All this is not for a DataFrame, whose columns
    are its header. `encoding` is the name of a Python codec; a byte order mark outranks it.
    """
    if not isinstance(source, str | os.PathLike):
        return Reading(_FRAME, "", partial(_frame_chunks, source), bounds)
    name = os.fspath(source)
    path = "" if name == "-" else str(Path(name).absolute())
    rule = HeaderRule(header_row, is_header, is_known)
    return Reading(name, path, partial(_file_chunks, stdin, sheets, rule, bounds, encoding), bounds)


def _file_chunks(
    stdin: BinaryIO | None,
    sheets: Sequence[str],
    rule: HeaderRule,
    bounds: Bounds,
    encoding: str | None,
    reading: Reading,
) -> Generator[Chunk, None, str]:
    from importer.reader import csv_file, workbook
    from importer.reader.encoding import is_workbook

    name, notices, stopped = reading.name, reading.notices, reading.stopped
    with opened(name, stdin, bounds) as (file, sha256_of_gzip):
        if is_workbook(file, name):
            sha256 = yield from workbook.workbook_chunks(
                file, name, sheets, notices, rule=rule, bounds=bounds, stopped=stopped
            )
        else:
            if sheets:
                notices.append(Notice(f"{named(name)} is a CSV, which has no sheets to choose from: all of it is read"))
            sha256 = yield from csv_file.csv_chunks(file, name, notices, rule=rule, bounds=bounds, encoding=encoding)
    return sha256_of_gzip or sha256


def find_lines(name: str, rows: Collection[int]) -> dict[int, int]:
    """Return the line of a CSV, from 1, on which each of these rows begins, as far as the file can still be read.

    A workbook has no lines. The file is read up to the last of the rows.
    """
    from importer.reader.csv_file import csv_records, find_dialect
    from importer.reader.encoding import examine, is_workbook

    try:
        with opened(name) as (file, _):
            if is_workbook(file, name):
                return {}
            dialect, last = find_dialect(file, name, examine(file, name).codec, FIRST_ROW, USUAL), max(rows, default=0)
            records = takewhile(lambda record: record.number <= last, csv_records(file, dialect))
            return {record.number: record.first_line for record in records if record.number in rows}
    except (SourceError, OSError, UnicodeDecodeError):  # it was read before; since then somebody changed it
        return {}


# ---- A pandas DataFrame as one sheet of text


_FRAME = "DataFrame"


def _frame_chunks(frame: pd.DataFrame, reading: Reading) -> Generator[Chunk, None, str]:
    """Yield a frame's chunks; return the SHA-256 of its text. The index is no column; the first row is row 2.

    Raises:
        SourceError: The frame has no columns, or text that is no valid Unicode.
    """
    from importer.records import Sheet

    header = tuple(map(frame_text, frame.columns))
    if not header:
        raise SourceError("the DataFrame has no columns", hint="Give a DataFrame with named columns.")
    digest = hashlib.sha256()
    _add(digest, header, 1)
    reading.notices.extend(_notices_of_floats(frame))
    sheet = Sheet(_FRAME, _FRAME, header, tuple(range(len(header))))
    rows = _frame_rows(frame, digest)
    yield Chunk(sheet, list(islice(rows, CHUNK_ROWS)))
    while batch := list(islice(rows, CHUNK_ROWS)):
        yield Chunk(sheet, batch)
    return digest.hexdigest()


def _frame_rows(frame: pd.DataFrame, digest: _Hash) -> Iterator[Row]:
    from importer.records import Row

    values: Iterable[tuple[Any, ...]] = frame.itertuples(index=False, name=None)
    for number, row in enumerate(values, 2):
        cells = tuple(map(frame_text, row))
        _add(digest, cells, number)
        if any(map(str.strip, cells)):
            yield Row(number, cells)


def frame_text(value: object) -> str:
    """Return the text of a value as frames hold it; what pandas counts as missing is empty."""
    import pandas as pd

    if value is None or value is pd.NA or value is pd.NaT:
        return ""
    if isinstance(value, pd.Timestamp):
        value = value.round("us").to_pydatetime()
    elif isinstance(value, pd.Timedelta):
        value = value.round("us").to_pytimedelta()
    elif pd.api.types.is_bool(value):
        value = bool(value)  # numpy's is no bool
    return text_of(value)


def _notices_of_floats(frame: pd.DataFrame) -> Iterator[Notice]:
    """Warn of ids that became floats before they came here."""
    for column, name in enumerate(frame.columns):
        values = frame.iloc[:, column]
        if values.dtype.kind == "f" and bool((values.abs() >= INEXACT).any()):
            text = (
                f"column '{frame_text(name)}' of the DataFrame is of floats with more than 15 digits, which are not"
                " kept exactly: make it a column of text"
            )
            yield Notice(text, NoticeLevel.WARNING)


def _add(digest: _Hash, cells: tuple[str, ...], number: int) -> None:
    import orjson

    from importer.reader.stored_cells import not_unicode

    try:
        digest.update(orjson.dumps(cells) + b"\n")
    except orjson.JSONEncodeError as error:
        where = next(cell_name(i, number) for i, cell in enumerate(cells) if not is_unicode(cell))
        raise not_unicode(f"the DataFrame's cell {where}") from error


# ---- Reading while signals are heard: what blocks does so on a thread


async def spool(source: Source, interrupted: anyio.Event, bounds: Bounds = USUAL) -> BinaryIO | None:
    """Copy standard input, or a pipe with a name, to a temporary file; None for a source that is there as a whole.

    Whoever writes into a pipe may never begin, and never end.

    Raises:
        SourceError: it cannot be read, or is too large.
        InterruptedReadingError: interrupted; the thread goes on waiting and is left behind.
    """
    if not isinstance(source, str | os.PathLike) or not is_pipe(os.fspath(source)):
        return None
    spooled = tempfile.TemporaryFile()  # noqa: SIM115  (who reads it closes it)
    await _on_thread(partial(copy, os.fspath(source), spooled, bounds), interrupted)
    spooled.seek(0)
    return spooled


async def read_on_thread(reading: Reading, interrupted: anyio.Event) -> AsyncGenerator[Chunk, None]:
    """Yield a reading's chunks.

    Raises:
        InterruptedReadingError: interrupted.
    """
    chunks = iter(reading)
    try:
        while chunk := await _on_thread(partial(next, chunks, None), interrupted, reading.stopped.set):
            yield chunk
    finally:
        if getgeneratorstate(chunks) != GEN_RUNNING:  # else its thread stands still, and is left behind
            chunks.close()


async def _on_thread(
    call: Callable[[], Result], interrupted: anyio.Event, stop: Callable[[], None] | None = None
) -> Result:
    """Call something that `stop` ends soon; without it, it is left behind when interrupted."""
    import anyio

    failure: Exception | None = None
    async with anyio.create_task_group() as group:
        group.start_soon(_call_on, interrupted, stop or group.cancel_scope.cancel)
        try:
            result = await anyio.to_thread.run_sync(call, abandon_on_cancel=stop is None)
        except Exception as error:  # which the group would wrap
            failure = error
        group.cancel_scope.cancel()
    if interrupted.is_set() or isinstance(failure, InterruptedReadingError):
        raise InterruptedReadingError
    if failure is not None:
        raise failure
    return result


async def _call_on(event: anyio.Event, call: Callable[[], None]) -> None:
    await event.wait()
    call()
