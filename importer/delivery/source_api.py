"""Reads PagerDuty, Opsgenie and calendar feeds, and never writes: GETs at their rate, one at a time, with retries."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin, urlsplit

import anyio

from importer.calendars import Ask, RefusedError
from importer.delivery.client import Answer, Client, open_client
from importer.delivery.replies import read_json
from importer.delivery.retry import MOST_ATTEMPTS, back_off
from importer.delivery.stop import Stop, StoppedError, end_on_interrupt
from importer.delivery.throttle import Throttle
from importer.delivery.transport import Connection, Transport, load_trust
from importer.errors import InterruptedReadingError, TargetError
from importer.notice import Notice, ReadingObserver
from importer.settings.options import Settings
from importer.settings.values import is_loopback
from importer.wording import escape

_REFUSED = frozenset({400, 402, 403, 404, 410, 422})
_FEED_ATTEMPTS = 4  # a feed is one file, and the user is waiting: a wrong address must not take half a minute
_BASE_URL = "Check the base URL: it must be the API's, not the web page's."
_MOST_CUT = 3  # answers to one question that are not JSON
_AGAIN = "Start the command again when it can be reached; nothing was written."


@dataclass(frozen=True, slots=True)
class SourceApi:
    """What reading needs to know of a system's API."""

    name: str  #: its name in messages
    rate: float  #: requests a second that it allows
    headers: Mapping[str, str]
    authorization: Callable[[str], str]  #: makes the value of that header from the token
    key_hint: str = "Check the key, and that it belongs to the region of the base URL."  #: if it refuses the key


@asynccontextmanager
async def open_source_api(
    api: SourceApi,
    connection: Connection,
    settings: Settings,
    observer: ReadingObserver,
    interrupted: anyio.Event,
) -> AsyncIterator[Ask]:
    """Open a session with a system; questions in it end at once if the user interrupts.

    What holds it up is reported to the observer.

    Raises:
        InterruptedReadingError: the user interrupted it.
    """
    failure: Exception | None = None
    stop = Stop()

    def notify(words: str) -> None:
        observer.noticed(Notice(f"{api.name}: {words}"))

    throttle = Throttle(api.rate, settings.headroom, settings.breaker_timeout, stop, notify)
    async with (
        open_client(api, *connection, concurrency=1, request_timeout=settings.request_timeout) as client,
        end_on_interrupt((), interrupted, ""),  # nothing is sent, so there is no reason to note and no grace to give
    ):

        async def ask(path: str) -> Any:
            return await _ask(_resolve(path, connection.base_url, api.name), api, client, throttle)

        try:
            yield ask
        except StoppedError:
            failure = TargetError(f"{api.name}: {stop.words}", hint=_AGAIN)
        except Exception as error:
            failure = error
    if failure is not None:
        raise failure
    if interrupted.is_set():
        raise InterruptedReadingError(f"interrupted while reading {api.name}; nothing was written")


async def _ask(url: str, api: SourceApi, client: Client, throttle: Throttle) -> Any:
    """Return the JSON at a URL; ask again after what may pass, such as a 5xx or a truncated body."""
    attempt, cut, words = 0, 0, ""
    while attempt < MOST_ATTEMPTS and cut < _MOST_CUT:
        await throttle.enter(is_write=False)
        reply = await client.get(url, attempt + 1)
        if isinstance(reply, Answer) and reply.status == 429:
            throttle.pause(reply.headers, is_write=False, sent=reply.sent)
            continue
        attempt += 1
        if isinstance(reply, Answer) and reply.status < 500 and reply.status != 408:
            throttle.succeed(reply.headers, is_write=False, sent=reply.sent)
            try:
                return _read(reply, api)
            except ValueError as error:
                words, cut = str(error), cut + 1
        else:
            words = f"{reply.status}: {_words(reply)}" if isinstance(reply, Answer) else reply.reason
            throttle.fail(words, reply.headers if isinstance(reply, Answer) else {})
        await throttle.stop.sleep(back_off(attempt, 0.5), is_write=False)
    hint = _BASE_URL if cut == _MOST_CUT else _AGAIN
    raise TargetError(f"{api.name} did not send a usable answer: {words}", hint=hint)


