"""What the APIs have in common on the wire: JSON bodies, the bearer token, limits, date-times, JSON:API documents.

Knows no route and no state.
"""

from __future__ import annotations

import math
import re
import sqlite3
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Literal, TypeAlias
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import orjson
from aiohttp import web
from aiohttp.typedefs import Middleware

from importer.sandbox.directory_file import TOKEN

#: Makes an error answer of a status and its message.
ErrorAnswer: TypeAlias = Callable[[int, str], web.Response]
#: Makes the answer to an invalid request of what is wrong with it.
InvalidAnswer: TypeAlias = Callable[[web.Request, str], web.Response]
Handler: TypeAlias = "Callable[[web.Request], Awaitable[web.StreamResponse]]"

JSON = "application/json; charset=utf-8"
JSON_API = "application/vnd.api+json"

_JSON_API_ANSWER = f"{JSON_API}; charset=utf-8"


# Bodies, tokens, errors


def answer(body: object, *, status: int = 200, media_type: str = JSON) -> web.Response:
    """Answer with a JSON body."""
    return web.Response(body=orjson.dumps(body), status=status, headers={"Content-Type": media_type})


async def json_body(request: web.Request) -> object:
    """Return the request's JSON, or None if the body is not JSON; no API here accepts null either."""
    try:
        return orjson.loads(await request.read())
    except orjson.JSONDecodeError:
        return None


def has_token(request: web.Request) -> bool:
    """Check the bearer token."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return scheme.lower() == "bearer" and token.strip() == TOKEN


def shown(value: object) -> str:
    """Quote a foreign value for an error: cut, control characters escaped, a list or an object by its type only."""
    if isinstance(value, list | dict):
        return "a list" if isinstance(value, list) else "an object"
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:80]}..."


class RefusedRequestError(Exception):
    """A handler refuses a request."""

    def __init__(self, response: web.Response) -> None:
        super().__init__()
        self.response = response


# Limits

_ROUNDING = 1e-9  # 7 a minute times a minute is 6.999...


@dataclass(frozen=True, slots=True)
class Limits:
    """How much the sandbox lets through. The defaults are those of the real APIs."""

    enforcement: Literal["sliding", "none"] = "sliding"
    opal_rate: float = 100  #: requests per second
    rootly_per_minute: float = 3000  #: for reads, and again for writes
    pagerduty_per_minute: float = 960
    opsgenie_per_second: float = 10  #: for each domain of requests; in a minute 40 times as many

    def opal(self, share: float = 1) -> RateWindow:
        """Return the window of Opal's limit, or of a share of it."""
        return self._window(self.opal_rate * share, 1)

    def rootly(self) -> RateWindow:
        """Return the window of Rootly's limit, for reads or for writes."""
        return self._window(self.rootly_per_minute / 60, 60)

    def pagerduty(self) -> RateWindow:
        """Return the window of PagerDuty's limit."""
        return self._window(self.pagerduty_per_minute / 60, 60)

    def opsgenie(self) -> tuple[RateWindow, RateWindow]:
        """Return the windows of a domain of Opsgenie's requests: of a second and of a minute."""
        rate = self.opsgenie_per_second
        return self._window(rate, 1), self._window(rate * 40 / 60, 60)

    def _window(self, per_second: float, seconds: float) -> RateWindow:
        """Return a window of about `seconds`; where that holds less than one request, one request in a longer one."""
        limit = max(1, math.floor(per_second * seconds + _ROUNDING))
        return RateWindow(limit, limit / per_second, is_enforced=self.enforcement != "none")


@dataclass(frozen=True, slots=True)
class Standing:
    """How much of a window is used: what the X-RateLimit headers report."""

    limit: int
    used: int
    resets_at: float  #: when there is room again

    @property
    def remaining(self) -> int:
        """Return how many more requests would be let through now."""
        return self.limit - self.used


