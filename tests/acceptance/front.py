"""A front before the served sandbox: it knows every request, wants a token of its own, and can hold answers back.

The sandbox's own token is no secret. The front takes another one and hands the sandbox's on, so that a test can look
for a token that must not stand anywhere.
"""

from __future__ import annotations

import json
import socket
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from urllib.request import Request as HttpRequest
from urllib.request import urlopen

from importer.sandbox.directory_file import TOKEN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from importer.sandbox.server import Address

CANARY = "canary-7f3a9c51e0d24b86"  # the token that the front takes; nothing may ever show it
JSON_API = "application/vnd.api+json"
_PATIENCE = 60.0  # seconds that anything is waited for
_JSON = {"Content-Type": "application/json"}
_HOP_BY_HOP = {"connection", "transfer-encoding", "content-length", "server", "date", "host"}

Answer = tuple[int, bytes, dict[str, str]]


@dataclass(frozen=True, slots=True)
class Request:
    """One request as it came in."""

    method: str
    path: str
    body: bytes


class Front:
    """What has come in, and from which POST on the answers are held back."""

    def __init__(self, address: Address, state: Path) -> None:
        self.state = state
        self.sandbox = urlsplit(address.opal)
        self.requests: list[Request] = []
        self.words = ""  #: if set, a POST is refused with these words, and `{token}` in them is what came in
        self.hidden = ""  #: if set, whatever has it in its path is not there
        #: called with each request before it is handed on, and after
        self.before: Callable[[Request], None] = lambda _: None
        self.after: Callable[[Request], None] = lambda _: None
        self.most_at_once = 0  #: requests that were under way at one time
        self._at_once = 0
        self._changed = threading.Condition()
        self._held_method = "POST"
        self._hold_after: float = float("inf")
        self._is_dropping = False
        self.port = 0

    @property
    def variables(self) -> dict[str, str]:
        """The environment variables that lead a run here."""
        return {
            "OPAL_BASE_URL": f"http://127.0.0.1:{self.port}/opal/v1",
            "ROOTLY_BASE_URL": f"http://127.0.0.1:{self.port}/rootly",
            "OPAL_TOKEN": CANARY,
            "ROOTLY_TOKEN": CANARY,
            "IMPORTER_RATE": "opal=none,rootly=none",
            "IMPORTER_SETTLE": "0.05",
        }

    @property
    def posts(self) -> int:
        """How many POSTs have come in."""
        return self._count("POST")

    def paths(self, method: str) -> list[str]:
        """Give the paths of all requests of a method, in the order in which they came in."""
        return [request.path for request in self.requests if request.method == method]

    def _count(self, method: str) -> int:
        return sum(request.method == method for request in self.requests)

    def hold_after(self, number: int, *, method: str = "POST") -> None:
        """Answer so many more requests, then hold: every second one is applied and not answered, the others neither."""
        self._held_method = method
        self._hold_after = self._count(method) + number
        self._is_dropping = False

    def let_go(self, *, dropping: bool = False) -> None:
        """Answer what is held and all that comes; `dropping` closes what is held without an answer."""
        with self._changed:
            self._hold_after = float("inf")
            self._is_dropping = dropping
            self._changed.notify_all()

    def wait_until_quiet(self) -> None:
        """Wait until nothing is under way: what was held has come to the sandbox, or never will."""
        with self._changed:
            assert self._changed.wait_for(lambda: not self._at_once, _PATIENCE), f"{self._at_once} are under way"

    def wait_for(self, number: int, *, method: str = "POST") -> None:
        """Wait until so many requests have come in, in all."""
        with self._changed:
            came = self._changed.wait_for(lambda: self._count(method) >= number, _PATIENCE)
            assert came, f"{self._count(method)} {method}s of {number}"

    def note(self, request: Request) -> int:
        """Write a request down; give its number among its like."""
        with self._changed:
            self.requests.append(request)
            self._changed.notify_all()
            return self._count(request.method)

    @contextmanager
    def under_way(self) -> Iterator[None]:
        """Count what is under way at one time."""
        with self._changed:
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            yield
        finally:
            with self._changed:
                self._at_once -= 1
                self._changed.notify_all()

    def is_held(self, method: str, number: int) -> bool:
        """Tell whether the answer to a request is held back."""
        return method == self._held_method and number > self._hold_after

    def hold(self) -> bool:
        """Wait until it may go on; False where there is to be no answer."""
        with self._changed:
            self._changed.wait_for(lambda: self._hold_after == float("inf"), _PATIENCE)
            return not self._is_dropping


