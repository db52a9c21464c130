"""Runs a command: its settings, console, errors and exit status.

If output cannot be written, only the output ends, not the command. Signals are handled in `signals`.
"""

from __future__ import annotations

import errno
import gc
import io
import logging
import os
import sys
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO, TypeAlias

from importer.cli.signals import await_with_signals
from importer.errors import (
    ImporterError,
    InterruptedReadingError,
    ReportError,
    SourcesError,
    UnexpectedError,
    UnverifiedError,
    UsageError,
    errors_of,
)
from importer.log import REQUEST, attached

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Sequence

    import anyio

    from importer.cli.console import Console
    from importer.result import Result
    from importer.session.control import RunControl
    from importer.settings.options import Settings


if TYPE_CHECKING:
    Action: TypeAlias = Callable[[Settings, RunControl], Awaitable[Result]]
    Verify: TypeAlias = Callable[[str, Settings, RunControl, Console], Awaitable[int]]
    ReadingAction: TypeAlias = Callable[[Settings, RunControl, Console], Awaitable[int]]


#: Every other error ends a command before anything was sent.
_EXITS = {InterruptedReadingError: 130, UnexpectedError: 4, UnverifiedError: 4}


def given_options(options: dict[str, Any]) -> dict[str, Any]:
    """Return the options that the user gave; the others may come from the environment or importer.toml."""
    # Not `value not in (None, False, ())`: 0 is equal to False, and was given.
    return {name: value for name, value in options.items() if value is not None and value is not False and value != ()}


def load(options: dict[str, Any]) -> Settings:
    """Load a command's settings; errors name options as the command line has them."""
    from importer.settings.options import load_settings

    return load_settings(given_options(options), is_library=False)


def relax_gc() -> None:
    """Make Python look for cycles more rarely: there are millions of rows, without any. Saves a sixth of a check."""
    gc.collect()
    gc.freeze()  # imported modules stay
    gc.set_threshold(100_000, 20, 100)


def perform(
    options: dict[str, Any], action: Action, verify: Verify | None = None, *, checked: Sequence[str] | None = None
) -> int:
    """Perform a command that reads rows or undoes a run; return the exit status.

    `checked` are the sources of a check. With the setting `verify` a run that ended with 0 is verified, and that exit
    status counts.
    """
    from importer.cli.console import Console

    relax_gc()
    settings = load(options)
    console = Console(settings, checked)
    with showing_requests(console.show_request if settings.verbose else None):
        result = await_with_signals(partial(_guided, action, settings, console), console)
        console.show_end(result)
        status = result.exit_status if checked is None else result.check_status
        if verify is not None and settings.verify and result.folder is not None and not status:
            status = _verify_sent(partial(verify, str(result.folder)), result.folder, settings, console)
    return status


def _verify_sent(action: ReadingAction, folder: Path, settings: Settings, console: Console) -> int:
    """Verify a run that has just ended well.

    Raises:
        UnverifiedError: it could not be verified. Exit status 2 would say that nothing was sent.
    """
    from importer.cli.next_command import command_to_verify

    hint = f"Verify it again: {command_to_verify(folder, settings)}"
    try:
        return _await_reading(action, settings, console)
    except* InterruptedReadingError:
        raise InterruptedReadingError(f"{folder} is complete; verifying it was interrupted", hint=hint) from None
    except* ImporterError as group:
        first = next(errors_of(group))
        words = f"{folder} is complete, but it could not be verified: {first.message}"
        raise UnverifiedError(words, hint=f"{first.hint} {hint}") from group


def perform_reading(options: dict[str, Any], action: ReadingAction) -> int:
    """Perform a command that writes to no target; the action returns the exit status."""
    from importer.cli.console import Console

    settings = load(options)
    console = Console(settings)
    with showing_requests(console.show_request if settings.verbose else None):
        return _await_reading(action, settings, console)


def _await_reading(action: ReadingAction, settings: Settings, console: Console) -> int:
    from importer.session.control import RunControl

    async def command(interrupted: anyio.Event) -> int:
        return await action(settings, RunControl(console, interrupted), console)

    return await_with_signals(command, console)


def showing_requests(show: Callable[[str], None] | None) -> AbstractContextManager[None]:
    """Show each request until the block ends (-v); with None show nothing."""
    return attached(_RequestLines(show)) if show else nullcontext()


class _RequestLines(logging.Handler):
    """Formats each request as a line and passes it on (-v)."""

    def __init__(self, show: Callable[[str], None]) -> None:
        super().__init__(logging.DEBUG)
        self._show = show

    def emit(self, record: logging.LogRecord) -> None:
        """Show a request; everything else is shown in other ways."""
        if getattr(record, "event", "") == REQUEST:
            self._show(_line(record))