class RateWindow:
    """At most `limit` requests in any span of `seconds`, as they are let through; a refused request does not count."""

    def __init__(self, limit: int, seconds: float, *, is_enforced: bool = True) -> None:
        self.limit = limit
        self.seconds = seconds
        self._is_enforced = is_enforced
        self._taken: deque[float] = deque()

    def take(self, now: float) -> bool:
        """Count a request that arrives now; return False, and count nothing, if it is one too many."""
        if self.standing(now).remaining < 1:
            return False
        if self._is_enforced:
            self._taken.append(now)
        return True

    def standing(self, now: float) -> Standing:
        """Return how much is used, counting nothing."""
        if self._taken and now < self._taken[-1]:
            self._taken.clear()  # the clock was set back: old times would block until it has caught up
        while self._taken and self._taken[0] + self.seconds <= now:
            self._taken.popleft()
        oldest = self._taken[0] if self._taken else now
        return Standing(self.limit, len(self._taken), oldest + self.seconds)


def _error_middleware(error: ErrorAnswer, invalid: InvalidAnswer | None) -> Middleware:
    """Return a middleware that turns what no handler answered (unknown path, full disk) into the API's own errors."""

    @web.middleware
    async def answer_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except RefusedRequestError as refused:
            return refused.response
        except ValueError as failure:
            if invalid:
                return invalid(request, str(failure))
            status, text = 400, str(failure)
        except (web.HTTPNotFound, web.HTTPMethodNotAllowed):  # none of the APIs distinguishes them
            status, text = 404, f"Not found: {request.method} {request.path[:200]}"
        except web.HTTPException as failure:
            status, text = failure.status, failure.reason
        except ConnectionError as failure:  # the client is gone: nobody reads this, but it is not a bug to log
            status, text = 400, f"The connection was lost while the request was read: {failure}."
        except sqlite3.Error as failure:
            status, text = 500, f"The sandbox's state cannot be used: {failure}."
        return error(status, text)

    return answer_errors


def api_application(  # noqa: PLR0913  all that differs from API to API
    routes: Iterable[web.RouteDef],
    now: Callable[[], float],
    *,
    error: ErrorAnswer,
    refuse: Callable[[web.Request], web.Response | None],
    windows: Callable[[web.Request], Iterable[RateWindow]],
    too_many: str,
    report: Callable[[web.Request, RateWindow | None], Mapping[str, str]] = lambda *_: {},
    invalid: InvalidAnswer | None = None,
) -> web.Application:
    """Return an API's application: its routes behind its limits, with its own form of errors.

    What `refuse` answers is not counted. All other requests count in `windows`; where one of these is full, the answer
    is a 429 that says `too_many`. `report` makes headers for these answers; it is given the window that is full.
    A handler's ValueError is about what was asked: `invalid` answers it, or else an error of status 400.
    """

    @web.middleware
    async def check_limits(request: web.Request, handler: Handler) -> web.StreamResponse:
        if refused := refuse(request):
            return refused
        full = next((window for window in windows(request) if not window.take(now())), None)
        response = await handler(request) if full is None else error(429, too_many)
        response.headers.update(report(request, full))
        return response

    app = web.Application(middlewares=[check_limits, _error_middleware(error, invalid)])
    app.add_routes(routes)
    return app


def gets(handlers: Mapping[str, Handler]) -> list[web.RouteDef]:
    """Return the routes that are only read, by path."""
    return [web.get(path, handler, allow_head=False) for path, handler in handlers.items()]


def read_moment(query: Mapping[str, str], name: str, default: float) -> int:
    """Read a parameter as epoch seconds; without an offset it is UTC.

    Raises:
        ValueError: it is no date-time; the message begins with the parameter's name.
    """
    text = query.get(name)
    if text is None:
        return int(default)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise ValueError(f"{name} is not a date-time: {shown(text)}") from error
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())


# Date-times; inside the sandbox an instant is a number of epoch milliseconds

#: The time zone of the user who owns the API key: Rootly answers in it, whatever was sent.
ZONE_NAME = "America/Los_Angeles"

_ZONE = ZoneInfo(ZONE_NAME)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
# RFC 3339, section 5.6; `fromisoformat` alone accepts much more
_DATE_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
# Before 1883 the zone's offset has seconds, which RFC 3339 cannot write; in 9999 the local date could overflow.
_EARLIEST = datetime(1900, 1, 1, tzinfo=UTC)
_LATEST = datetime(9999, 1, 1, tzinfo=UTC)


