"""The command without a process of its own: called where the tests run, with everything it sees and leaves put back.

What only a process shows (signals, terminals, closed streams, limits of the machine) is tested by `Workplace.start`.
"""

from __future__ import annotations

import gc
import os
import sys
import tempfile
import time
import traceback
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, BinaryIO, Literal, NoReturn, TextIO

from importer.cli import NAME, main
from importer.log import LOG

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path


class EndedAtOnceError(BaseException):
    """The command wanted to end its process without leaving in order; such a test starts a process."""


def call(
    arguments: Sequence[str], folder: Path, variables: Mapping[str, str], stdin: bytes = b"", umask: int = -1
) -> tuple[int, str, str]:
    """Run the command as a process in this folder with these variables would; return its status, output and errors."""
    with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        given.write(stdin)
        given.seek(0)
        streams = given.fileno(), out.fileno(), err.fileno()
        return call_with(streams, arguments, folder, variables, umask), _content(out), _content(err)


def call_with(
    streams: Sequence[int], arguments: Sequence[str], folder: Path, variables: Mapping[str, str], umask: int = -1
) -> int:
    """Run the command with these descriptors as its standard input, output and error; return its exit status."""
    with ExitStack() as surroundings:
        surroundings.enter_context(_folder(folder))
        surroundings.enter_context(_environment(variables))
        surroundings.enter_context(_umask(umask))
        surroundings.enter_context(_state_of_the_process(arguments))
        surroundings.enter_context(_streams(streams))
        return _status()


def _status() -> int:
    try:
        main()
    except SystemExit as ended:
        if isinstance(ended.code, str):
            print(ended.code, file=sys.stderr)
            return 1
        return ended.code or 0
    except Exception:
        traceback.print_exc()
        return 1
    raise AssertionError("the command did not say how it ended")


def _content(file: BinaryIO) -> str:
    file.seek(0)
    return file.read().decode()


@contextmanager
def _folder(folder: Path) -> Iterator[None]:
    before = os.open(".", os.O_RDONLY)
    os.chdir(folder)
    try:
        yield
    finally:
        os.fchdir(before)
        os.close(before)


@contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    _set_environment(variables)
    try:
        yield
    finally:
        _set_environment(before)


def _set_environment(variables: Mapping[str, str]) -> None:
    """Change only what differs: servers of the same test run on threads meanwhile."""
    zone = os.environ.get("TZ")
    for name in os.environ.keys() - variables.keys():
        del os.environ[name]
    for name, value in variables.items():
        if os.environ.get(name) != value:
            os.environ[name] = value
    if os.environ.get("TZ") != zone:
        time.tzset()


@contextmanager
def _umask(umask: int) -> Iterator[None]:
    if umask < 0:
        yield
        return
    before = os.umask(umask)
    try:
        yield
    finally:
        os.umask(before)


@contextmanager
def _state_of_the_process(arguments: Sequence[str]) -> Iterator[None]:
    """Put back what a command changes because its process ends with it."""
    before = sys.argv, os._exit, gc.get_threshold(), LOG.level, LOG.handlers[:]
    sys.argv, os._exit = [NAME, *arguments], _end_at_once
    try:
        yield
    finally:
        sys.argv, os._exit, thresholds, level, handlers = before
        gc.set_threshold(*thresholds)
        LOG.setLevel(level)
        LOG.handlers[:] = handlers


def _end_at_once(status: int) -> NoReturn:
    raise EndedAtOnceError(status)


@contextmanager
def _streams(streams: Sequence[int]) -> Iterator[None]:
    """Lead the descriptors 0, 1, 2 and Python's streams elsewhere: the command's own children inherit them, too."""
    python = sys.stdin, sys.stdout, sys.stderr
    sys.stdout.flush()
    sys.stderr.flush()
    descriptors = [os.dup(number) for number in range(3)]
    try:
        for number, descriptor in enumerate(streams):
            os.dup2(descriptor, number)
        sys.stdin, sys.stdout, sys.stderr = _opened(0, "r"), _opened(1, "w"), _opened(2, "w", "backslashreplace")
        try:
            yield
        finally:
            for stream in (sys.stdin, sys.stdout, sys.stderr):
                stream.close()
    finally:
        sys.stdin, sys.stdout, sys.stderr = python
        for number, kept in enumerate(descriptors):
            os.dup2(kept, number)
            os.close(kept)


def _opened(descriptor: int, mode: Literal["r", "w"], errors: str = "strict") -> TextIO:
    return os.fdopen(descriptor, mode, encoding="utf-8", errors=errors, closefd=False)
