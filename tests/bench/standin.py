"""The stand-in for the APIs, faster than any client, and the log that it leaves: nginx with Lua, else granian."""

from __future__ import annotations

import importlib.util
import shutil
import signal
import socket
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from .processes import Cores, spend, start

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator

NGINX, GRANIAN = "nginx with Lua", "granian"
_HERE = Path(__file__).parent
#: Where Debian, Fedora and Homebrew put nginx's modules; the first must be loaded before the second.
_MODULE_FOLDERS = ("/usr/lib/nginx/modules", "/usr/lib64/nginx/modules", "/opt/homebrew/lib/nginx/modules")
_MODULES = ("ndk_http_module.so", "ngx_http_lua_module.so")
_PATIENCE = 10.0  # seconds until it must serve, and until it must have ended

TOKEN = "sandbox-token"  # the sandbox, which is another stand-in, takes no other

# One object, posted again and again: what wrk is told.
_WRK = """
wrk.method = "POST"
wrk.path = "/v1/schedules/00000000-aaaa-4aaa-8aaa-0123456789ab/on_call_shadows"
wrk.headers["Content-Type"] = "application/vnd.api+json"
wrk.body = '{"data":{"type":"on_call_shadows","attributes":{"shadowable_type":"User","shadowable_id":"101",'
    .. '"shadow_user_id":102,"starts_at":"2027-01-01T00:00:00Z","ends_at":"2027-01-01T08:00:00Z"}}}'
"""


@dataclass(frozen=True, slots=True)
class StandIn:
    """A stand-in that serves; its log is whole once it has ended."""

    origin: str
    log: Path

    @property
    def environment(self) -> dict[str, str]:
        """Give the variables that lead the product to it."""
        return {
            "ROOTLY_BASE_URL": self.origin,
            "ROOTLY_TOKEN": TOKEN,
            "OPAL_BASE_URL": f"{self.origin}/v1",
            "OPAL_TOKEN": TOKEN,
        }


def kinds() -> list[str]:
    """Name what could serve here, the fastest first."""
    found = [NGINX] if shutil.which("nginx") and _module_folder() else []
    return found + ([GRANIAN] if importlib.util.find_spec("granian") else [])


def best_kind() -> str:
    """Name what serves here.

    Raises:
        RuntimeError: there is nothing that could.
    """
    if not kinds():
        needed = "nginx with its Lua module (Debian: nginx libnginx-mod-http-lua) or granian (pip install granian)"
        raise RuntimeError(f"the stand-in needs {needed}")
    return kinds()[0]


@contextmanager
def serving(folder: Path, kind: str = "") -> Iterator[StandIn]:
    """Serve on a free port, on the server's core, until the block ends; the best there is unless told."""
    port, log = _free_port(), folder / "requests.log"
    log.unlink(missing_ok=True)
    with (folder / "server.out").open("wb") as printed:
        command = _granian(port) if (kind or best_kind()) == GRANIAN else _nginx(folder, port)
        environment = {"REQUESTS_LOG": str(log)}
        server = start(command, environment, folder, printed.fileno(), Cores.SERVER)
        try:
            _wait_for(server, port, folder / "server.out")
            yield StandIn(f"http://127.0.0.1:{port}", log)
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait(_PATIENCE)


def _nginx(folder: Path, port: int) -> list[str]:
    modules = "\n".join(f"load_module {_module_folder()}/{name};" for name in _MODULES)
    text = (_HERE / "nginx.conf").read_text(encoding="utf-8")
    path = folder / "nginx.conf"
    path.write_text(text.format(modules=modules, folder=folder, port=port, lua=_HERE), encoding="utf-8")
    return ["nginx", "-p", str(folder), "-c", str(path)]


def _granian(port: int) -> list[str]:
    options = ["--interface", "rsgi", "--host", "127.0.0.1", "--port", str(port), "--no-ws", "--runtime-mode", "st"]
    return [sys.executable, "-m", "granian", *options, "tests.bench.answering:application"]


def _module_folder() -> str | None:
    return next(
        (folder for folder in _MODULE_FOLDERS if all((Path(folder) / name).exists() for name in _MODULES)), None
    )


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def _wait_for(server: subprocess.Popen[bytes], port: int, printed: Path) -> None:
    until = time.monotonic() + _PATIENCE
    while server.poll() is None and time.monotonic() < until:
        with socket.socket() as one:
            if one.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise RuntimeError(f"the stand-in does not serve: {printed.read_text(encoding='utf-8', errors='replace')}")


def speed(folder: Path, seconds: int) -> float | None:
    """Measure the stand-in with wrk, 50 connections: requests a second; None where wrk is not installed."""
    if not shutil.which("wrk"):
        return None
    script = folder / "post.lua"
    script.write_text(_WRK, encoding="utf-8")
    with serving(folder) as standin:
        options = ["--threads", "1", "--connections", "50", "--duration", f"{seconds}s", "--script", str(script)]
        spent = spend(["wrk", *options, standin.origin], {}, folder, cores=Cores.CLIENT)
    standin.log.unlink()  # some hundred thousand lines
    line = next(line for line in spent.output.splitlines() if line.startswith("Requests/sec:"))
    return float(line.split()[1])