def _resolve(path: str, base_url: str, name: str) -> str:
    """Return the URL to ask: below the base URL, or a next page that stays at the same host."""
    prefix = urlsplit(base_url).path  # a next page may have it, or not
    is_below = path.startswith("/") and not (prefix and path.startswith(f"{prefix}/"))
    url = base_url + path if is_below else urljoin(base_url, path)
    if urlsplit(url)[:2] != urlsplit(base_url)[:2]:
        raise TargetError(f"{name} points to another host for its next page: refused", hint=_AGAIN)
    return url


def _read(answer: Answer, api: SourceApi) -> Any:
    """Return the JSON of an answer.

    Raises:
        RefusedError: the system refuses this question.
        TargetError: it refuses the key, or what answers is not its API.
        ValueError: it is not a JSON object.
    """
    name = api.name
    if answer.body.lstrip()[:1] == b"<":  # an error can be a page, too
        raise TargetError(
            f"{name} answers {answer.status} with HTML, a page for people",
            hint=_BASE_URL,
        )
    if 300 <= answer.status < 400:
        raise TargetError(
            f"{name} answers {answer.status}: it redirects to another address, which is not followed",
            hint="Check the base URL: it must be the API's, in the region of the account.",
        )
    if answer.status == 401:
        raise TargetError(f"{name} refused the key (401): {_words(answer)}", hint=api.key_hint)
    if answer.status in _REFUSED:
        raise RefusedError(answer.status, _words(answer))
    if not 200 <= answer.status < 300:
        raise TargetError(f"{name} answers {answer.status}: {_words(answer)}", hint=_AGAIN)
    payload = read_json(answer.body)
    if not isinstance(payload, dict):
        raise ValueError(f"{answer.status}, but no JSON object")
    return payload


def _words(answer: Answer) -> str:
    """Return what an error says, in the forms that both systems use; empty if it says nothing."""
    payload = read_json(answer.body)
    found = payload.get("error", payload) if isinstance(payload, dict) else payload
    if isinstance(found, dict):
        errors = found.get("errors")
        more = ", ".join(map(str, errors)) if isinstance(errors, list) else ""
        found = ": ".join(part for part in (str(found.get("message") or ""), more) if part)
    return escape(str(found))


async def fetch(address: str, label: str, settings: Settings, interrupted: anyio.Event) -> bytes:
    """Return the contents of a feed. Its address is a secret: no error shows it.

    Raises:
        TargetError: it is not an https address, or there is no usable answer.
    """
    parts = urlsplit(address.replace("webcals://", "https://", 1).replace("webcal://", "https://", 1))
    host = parts.hostname or ""
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(host)):
        raise TargetError(f"{label} holds no https address", hint="Put the feed's secret address there.")
    if parts.username or parts.password:
        raise TargetError(f"{label} holds an address with a user in it", hint="Put the feed's secret address there.")
    origin = f"{parts.scheme}://{parts.netloc}"
    path = f"{parts.path}?{parts.query}" if parts.query else parts.path
    trust = load_trust(settings.ca_file, settings.origins.get("ca_file"))
    transport = Transport(settings.proxy_to(origin, label), trust)
    api = SourceApi(label, 10.0, {"Accept": "text/calendar"}, lambda _: "")
    words = ""
    patience = settings.request_timeout
    async with open_client(api, origin, "", transport, concurrency=1, request_timeout=patience) as client:
        client.hide_paths()  # the path is the secret
        for attempt in range(1, _FEED_ATTEMPTS + 1):
            if interrupted.is_set():
                raise InterruptedReadingError(f"interrupted while reading {label}")
            reply = await client.get(origin + (path or "/"), attempt)
            if isinstance(reply, Answer) and reply.status == 200:
                return reply.body
            words = str(reply.status) if isinstance(reply, Answer) else reply.reason
            if isinstance(reply, Answer) and reply.status < 500 and reply.status != 429:
                break
            with anyio.move_on_after(back_off(attempt, 0.5)):
                await interrupted.wait()
    raise TargetError(f"{label} did not send a calendar: {words}", hint="Check the address: it may have been replaced.")