def call(front: Front, method: str, path: str, body: object = None) -> Any:
    """Change something at the stand-in for Rootly, as somebody else would; return its answer."""
    headers = {"Authorization": f"Bearer {CANARY}", "User-Agent": "somebody", "Accept": JSON_API}
    data = None if body is None else json.dumps(body).encode()
    url = front.variables["ROOTLY_BASE_URL"] + path
    with urlopen(HttpRequest(url, data, headers | {"Content-Type": JSON_API}, method=method)) as answer:
        assert answer.status < 300
        return json.loads(answer.read() or b"null")


def create_again(front: Front, row: list[str]) -> str:
    """Create the shadow of a row, as somebody else would; return its id."""
    schedule, type_, primary, shadow, starts, ends, _ = row
    again = {"shadowable_type": type_, "shadowable_id": primary, "shadow_user_id": int(shadow)}
    twin = {"data": {"type": "on_call_shadows", "attributes": again | {"starts_at": starts, "ends_at": ends}}}
    return str(call(front, "POST", f"/v1/schedules/{schedule}/on_call_shadows", twin)["data"]["id"])


@contextmanager
def opened(address: Address, state: Path) -> Iterator[Front]:
    """Serve a front on a free loopback port."""
    front = Front(address, state)
    server = _Server(("127.0.0.1", 0), partial(_Handler, front))
    front.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield front
    finally:
        front.let_go(dropping=True)
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def refusing_port() -> Iterator[int]:
    """Give a port on which nobody listens, and nobody else can."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


class _Server(ThreadingHTTPServer):
    daemon_threads = True  # a connection that is kept alive holds nothing up
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: a killed client is what some tests are about."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def __init__(self, front: Front, *arguments: Any) -> None:
        self._front = front
        super().__init__(*arguments)  # which serves the connection to its end

    def do_GET(self) -> None:
        self._serve(b"")

    def do_DELETE(self) -> None:
        self._serve(b"")

    def do_PUT(self) -> None:
        self._serve(self.rfile.read(int(self.headers["Content-Length"])))

    def do_POST(self) -> None:
        self._serve(self.rfile.read(int(self.headers["Content-Length"])))

    def _serve(self, body: bytes) -> None:
        with self._front.under_way():
            answer = self._decide(body)
        if answer is None:
            self.close_connection = True
        else:
            self._send(*answer)

    def _decide(self, body: bytes) -> Answer | None:
        token = self.headers["Authorization"]
        number = self._front.note(Request(self.command, self.path, body))
        if token != f"Bearer {CANARY}":
            return 401, b'{"message":"no such token"}', _JSON
        if self._front.hidden and self._front.hidden in self.path:
            return 404, b'{"errors":[{"title":"Not found","status":"404"}]}', _JSON
        if self._front.words and self.command == "POST":
            return 422, self._front.words.replace("{token}", token).encode(), _JSON
        if not self._front.is_held(self.command, number):
            request = Request(self.command, self.path, body)
            self._front.before(request)
            forwarded = self._forward(body)
            self._front.after(request)
            return forwarded
        answer = self._forward(body) if number % 2 else None
        return answer or self._forward(body) if self._front.hold() else None

    def _forward(self, body: bytes) -> Answer:
        connection = HTTPConnection(self._front.sandbox.hostname or "", self._front.sandbox.port, timeout=_PATIENCE)
        try:
            headers = {name: text for name, text in self.headers.items() if name.lower() not in _HOP_BY_HOP}
            headers |= {"Authorization": f"Bearer {TOKEN}"}
            connection.request(self.command, self.path, body or None, headers)
            response = connection.getresponse()
            kept = {name: text for name, text in response.getheaders() if name.lower() not in _HOP_BY_HOP}
            return response.status, response.read(), kept
        finally:
            connection.close()

    def _send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, text in headers.items():
            self.send_header(name, text)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments: Any) -> None:
        """Write no log."""
