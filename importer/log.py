"""Logging: the logger `importer`, and run.log in the run's folder.

Cell contents, headers, bodies, tokens and query values are never logged, anywhere.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

LOG_FILE = "run.log"
REQUEST = "request"  #: the event whose members are method, path, status, ms and attempt
WARNED = "warned"
LOG = logging.getLogger("importer")
LOG.addHandler(logging.NullHandler())  # otherwise Python prints warnings if an application has set up nothing
_MOST_WARNED = 1000  # warnings about rows; a source can have millions
_run: ContextVar[object] = ContextVar("run")


def log(level: int, event: str, what: str = "", *, target: str = "", **members: object) -> None:
    """Log an event; `what` describes it in words, without the contents of cells."""
    if LOG.isEnabledFor(level) and _is_heard():
        LOG.log(level, "%s", what or event, extra={"event": event, "target": target, "members": members})


def _is_heard() -> bool:
    """Return whether any handler is attached: a log record for each row of a large file costs more than reading it."""
    return bool(logging.getLogger().handlers) or any(type(one) is not logging.NullHandler for one in LOG.handlers)


def log_warned(warned: Iterable[tuple[str, int, str]]) -> None:
    """Log warnings about rows, the first thousand: source, row and topic, not the row's contents."""
    if LOG.isEnabledFor(logging.WARNING) and _is_heard():
        for source, row, topic in islice(warned, _MOST_WARNED):
            log(logging.WARNING, WARNED, topic, source=source, row=row)


def is_logging_requests() -> bool:
    """Return whether every single request is logged."""
    return LOG.isEnabledFor(logging.DEBUG)


@contextmanager
def attached(handler: logging.Handler) -> Iterator[None]:
    """Attach a handler until the block ends."""
    before = LOG.level
    LOG.addHandler(handler)
    LOG.setLevel(min(LOG.getEffectiveLevel(), handler.level))
    try:
        yield
    finally:
        LOG.setLevel(before)
        LOG.removeHandler(handler)
        handler.close()


@contextmanager
def logging_run(folder: Path, warn: Callable[[str], None], *, is_verbose: bool) -> Iterator[None]:
    """Write what this run does into the folder's run.log, each request if `is_verbose`; it never ends a run.

    `warn` is called once if it cannot be written. Another run in this process has its own log.
    """
    mark = object()
    handler = _LogFile(folder / LOG_FILE, warn)
    handler.setLevel(logging.DEBUG if is_verbose else logging.INFO)
    handler.addFilter(lambda _record: _run.get(None) is mark)
    token = _run.set(mark)
    try:
        with attached(handler):
            yield
    finally:
        with suppress(ValueError):  # closed by the garbage collector, in another context
            _run.reset(token)


class _LogFile(logging.Handler):
    """A file of JSON objects, one per line, readable by its owner only; a line is written as soon as it is logged."""

    def __init__(self, path: Path, warn: Callable[[str], None]) -> None:
        super().__init__()
        self._path = path
        self._warn = warn
        self._warned = 0
        self._descriptor = -1
        with self._sparing():
            self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record, unless writing has failed before; of warnings about rows, the first thousand."""
        is_warned = getattr(record, "event", "") == WARNED
        self._warned += is_warned
        if self._descriptor >= 0 and not (is_warned and self._warned > _MOST_WARNED):
            with self._sparing():
                os.write(self._descriptor, _line(record))

    def close(self) -> None:
        """Close the file."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
        super().close()

    @contextmanager
    def _sparing(self) -> Iterator[None]:
        """Go on without the file if it cannot be written: the journal has everything that counts."""
        try:
            yield
        except OSError as error:
            if self._descriptor >= 0:
                os.close(self._descriptor)
                self._descriptor = -1
            self._warn(f"{self._path} cannot be written ({error.strerror}); the run goes on without it")


def _line(record: logging.LogRecord) -> bytes:
    moment = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
    event = {
        "time": moment.replace("+00:00", "Z"),
        "level": record.levelname.lower(),
        "event": getattr(record, "event", "message"),
        "target": getattr(record, "target", ""),
        "what": record.getMessage(),
        **getattr(record, "members", {}),
    }
    return f"{json.dumps(event, default=str)}\n".encode()  # ASCII, so that no character can control a terminal
