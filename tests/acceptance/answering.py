"""A server before the front that answers some paths by itself, as a target with other rights or other people would."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from functools import partial
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from .front import Front

_HOP_BY_HOP = {"connection", "transfer-encoding", "content-length", "server", "date"}
_JSON = {"Content-Type": "application/vnd.api+json"}


class Answering:
    """What is answered instead of the front's answer, by path without its query."""

    def __init__(self, front: Front) -> None:
        self.front = front
        self.port = 0
        self.answers: dict[str, tuple[int, bytes]] = {}

    @property
    def variables(self) -> dict[str, str]:
        """The environment variables that lead a run here."""
        return {
            **self.front.variables,
            "OPAL_BASE_URL": f"http://127.0.0.1:{self.port}/opal/v1",
            "ROOTLY_BASE_URL": f"http://127.0.0.1:{self.port}/rootly",
        }

    def refuse(self, what: str, status: int, words: str) -> None:
        """Refuse a list of Rootly: `users`, `schedules`."""
        body = json.dumps({"errors": [{"title": words, "status": str(status)}]}).encode()
        self.answers[f"/rootly/v1/{what}"] = (status, body)

    def list_users(self, users: Sequence[tuple[str, str, str]]) -> None:
        """Have these users: id, full name, e-mail address."""
        data = [
            {"id": id_, "type": "users", "attributes": {"full_name": name, "email": email}}
            for id_, name, email in users
        ]
        body = json.dumps({"data": data, "links": {"next": None}, "meta": {"next_page": None}}).encode()
        self.answers["/rootly/v1/users"] = (200, body)


@contextmanager
def opened(front: Front) -> Iterator[Answering]:
    """Serve on a free loopback port."""
    answering = Answering(front)
    server = _Server(("127.0.0.1", 0), partial(_Handler, answering))
    answering.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield answering
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: a client that ends early is its own affair."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def __init__(self, answering: Answering, *arguments: Any) -> None:
        self._answering = answering
        super().__init__(*arguments)  # which serves the connection to its end

    def do_GET(self) -> None:
        answer = self._answering.answers.get(urlsplit(self.path).path)
        self._send(*answer, _JSON) if answer else self._hand_on(b"")

    def do_POST(self) -> None:
        self._hand_on(self.rfile.read(int(self.headers["Content-Length"])))

    def _hand_on(self, body: bytes) -> None:
        connection = HTTPConnection("127.0.0.1", self._answering.front.port)
        try:
            headers = {name: text for name, text in self.headers.items() if name.lower() not in _HOP_BY_HOP}
            connection.request(self.command, self.path, body or None, headers)
            response = connection.getresponse()
            kept = {name: text for name, text in response.getheaders() if name.lower() not in _HOP_BY_HOP}
            self._send(response.status, response.read(), kept)
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
