"""Processes of the command that start warm: forked from a server that has imported everything once.

To start Python and import the command takes a second of CPU, a fork a hundredth of it. What starts is a process like
any other, a child of the test's: with streams, folder, variables, session, signals and exit status of its own.
So does the process that parses a workbook, from a server that has imported only what that one needs.
"""

from __future__ import annotations

import atexit
import ctypes
import fcntl
import gc
import importlib
import inspect
import json
import os
import pkgutil
import signal
import socket
import subprocess
import sys
import tempfile
import termios
import threading
import time
from contextlib import suppress
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).parents[2]
_SET_CHILD_SUBREAPER = 36  # of prctl: whoever is orphaned below this process becomes its child
_AT_START = ("LANG", "LC_", "PYTHON", "OPENBLAS")  # variables that Python and libraries read when they start
_LONGEST = 1 << 17  # bytes of a message
_PARAMETERS = inspect.signature(subprocess.Popen._execute_child)  # type: ignore[attr-defined]
_READER = "importer.reader.worker"
_NOT_IMPORTED = ("importer.__main__", _READER)
_ONE_AT_A_TIME = threading.Lock()


def start(
    arguments: Sequence[str | Path], folder: Path, variables: dict[str, str], **options: Any
) -> subprocess.Popen[bytes]:
    """Start `python -m importer`; a terminal at its standard input is a new session's own. `options`: of `Popen`."""
    is_fresh = any(
        name.startswith(_AT_START) and (name, text) != ("PYTHONPATH", str(ROOT)) for name, text in variables.items()
    )
    if sys.platform != "linux" or is_fresh:
        arguments = [sys.executable, "-m", "importer", *arguments]
        return subprocess.Popen([*map(str, arguments)], cwd=folder, env=variables, **options)
    return _WarmProcess([*map(str, arguments)], cwd=folder, env=variables, **options)


def for_readers() -> SimpleNamespace:
    """Return the module `subprocess` with warm processes where a workbook is parsed; they are Linux's."""
    is_warm = sys.platform == "linux"
    return SimpleNamespace(**{**vars(subprocess), "Popen": _WarmReader if is_warm else subprocess.Popen})


class _WarmProcess(subprocess.Popen[bytes]):
    """The command, forked."""

    _module = "importer.cli"

    def _execute_child(self, args: Any, *more: Any) -> None:
        given = _PARAMETERS.bind(self, args, *more).arguments
        ends = [given[name] for name in ("p2cread", "p2cwrite", "c2pread", "c2pwrite", "errread", "errwrite")]
        streams = [number if end == -1 else end for number, end in enumerate((ends[0], ends[3], ends[5]))]
        asked = [args, str(given["cwd"]), given["env"], given["umask"], given["start_new_session"]]
        try:
            with _ONE_AT_A_TIME:
                server = _server(self._module)
                socket.send_fds(server, [json.dumps(asked).encode()], [*streams, *given["pass_fds"]])
                self.pid = int(server.recv(32))
            self._child_created = True
        finally:
            self._close_pipe_fds(*ends)  # type: ignore[attr-defined]


class _WarmReader(_WarmProcess):
    """The process that parses a workbook, forked; every other command starts as ever."""

    _module = _READER

    def _execute_child(self, args: Any, *more: Any) -> None:
        start = _WarmProcess if _READER in args else subprocess.Popen
        start._execute_child(self, args, *more)  # type: ignore[union-attr]


@cache
def _server(module: str) -> socket.socket:
    """Start the server of the processes that run a module's `main`; it ends with this process."""
    ctypes.CDLL(None).prctl(_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    process = subprocess.Popen(
        [sys.executable, "-c", f"from acceptance.fork_server import serve; serve({theirs.fileno()}, {module!r})"],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}"},
        stdin=subprocess.DEVNULL,
        pass_fds=[theirs.fileno()],
    )
    theirs.close()
    atexit.register(_end, ours, process)
    return ours


def _end(server: socket.socket, process: subprocess.Popen[bytes]) -> None:
    server.close()
    process.wait()


def serve(descriptor: int, main: str) -> None:
    """Fork a process for each message; return in it, once it is set up, to end it when the command has ended."""
    if main == _READER:
        for name in (_READER, "importer.reader.biff", "importer.reader.ods", "importer.reader.xlsx_package"):
            importlib.import_module(name)
    else:
        _import_the_command()
    gc.freeze()
    server = socket.socket(fileno=descriptor)
    while True:
        asked, streams, _, _ = socket.recv_fds(server, _LONGEST, 4)
        if not asked:
            os._exit(0)
        read, write = os.pipe()
        between = os.fork()
        if not between and not (pid := os.fork()):
            for number in (server.detach(), read, write):
                os.close(number)
            become(main, streams, *json.loads(asked))
            return
        if not between:
            os.write(write, str(pid).encode())
            os._exit(0)  # it is orphaned now, and so the test's
        os.waitpid(between, 0)
        server.send(os.read(read, 32))
        for number in (read, write, *streams):
            os.close(number)


def _import_the_command() -> None:
    for module in pkgutil.walk_packages([str(ROOT / "importer")], "importer."):
        if module.name not in _NOT_IMPORTED:
            importlib.import_module(module.name)
    for name in ("anyio._backends._asyncio", "xlsxwriter"):  # what only a run imports
        importlib.import_module(name)
    importlib.import_module("importer.reporter.page").environment().get_template("report.html.jinja")


def become(
    main: str, streams: list[int], words: list[str], folder: str, variables: dict[str, str], umask: int, session: bool
) -> None:
    """Be the process that was asked for, and run a module's `main` in it."""
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(variables)
    time.tzset()
    tempfile.tempdir = None
    for number, stream in enumerate(streams[:3]):
        os.dup2(stream, number)
        if stream > 2:
            os.close(stream)
    if umask >= 0:
        os.umask(umask)
    if session:
        os.setsid()
        with suppress(OSError):  # no terminal
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    sys.stdout.reconfigure(line_buffering=sys.stdout.isatty())  # type: ignore[union-attr]
    if main == _READER:  # python -m importer.reader.worker DESCRIPTOR REQUEST: the descriptor has another number here
        words = [str(streams[3]), words[-1]]
    sys.argv = ["importer", *words]
    try:
        importlib.import_module(main).main()
        _end_quickly(0)
    except SystemExit as ended:
        if isinstance(ended.code, int | None):  # else Python has something to say
            _end_quickly(ended.code or 0)
        raise


def _end_quickly(status: int) -> NoReturn:
    """End as Python does, but for taking every module apart, which takes half a second of CPU."""
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    with suppress(OSError, ValueError):
        sys.stdout.flush()
    with suppress(OSError), Path("/dev/tty").open("rb", buffering=0) as terminal:  # no terminal
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        fcntl.ioctl(terminal, termios.TIOCNOTTY)  # else what was not yet read there is lost as its session ends
    os._exit(status)
