"""Reads a workbook through a child process that parses it; if the child dies, that is one clear sentence."""

from __future__ import annotations

import hashlib
import os
import selectors
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import IO, Any, BinaryIO, Self, cast

import orjson

from importer.cells import cell_name
from importer.errors import InterruptedReadingError, SourceError
from importer.notice import Notice, NoticeLevel
from importer.reader.header_row import FIRST_ROW, NO_HEADER, HeaderRule
from importer.reader.limits import USUAL, Bounds
from importer.reader.source_file import BLOCK, named
from importer.reader.tables import Chunk, Tables
from importer.records import Problem, Row, Sheet
from importer.wording import escape, quote

# ---- A child process that answers in lines and never outlives its use


_PIPE = 1 << 16  # bytes that a pipe holds
_LAST_WORDS = 4096  # bytes of stderr's end
_PATIENCE = 0.2  # seconds until a stop is noticed
_LEAVING = 10.0  # seconds to exit after the last line
_ROOT = Path(__file__).parents[2]  # where the package `importer` stands; the current folder could hold another one
_INHERITED = ("PATH", "HOME", "TMPDIR", "LANG", "TZ", "LD_LIBRARY_PATH", "SYSTEMROOT")


class Child:
    """One child process; leaving the context kills and reaps it. `seconds` bounds the time waited for its lines."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        descriptors: Sequence[int] = (),
        seconds: float,
        stopped: threading.Event | None = None,
    ) -> None:
        self._seconds = seconds
        self._stopped = stopped
        with ExitStack() as opening:
            self._stderr = opening.enter_context(tempfile.TemporaryFile())
            self.process = opening.enter_context(
                subprocess.Popen(  # noqa: S603  (our own interpreter and module)
                    command,
                    bufsize=0,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=self._stderr,
                    pass_fds=descriptors,
                    cwd=_ROOT,
                    env=_environment(),
                    start_new_session=True,  # Ctrl-C is for the parent, which ends the child in its own time
                )
            )
            opening.callback(self.process.kill)
            self._open = opening.pop_all()
        self._input, self._output = (cast("IO[bytes]", pipe) for pipe in (self.process.stdin, self.process.stdout))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def answer(self, line: bytes) -> None:
        """Answer the child; one that has died is noticed when its lines end."""
        with suppress(BrokenPipeError):
            self._input.write(line + b"\n")

    def lines(self) -> Iterator[bytes]:
        """Yield the lines as they come, without their ends; a last one that is not ended is left out.

        Raises:
            TimeoutError: The child was waited for too long, in all.
        """
        begun: list[bytes] = []
        with selectors.DefaultSelector() as selector:
            selector.register(self._output, selectors.EVENT_READ)
            while block := self._next_block(selector):
                *ended, rest = block.split(b"\n")
                for piece in ended:
                    yield b"".join([*begun, piece])
                    begun = []
                begun.append(rest)

    def _next_block(self, selector: selectors.BaseSelector) -> bytes:
        """Wait for output. The time in which the caller works on what it has does not count."""
        is_ready: object = None
        while not is_ready:
            if self._stopped and self._stopped.is_set():
                raise InterruptedReadingError
            began = time.monotonic()
            is_ready = selector.select(min(max(0.0, self._seconds), _PATIENCE))
            self._seconds -= time.monotonic() - began
            if not is_ready and self._seconds <= 0:
                raise TimeoutError
        return os.read(self._output.fileno(), _PIPE)

    def end(self) -> tuple[int, str]:
        """Return the exit status, negative for a signal, and what stood last on stderr."""
        try:
            status = self.process.wait(_LEAVING)
        except subprocess.TimeoutExpired:
            self.process.kill()
            status = self.process.wait()
        self._stderr.seek(max(0, self._stderr.seek(0, os.SEEK_END) - _LAST_WORDS))
        return status, self._stderr.read().decode("utf-8", "backslashreplace").strip()


def _environment() -> dict[str, str]:
    """Leave the tokens out: who parses foreign files need not have them."""
    return {
        name: value
        for name, value in os.environ.items()
        if name in _INHERITED or name.startswith(("PYTHON", "LC_", "VIRTUAL_ENV"))
    }


# ---- A workbook by a child process


COMMAND = (sys.executable, "-m", "importer.reader.worker")
_STRAY = "Delete empty rows and columns far from the data, split the workbook, or save its sheets as CSV."


def workbook_chunks(  # noqa: PLR0913  (all from the rule on by name)
    file: BinaryIO,
    name: str,
    sheets: Sequence[str],
    notices: list[Notice],
    *,
    rule: HeaderRule = FIRST_ROW,
    bounds: Bounds = USUAL,
    stopped: threading.Event | None = None,
    command: Sequence[str] = COMMAND,
) -> Generator[Chunk, None, str]:
    """Yield the chunks of a workbook's sheets, in its order; return the SHA-256.

    Raises:
        SourceError: It cannot be read, has not the sheets wanted, or the child died.
    """
    # The copy: nobody else can change a byte of it between hash and parsing. The folder: no file, only a link to it.
    with (
        tempfile.TemporaryFile() as copy,
        tempfile.TemporaryDirectory(prefix="importer-", ignore_cleanup_errors=True) as folder,
    ):
        file.seek(0)
        shutil.copyfileobj(file, copy, BLOCK)
        copy.seek(0)
        sha256 = hashlib.file_digest(copy, "sha256").hexdigest()
        copy.seek(0)
        descriptor = copy.fileno()
        request = orjson.dumps({"sheets": list(sheets), "folder": folder, "bounds": asdict(bounds)}).decode()
        try:
            child = Child(
                [*command, str(descriptor), request], descriptors=[descriptor], seconds=bounds.seconds, stopped=stopped
            )
        except OSError as error:  # that is not about the file
            raise SourceError(
                f"{named(name)} cannot be read: the process that reads workbooks does not start: "
                f"{(error.strerror or str(error)).lower()}",
                hint="See that Python may be run, and how many files and processes this user may have (ulimit -a).",
            ) from error
        with child:
            yield from _chunks(_messages(child, name, bounds), name, notices, rule, child)
    return sha256


def _messages(child: Child, name: str, bounds: Bounds) -> Iterator[list[Any]]:
    """Yield the child's messages up to its "end"."""
    try:
        for line in child.lines():
            message = orjson.loads(line)
            if message[0] == "end":
                return
            yield message
    except TimeoutError as error:
        raise SourceError(f"{named(name)} was not read within {bounds.seconds:g} seconds", hint=_STRAY) from error
    raise _died(name, *child.end(), bounds.memory)


