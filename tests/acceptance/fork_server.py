"""Processes of the command that start warm: forked from a server that has imported everything once.

To start Python and import the command takes a second of CPU, a fork a hundredth of it. What starts is a process like
any other, a child of the test's: with streams, folder, variables, session, signals and exit status of its own.
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
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).parents[2]
_SET_CHILD_SUBREAPER = 36  # of prctl: whoever is orphaned below this process becomes its child
_AT_START = ("LANG", "LC_", "PYTHON", "OPENBLAS")  # variables that Python and libraries read when they start
_LONGEST = 1 << 17  # bytes of a message
_PARAMETERS = inspect.signature(subprocess.Popen._execute_child)  # type: ignore[attr-defined]
_NOT_IMPORTED = ("importer.__main__", "importer.reader.worker")


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


class _WarmProcess(subprocess.Popen[bytes]):
    """The command, forked."""

    def _execute_child(self, args: Any, *more: Any) -> None:
        given = _PARAMETERS.bind(self, args, *more).arguments
        ends = [given[name] for name in ("p2cread", "p2cwrite", "c2pread", "c2pwrite", "errread", "errwrite")]
        streams = [number if end == -1 else end for number, end in enumerate((ends[0], ends[3], ends[5]))]
        asked = [args, str(given["cwd"]), given["env"], given["umask"], given["start_new_session"]]
        try:
            socket.send_fds(_server(), [json.dumps(asked).encode()], streams)
            self.pid = int(_server().recv(32))
            self._child_created = True
        finally:
            self._close_pipe_fds(*ends)  # type: ignore[attr-defined]


@cache
def _server() -> socket.socket:
    """Start the server; it ends with this process."""
    ctypes.CDLL(None).prctl(_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    process = subprocess.Popen(
        [sys.executable, "-c", f"from acceptance.fork_server import serve; serve({theirs.fileno()})"],
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


def serve(descriptor: int) -> None:
    """Fork a process for each message; return in it, once it is set up, to end it when the command has ended."""
    for module in pkgutil.walk_packages([str(ROOT / "importer")], "importer."):
        if module.name not in _NOT_IMPORTED:
            importlib.import_module(module.name)
    for name in ("anyio._backends._asyncio", "xlsxwriter"):  # what only a run imports
        importlib.import_module(name)
    importlib.import_module("importer.reporter.page").environment().get_template("report.html.jinja")
    gc.freeze()
    server = socket.socket(fileno=descriptor)
    while True:
        asked, streams, _, _ = socket.recv_fds(server, _LONGEST, 3)
        if not asked:
            os._exit(0)
        read, write = os.pipe()
        between = os.fork()
        if not between and not (pid := os.fork()):
            for number in (server.detach(), read, write):
                os.close(number)
            become(streams, *json.loads(asked))
            return
        if not between:
            os.write(write, str(pid).encode())
            os._exit(0)  # it is orphaned now, and so the test's
        os.waitpid(between, 0)
        server.send(os.read(read, 32))
        for number in (read, write, *streams):
            os.close(number)


def become(
    streams: list[int], words: list[str], folder: str, variables: dict[str, str], umask: int, is_session: bool
) -> None:
    """Be the process that was asked for, and run the command in it."""
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(variables)
    time.tzset()
    tempfile.tempdir = None
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        if stream > 2:
            os.close(stream)
    if umask >= 0:
        os.umask(umask)
    if is_session:
        os.setsid()
        with suppress(OSError):  # no terminal
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    sys.stdout.reconfigure(line_buffering=sys.stdout.isatty())  # type: ignore[union-attr]
    sys.argv = ["importer", *words]
    try:
        importlib.import_module("importer.cli").main()
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
