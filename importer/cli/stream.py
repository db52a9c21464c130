"""Where commands print to: streams that may be closed, full, or have no reader any more, and may be no terminal."""

from __future__ import annotations

import errno
import io
import os
import sys
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, TextIO

from importer.errors import ReportError

if TYPE_CHECKING:
    from collections.abc import Iterator


class _WatchedFile(io.FileIO):
    """A descriptor whose failure to take output ends the output, never the command."""

    def __init__(self, descriptor: int, failure: OSError | None) -> None:
        super().__init__(descriptor, "w", closefd=False)
        self._first = failure  # of a stream that was closed from the beginning
        self.failure: OSError | None = None

    def write(self, data: Any) -> int:
        """Write, or forget the output from the first failure on."""
        if self.failure is None and self._first is None:
            try:
                return super().write(data) or 0
            except BlockingIOError:
                raise
            except OSError as error:
                self.failure = error
        self.failure = self.failure or self._first
        return len(memoryview(data).cast("B"))


class _WatchedText(io.TextIOWrapper):
    """Text to a watched file; whatever its encoding cannot show is escaped."""

    def __init__(self, file: _WatchedFile, encoding: str) -> None:
        self.watched = file
        super().__init__(
            io.BufferedWriter(file), encoding=encoding, errors="backslashreplace", line_buffering=file.isatty()
        )


@contextmanager
def watch_outputs() -> Iterator[None]:
    """Have output that cannot be written fail in one place for all commands, which `failed_output` tells of."""
    before = sys.stdout, sys.stderr
    _open_closed(0, os.O_RDONLY)
    if sys.stdin is None:
        sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115  (the process's own)
    sys.stdout, sys.stderr = _watched(1, sys.stdout), _watched(2, sys.stderr)
    try:
        yield
    finally:
        _flush()
        sys.stdout, sys.stderr = before


def _watched(descriptor: int, before: TextIO | None) -> TextIO:
    failure = _open_closed(descriptor, os.O_WRONLY)
    if before is not None:
        before.flush()
    encoding = getattr(before, "encoding", None) or "utf-8"
    return _WatchedText(_WatchedFile(descriptor, failure), encoding)


def _open_closed(descriptor: int, mode: int) -> OSError | None:
    """Let a standard stream that is closed lead nowhere: else the next file that is opened, a journal, would be it."""
    try:
        os.fstat(descriptor)
    except OSError as error:
        nowhere = os.open(os.devnull, mode)
        if nowhere != descriptor:
            os.dup2(nowhere, descriptor)
            os.close(nowhere)
        return error
    return None


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()


def failed_output() -> ReportError | None:
    """Return why standard output is not all there; None where it is, or where its reader did not want it all."""
    _flush()
    failure = sys.stdout.watched.failure if isinstance(sys.stdout, _WatchedText) else None
    if failure is None or failure.errno == errno.EPIPE:
        return None
    words = "it is closed" if failure.errno == errno.EBADF else (failure.strerror or str(failure)).lower()
    return ReportError(
        f"standard output could not be written: {words}",
        hint="What was printed is lost or cut. Whatever a run sent is in its report.",
    )


def is_read() -> bool:
    """Return whether standard output still goes anywhere."""
    return not isinstance(sys.stdout, _WatchedText) or sys.stdout.watched.failure is None