def _died(name: str, status: int, last_words: str, memory: int) -> SourceError:
    if "memory allocation of" in last_words or "MemoryError" in last_words:
        return SourceError(f"{named(name)} needs more than {memory >> 20} MiB of memory to be read", hint=_STRAY)
    ended = next((known.name for known in signal.Signals if known == -status), f"signal {-status}")
    how = f"was ended by {ended}" if status < 0 else f"ended with status {status}"
    last_line = escape(last_words.rpartition("\n")[2])
    return SourceError(
        f"{named(name)} could not be read: the process that parses it {how}" + (f" ({last_line})" if last_line else ""),
        hint="The workbook may be damaged: open it in a spreadsheet program, save it again as .xlsx and try again.",
    )


def _chunks(
    messages: Iterable[list[Any]], name: str, notices: list[Notice], rule: HeaderRule, child: Child
) -> Iterator[Chunk]:
    """Make chunks of what the child sends."""
    tables: Tables[Row] | None = None
    header = NO_HEADER
    for message in messages:
        match message:
            case ["notice", text, level, *names]:
                notices.append(Notice(text, NoticeLevel(level), *names))
            case ["top", _, rows]:
                header, _ = rule.choose(rows)
                child.answer(b"%d" % header)
            case ["sheet", title, texts, positions, flaws, hidden]:
                yield from tables.end() if tables else ()
                problems = tuple(Problem(text, hint, cell=cell, topic=topic) for cell, text, hint, topic in flaws)
                sheet = Sheet(name, title, tuple(texts), tuple(positions), header, problems, hidden=tuple(hidden))
                where = f"sheet {quote(title)}"
                tables = Tables(sheet, rule, notices, where, lambda row, _: row, _below, f"{named(name)}: ")
            case ["rows", numbers, cells, remarks, share] if tables:
                for chunk in tables.take(_rows(sheet, numbers, cells, remarks)):
                    yield replace(chunk, share=share)
            case ["error", text, hint]:
                raise SourceError(f"{named(name)}: {text}", hint=hint)
    yield from tables.end() if tables else ()


def _below(row: Row, sheet: Sheet) -> Sheet:
    """Make the sheet of a table below another one, in the same columns."""
    return Sheet(sheet.source, sheet.name, row.cells, sheet.positions, row.number, hidden=sheet.hidden)


def _rows(sheet: Sheet, numbers: list[int], cells: list[str], remarks: list[list[Any]]) -> list[Row]:
    width = len(sheet.header)
    texts = zip(*[iter(cells)] * width, strict=True)  # as many cells a row as the header has
    rows = list(map(Row, numbers, texts))
    for place, *remark in remarks:
        rows[place] = _remarked(sheet, rows[place], remark)
    return rows


def _remarked(sheet: Sheet, row: Row, remark: list[Any]) -> Row:
    match remark:
        case ["hidden"]:
            return row._replace(is_hidden=True)
        case ["shown", column, text]:
            return row._replace(shown=(*row.shown, (sheet.positions.index(column), text)))
        case ["struck", *columns]:
            return row._replace(warnings=(*row.warnings, _struck(sheet, row, columns)))
        case ["flaw", column, message, hint, topic]:
            problem = Problem(message, hint, cell=cell_name(column, row.number), topic=topic)
            return row._replace(problems=(*row.problems, problem))
    raise ValueError(f"the child sent {remark[0]!r}")


def _struck(sheet: Sheet, row: Row, columns: list[int]) -> Problem:
    """Warn of a row, or of some of its cells, that somebody has struck through instead of deleting it."""
    filled = [place for place, text in zip(sheet.positions, row.cells, strict=True) if text.strip()]
    cells = [cell_name(column, row.number) for column in columns]
    what = "the row" if set(filled) <= set(columns) else f"what is in {', '.join(cells[:5])}"
    return Problem(
        f"{what} is struck out, and is read all the same",
        "Delete the row if it no longer counts; otherwise remove the strikethrough.",
        cell=cells[0],
        topic="a row that is struck out",
    )
