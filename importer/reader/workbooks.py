"""A workbook -> chunks, by a child process that parses it; its death is one clear sentence. Never parses itself."""

from __future__ import annotations

import hashlib
import signal
import sys
import tempfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO

import orjson

from importer.errors import SourceError
from importer.reader.child import Child
from importer.reader.chunks import Chunk
from importer.reader.excerpts import excerpt
from importer.reader.opening import BLOCK, named
from importer.records import Problem, Row, Sheet, cell_name

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator, Sequence

COMMAND = (sys.executable, "-m", "importer.reader.workbook")
_STRAY = "Delete empty rows and columns far from the data, split the workbook, or save its sheets as CSV."


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a workbook may cost."""

    seconds: float = 300.0  #: waited for the child in all
    memory: int = 2 << 30  #: bytes of its address space


def workbook_chunks(
    file: BinaryIO,
    name: str,
    sheets: Sequence[str],
    notices: list[str],
    *,
    bounds: Bounds = Bounds(),
    command: Sequence[str] = COMMAND,
) -> Generator[Chunk, None, str]:
    """Yield the chunks of a workbook's sheets, in its order; return the SHA-256.

    Raises:
        SourceError: It cannot be read, has not the sheets wanted, or the child died.
    """
    with tempfile.TemporaryFile() as copy:  # of which nobody else can change a byte between hash and parsing
        sha256 = _copied(file, copy)
        descriptor = copy.fileno()
        request = orjson.dumps({"sheets": list(sheets), "memory": bounds.memory}).decode()
        child = Child([*command, str(descriptor), request], descriptors=[descriptor], seconds=bounds.seconds)
        with child:
            yield from _chunks(_messages(child, name, bounds), name, notices)
    return sha256


def _copied(file: BinaryIO, copy: BinaryIO) -> str:
    digest = hashlib.sha256()
    file.seek(0)
    while block := file.read(BLOCK):
        digest.update(block)
        copy.write(block)
    copy.flush()
    copy.seek(0)
    return digest.hexdigest()


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
    how = f"was ended by {_signal_name(-status)}" if status < 0 else f"ended with status {status}"
    said = excerpt(last_words.rpartition("\n")[2])
    return SourceError(
        f"{named(name)} could not be read: the process that parses it {how}" + (f" ({said})" if said else ""),
        hint="The workbook may be damaged: open it in a spreadsheet program, save it again as .xlsx and try again.",
    )


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _chunks(messages: Iterable[list[Any]], name: str, notices: list[str]) -> Iterator[Chunk]:
    sheet: Sheet | None = None
    has_rows = False
    for message in messages:
        match message:
            case ["notice", notice]:
                notices.append(notice)
            case ["sheet", title, header, positions]:
                if sheet and not has_rows:
                    yield Chunk(sheet, [])
                sheet, has_rows = Sheet(name, title, tuple(header), tuple(positions)), False
            case ["rows", rows] if sheet:
                has_rows = True
                yield Chunk(sheet, [_row(*row) for row in rows])
            case ["error", text, hint]:
                raise SourceError(f"{named(name)}: {text}", hint=hint)
    if sheet and not has_rows:
        yield Chunk(sheet, [])


def _row(number: int, cells: list[str], flaws: list[tuple[int, str, str]]) -> Row:
    return Row(
        number,
        tuple(cells),
        problems=tuple(Problem(message, hint, cell=cell_name(column, number)) for column, message, hint in flaws),
    )
