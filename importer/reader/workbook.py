"""The child process that parses a workbook: descriptor in, JSON lines out. Parses nothing itself.

calamine can abort the whole process on a hostile file, so it runs in one of its own, bounded in memory.
`python -m importer.reader.workbook DESCRIPTOR REQUEST` writes these arrays, a line each:

    ["notice", text]   ["top", name, [[number, cells], ...]]   ["sheet", name, header, positions]
    ["rows", numbers, cells, flaws]   ["error", message, hint]   ["end"]

After "top", a sheet's first rows, it waits on standard input for the number of the header's row, 0 for none. The cells
of "rows" are those of all its rows one after another. A flaw is [row, column, message, hint, topic], the row an index
into the numbers. Columns and positions count from 0. Without a last line "end" or "error" the process has died.
"""

from __future__ import annotations

import os
import resource
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any, TypedDict

import orjson

from importer.errors import SourceError
from importer.reader.bounds import Bounds
from importer.reader.worksheets import Workbook

_STDERR = 1 << 20  # bytes of a file: what the child may say in its last moment


class Request(TypedDict):
    """What the parent wants."""

    sheets: list[str]  #: names; empty: all that are visible
    folder: str  #: an empty one, for what the child needs on disk
    bounds: dict[str, Any]  #: fields of `Bounds`


def main() -> None:
    """Answer one request on standard output."""
    request: Request = orjson.loads(sys.argv[2])
    bounds = Bounds(**request["bounds"])
    _bound(bounds.memory)
    try:
        with os.fdopen(int(sys.argv[1]), "rb") as file:
            _answer(Workbook(file, Path(request["folder"]), bounds), request["sheets"])
        _write("end")
    except SourceError as error:
        _write("error", error.message, error.hint)


def _answer(workbook: Workbook, sheets: list[str]) -> None:
    for message in workbook.messages(sheets, _ask):
        _write(*message)


def _ask(message: tuple[object, ...]) -> int:
    _write(*message)
    return int(sys.stdin.buffer.readline())


def _bound(memory: int) -> None:
    """Bound memory and stderr, and leave no core dump: it would hold the workbook's text."""
    for what, limit in ((resource.RLIMIT_AS, memory), (resource.RLIMIT_FSIZE, _STDERR), (resource.RLIMIT_CORE, 0)):
        hard = resource.getrlimit(what)[1]
        soft = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
        with suppress(ValueError, OSError):  # macOS has RLIMIT_AS but does not take it; the time bound is left
            resource.setrlimit(what, (soft, hard))


def _write(*message: object) -> None:
    sys.stdout.buffer.write(orjson.dumps(message, option=orjson.OPT_APPEND_NEWLINE))
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
