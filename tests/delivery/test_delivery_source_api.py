"""Reading another system over HTTP: patient with what passes, one sentence for what does not, and no key anywhere."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import anyio
import anyio.lowlevel
import pytest

from importer.calendars import RefusedError
from importer.delivery.source_api import SourceApi, fetch, open_source_api
from importer.delivery.transport import Connection
from importer.errors import ImporterError, InterruptedReadingError, TargetError
from importer.session.control import SilentObserver
from importer.settings.options import load_settings

if TYPE_CHECKING:
    from collections.abc import Iterator

KEY = "secret-key-7c1f"
API = SourceApi("PagerDuty", 1000.0, {"Accept": "application/json"}, "Token token={}".format)

Answer = tuple[int, dict[str, str], bytes]


def good(value: object) -> Answer:
    """Make an answer of 200."""
    return 200, {"Content-Type": "application/json"}, json.dumps(value).encode()


@contextmanager
def serving(*answers: Answer) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """Serve these answers, the last one again and again; yield the base URL, and the paths and keys that were seen."""
    left, seen = list(answers), []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            seen.append((self.path, self.headers["Authorization"]))
            status, headers, body = left.pop(0) if len(left) > 1 else left[0]
            self.send_response(status)
            for name, value in ({"Content-Length": str(len(body))} | headers).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", seen
        server.shutdown()


def ask(base_url: str, *paths: str, interrupted: anyio.Event | None = None) -> list[Any]:
    """Ask for paths one after the other."""

    async def main() -> list[Any]:
        settings = load_settings({"request_timeout": 5, "breaker_timeout": 5})
        event = interrupted or anyio.Event()
        async with open_source_api(API, Connection(base_url, KEY), settings, SilentObserver(), event) as asking:
            return [await asking(path) for path in paths]

    return anyio.run(main)


def test_an_answer_is_json_and_the_key_goes_into_its_own_header() -> None:
    with serving(good({"users": []})) as (url, seen):
        assert ask(url, "/users?limit=100") == [{"users": []}]
        assert seen == [("/users?limit=100", f"Token token={KEY}")]


@pytest.mark.parametrize(
    "passing", [(503, {}, b"busy"), (429, {"Retry-After": "0"}, b""), (500, {}, b"<html>"), (429, {}, b"{}")]
)
def test_what_passes_is_asked_for_again(passing: Answer) -> None:
    with serving(passing, good({"a": 1})) as (url, seen):
        assert ask(url, "/a") == [{"a": 1}]
        assert len(seen) == 2


def test_a_question_that_is_refused_ends_that_question_alone() -> None:
    refused: Answer = (403, {}, b'{"message": "no right"}')
    with serving(refused, good({"a": 1})) as (url, _), pytest.raises(RefusedError, match="403: no right"):
        ask(url, "/a")


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ((401, {}, b'{"error": {"message": "bad key"}}'), r"refused the key \(401\): bad key"),
        ((200, {}, b"<!DOCTYPE html><html>login</html>"), "answers 200 with HTML"),
        ((200, {}, b"[1, 2]"), "no JSON object"),
        ((302, {"Location": "https://elsewhere.example"}, b""), "302"),
    ],
)
def test_what_does_not_pass_is_one_sentence_without_the_key(answer: Answer, words: str) -> None:
    with serving(answer) as (url, _), pytest.raises(TargetError, match=words) as caught:
        ask(url, "/a")
    assert KEY not in f"{caught.value.message} {caught.value.hint}"
    assert caught.value.hint


def test_a_next_page_at_another_host_is_not_asked() -> None:
    with serving(good({})) as (url, seen), pytest.raises(TargetError, match="another host"):
        ask(url, "https://evil.example/v2/users?offset=100")
    assert seen == []


def test_an_interrupt_ends_the_reading() -> None:
    async def main(url: str) -> None:
        interrupted = anyio.Event()
        interrupted.set()
        settings = load_settings({})
        async with open_source_api(API, Connection(url, KEY), settings, SilentObserver(), interrupted) as asking:
            await anyio.lowlevel.checkpoint()
            await anyio.lowlevel.checkpoint()
            await asking("/a")

    with serving(good({})) as (url, seen), pytest.raises(InterruptedReadingError):
        anyio.run(main, url)
    assert seen == []


def test_a_feed_is_fetched_and_its_address_stands_in_no_error() -> None:
    calendar = b"BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n"
    settings = load_settings({"request_timeout": 5})

    async def read(address: str) -> bytes:
        return await fetch(address, "the feed of ROTA", settings, anyio.Event())

    with serving((200, {}, calendar)) as (url, _):
        assert anyio.run(read, f"{url}/private/0123456789abcdef/feed") == calendar
    with serving((404, {}, b"gone")) as (url, _), pytest.raises(ImporterError) as caught:
        anyio.run(read, f"{url}/private/0123456789abcdef/feed")
    assert "0123456789abcdef" not in f"{caught.value.message} {caught.value.hint}"
    with pytest.raises(ImporterError, match="no https address"):
        anyio.run(read, "http://feeds.example/private/0123456789abcdef/feed")
