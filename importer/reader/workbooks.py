"""A workbook -> chunks, by a child process that parses it; its death is one clear sentence. Never parses itself."""

from __future__ import annotations

import hashlib
import signal
import sys
import tempfile
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, BinaryIO

import orjson

from importer.errors import SourceError
from importer.reader.bounds import USUAL, Bounds
from importer.reader.child import Child
from importer.reader.chunks import Chunk
from importer.reader.excerpts import excerpt
from importer.reader.heading import FIRST_ROW, NO_HEADER, HeaderRule, repeated_notice, without_repeated
from importer.reader.opening import BLOCK, named
from importer.records import Problem, Row, Sheet, cell_name

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator, Sequence

COMMAND = (sys.executable, "-m", "importer.reader.workbook")
_STRAY = "Delete empty rows and columns far from the data, split the workbook, or save its sheets as CSV."


def workbook_chunks(
    file: BinaryIO,
    name: str,
    sheets: Sequence[str],
    notices: list[str],
    *,
    rule: HeaderRule = FIRST_ROW,
    bounds: Bounds = USUAL,
    command: Sequence[str] = COMMAND,
) -> Generator[Chunk, None, str]:
    """Yield the chunks of a workbook's sheets, in its order; return the SHA-256.

    Raises:
        SourceError: It cannot be read, has not the sheets wanted, or the child died.
    """
    # The copy: nobody else can change a byte of it between hash and parsing. The folder: no file, only a link to it.
    with tempfile.TemporaryFile() as copy, tempfile.TemporaryDirectory(prefix="importer-") as folder:
        sha256 = _copied(file, copy)
        descriptor = copy.fileno()
        request = orjson.dumps({"sheets": list(sheets), "folder": folder, "bounds": asdict(bounds)}).decode()
        child = Child([*command, str(descriptor), request], descriptors=[descriptor], seconds=bounds.seconds)
        with child:
            yield from _Told(name, notices, rule, child).chunks(_messages(child, name, bounds))
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


class _Told:
    """What the child tells, as chunks."""

    def __init__(self, name: str, notices: list[str], rule: HeaderRule, child: Child) -> None:
        self._name = name
        self._notices = notices
        self._rule = rule
        self._child = child
        self._sheet: Sheet | None = None
        self._header = NO_HEADER
        self._has_rows = False
        self._repeated: list[int] = []

    def chunks(self, messages: Iterable[list[Any]]) -> Iterator[Chunk]:
        for message in messages:
            match message:
                case ["notice", notice]:
                    self._notices.append(notice)
                case ["top", _, rows]:
                    self._header, _ = self._rule.choose(rows)
                    self._child.tell(b"%d" % self._header)
                case ["sheet", title, header, positions]:
                    yield from self._finished()
                    self._sheet = Sheet(self._name, title, tuple(header), tuple(positions), self._header)
                case ["rows", numbers, cells, flaws] if self._sheet:
                    self._has_rows = True
                    rows = _rows(self._sheet, numbers, cells, flaws)
                    if self._header != NO_HEADER:
                        rows = without_repeated(rows, self._sheet.header, self._repeated)
                    yield Chunk(self._sheet, rows)
                case ["error", text, hint]:
                    raise SourceError(f"{named(self._name)}: {text}", hint=hint)
        yield from self._finished()

    def _finished(self) -> Iterator[Chunk]:
        """End a sheet; one without rows makes a chunk all the same."""
        if self._sheet and not self._has_rows:
            yield Chunk(self._sheet, [])
        if self._sheet and self._repeated:
            self._notices.append(repeated_notice(f"sheet '{excerpt(self._sheet.name)}'", self._repeated))
        self._sheet, self._has_rows, self._repeated = None, False, []


def _rows(sheet: Sheet, numbers: list[int], cells: list[str], flaws: list[tuple[int, int, str, str, str]]) -> list[Row]:
    width = len(sheet.header)
    texts = zip(*[iter(cells)] * width, strict=True)  # as many cells a row as the header has
    rows = list(map(Row, numbers, texts))
    for place, column, message, hint, topic in flaws:
        row = rows[place]
        problem = Problem(message, hint, cell=cell_name(column, row.number), topic=topic)
        rows[place] = row._replace(problems=(*row.problems, problem))
    return rows