def _line(record: logging.LogRecord) -> str:
    members = getattr(record, "members", {})
    attempt = f", attempt {members['attempt']}" if members["attempt"] > 1 else ""
    words = f"{record.getMessage()}, {members['ms']} ms{attempt}"
    return f"{getattr(record, 'target', '')} {members['method']} {members['path']}: {words}"


async def _guided(action: Action, settings: Settings, console: Console, interrupted: anyio.Event) -> Result:
    from importer.cli.confirmation import confirm_plan, confirm_rest
    from importer.cli.terminal import is_asking
    from importer.session.control import RunControl

    console.is_asking = is_asking() and not settings.yes
    with console.live():
        control = RunControl(
            console,
            interrupted,
            partial(confirm_plan, console, interrupted) if console.is_asking else None,
            partial(confirm_rest, console, interrupted) if console.is_asking else None,
            tuple(sys.argv[1:]),
        )
        return await action(settings, control)


# ---- errors


def guard(act: Callable[[], int]) -> None:
    """Turn errors into one sentence and an exit status."""
    failures: list[ImporterError] = []
    status = 2
    try:
        _check_place()
        status = act()
    except* ImporterError as group:
        failures.extend(errors_of(group))
    except* KeyboardInterrupt:
        status = 130
    except* Exception as group:  # a bug, or something unforeseen
        if os.environ.get("IMPORTER_DEBUG"):
            raise
        failures.append(_unexpected(group))
    for failure in failures:
        for error in failure.errors if isinstance(failure, SourcesError) else (failure,):
            fail(error)
    if failures:
        status = next((_EXITS[type(failure)] for failure in failures if type(failure) in _EXITS), 2)
    if status == 130:  # a thread may still wait for standard input, and would keep the process alive
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
    sys.exit(status)


def _check_place() -> None:
    try:
        Path.cwd()
    except OSError as error:
        raise UsageError(
            f"the current folder cannot be used: {(error.strerror or str(error)).lower()}",
            hint="It may have been removed or renamed: change to a folder that is there.",
        ) from None


def fail(error: ImporterError) -> None:
    """Print why a command cannot go on, and what to do."""
    from importer.cli.console import print_error

    print_error(error)


def _unexpected(group: BaseExceptionGroup[Exception]) -> ImporterError:
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if isinstance(error, OSError) and error.errno in (errno.EMFILE, errno.ENFILE, errno.ENOMEM):
        return UnexpectedError(
            f"a limit of this machine was reached: {(error.strerror or str(error)).lower()}",
            hint="Raise its limits (ulimit -n, ulimit -v) and try again; after a run, rerun its folder.",
        )
    return UnexpectedError(
        f"something went wrong that should not have: {type(error).__name__}",
        hint="What was sent is in the run's journal: rerun its folder. IMPORTER_DEBUG=1 shows where it happened.",
    )


# ---- standard output and standard error: they may be closed or full, or have lost their reader


class _WatchedFile(io.FileIO):
    """A descriptor: if writing to it fails, only the output ends, never the command."""

    def __init__(self, descriptor: int, failure: OSError | None) -> None:
        super().__init__(descriptor, "w", closefd=False)
        self._first = failure  # of a stream that was closed from the start
        self.failure: OSError | None = None

    def write(self, data: Any) -> int:
        """Write; drop the output from the first failure on."""
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
    """A text stream to a watched file; what its encoding cannot represent is escaped."""

    def __init__(self, file: _WatchedFile, encoding: str) -> None:
        self.watched = file
        super().__init__(
            io.BufferedWriter(file), encoding=encoding, errors="backslashreplace", line_buffering=file.isatty()
        )


@contextmanager
def watch_outputs() -> Iterator[None]:
    """Handle failed output in one place for all commands; `failed_output` returns the failure."""
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
    """Open a closed standard stream on /dev/null: otherwise the next file opened, a journal, would become it."""
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
    """Return why standard output is incomplete; None if it is complete, or if its reader closed it."""
    _flush()
    failure = sys.stdout.watched.failure if isinstance(sys.stdout, _WatchedText) else None
    if failure is None or failure.errno == errno.EPIPE:
        return None
    words = "it is closed" if failure.errno == errno.EBADF else (failure.strerror or str(failure)).lower()
    return ReportError(
        f"standard output could not be written: {words}",
        hint="Output is missing or incomplete. Whatever a run sent is in its report.",
    )


def is_read() -> bool:
    """Return whether standard output still goes anywhere."""
    return not isinstance(sys.stdout, _WatchedText) or sys.stdout.watched.failure is None