def parse_instant(text: str) -> int:
    """Parse an RFC 3339 date-time with its offset; anything finer than a millisecond is cut off.

    Raises:
        ValueError: not such a date-time, or outside the years 1900 to 9998; the message continues a field's name.
    """
    try:
        moment = datetime.fromisoformat(text.upper() if _DATE_TIME.fullmatch(text) else "")
    except ValueError:  # perhaps well-formed, but there is no such day or hour
        raise ValueError("must be a date-time with an offset") from None
    if not _EARLIEST <= moment < _LATEST:
        raise ValueError("must be in the years 1900 to 9998")
    return (moment - _EPOCH) // _MILLISECOND


def show_instant(instant: int) -> str:
    """Format an instant as Rootly's answers do, for example `2026-02-19T18:12:19.680-08:00`."""
    return (_EPOCH + instant * _MILLISECOND).astimezone(_ZONE).isoformat(timespec="milliseconds")


def instant_of(seconds: float) -> int:
    """Turn the clock's epoch seconds into an instant."""
    return int(seconds * 1000)


# JSON:API: data, errors with pointers, pages with meta and links

_PAGE_SIZE = 25
_LARGEST_PAGE = 100


@dataclass(frozen=True, slots=True)
class Objection:
    """One thing wrong with a request."""

    detail: str
    pointer: str = ""  #: into the request's body; empty means the whole body
    parameter: str = ""  #: of the query, where the objection is to a parameter


@dataclass(frozen=True, slots=True)
class ListPage:
    """Which part of a list is asked for; pages count from 1."""

    number: int
    size: int

    @property
    def offset(self) -> int:
        """Return the number of entries before this page."""
        return (self.number - 1) * self.size

    @classmethod
    def from_query(cls, query: Mapping[str, str], largest: int = _LARGEST_PAGE) -> ListPage:
        """Read the page from a query; anything but a number above 0 is ignored, a size over the largest is cut."""
        number = _number(query.get("page[number]", "")) or 1
        size = _number(query.get("page[size]", "")) or _PAGE_SIZE
        return cls(number, min(size, largest))


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 9 else 0


def document(data: Mapping[str, object], *, status: int = 200) -> web.Response:
    """Answer with one resource."""
    return answer({"data": data}, status=status, media_type=_JSON_API_ANSWER)


def listing(request: web.Request, page: ListPage, total: int, data: Sequence[Mapping[str, object]]) -> web.Response:
    """Answer with one page of a list."""
    pages = -(-total // page.size)  # an empty list has none
    following = page.number + 1 if page.number < pages else None
    previous = page.number - 1 if 1 < page.number <= pages else None
    links = {"self": page.number, "first": 1, "prev": previous, "next": following, "last": max(1, pages)}
    body = {
        "data": data,
        "meta": {
            "current_page": page.number,
            "next_page": following,
            "prev_page": previous,
            "total_count": total,
            "total_pages": pages,
        },
        "links": {name: number and _link(request, page, number) for name, number in links.items()},
    }
    return answer(body, media_type=_JSON_API_ANSWER)


def _link(request: web.Request, page: ListPage, number: int) -> str:
    query = {**request.query, "page[number]": str(number), "page[size]": str(page.size)}
    return f"{request.scheme}://{request.host}{request.rel_url.raw_path}?{urlencode(query)}"


def objections(status: int, *found: Objection, media_type: str = _JSON_API_ANSWER) -> web.Response:
    """Answer with errors, all of one status."""
    return answer({"errors": [_error(status, each) for each in found]}, status=status, media_type=media_type)


def _error(status: int, objection: Objection) -> dict[str, object]:
    title = "Unprocessable Content" if status == 422 else HTTPStatus(status).phrase  # RFC 9110's name in every Python
    error: dict[str, object] = {"title": title, "status": str(status), "detail": objection.detail}
    if objection.parameter:
        error["source"] = {"parameter": objection.parameter}
    elif status == 422:
        error["source"] = {"pointer": objection.pointer}
    return error
