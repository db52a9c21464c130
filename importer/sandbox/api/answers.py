"""What the APIs have in common on the wire: JSON bodies, the bearer token, date-times, JSON:API documents.

Knows no route and no state.
"""

from __future__ import annotations

import re
import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import orjson
from aiohttp import web

from importer.sandbox.directory_file import TOKEN

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence

    from aiohttp.typedefs import Middleware

    from importer.sandbox.rate_limits import RateWindow

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
    """Return the request's JSON, or None where the body is not JSON; no API here accepts null either."""
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


def error_middleware(error_answer: ErrorAnswer, invalid: InvalidAnswer | None = None) -> Middleware:
    """Return a middleware that turns what no handler answered (unknown path, full disk) into the API's own errors.

    A handler's ValueError is about what was asked: `invalid` answers it, or else the error of status 400.
    """

    def answer_error(request: web.Request, error: Exception) -> web.Response:
        if isinstance(error, RefusedRequestError):
            return error.response
        if isinstance(error, web.HTTPNotFound | web.HTTPMethodNotAllowed):  # none of the APIs distinguishes them
            return error_answer(404, f"Not found: {request.method} {request.path[:200]}")
        if isinstance(error, web.HTTPException):
            return error_answer(error.status, error.reason)
        if isinstance(error, ConnectionError):  # the client is gone: nobody reads this, but it is not a bug to log
            return error_answer(400, f"The connection was lost while the request was read: {error}.")
        if isinstance(error, sqlite3.Error):
            return error_answer(500, f"The sandbox's state cannot be used: {error}.")
        return invalid(request, str(error)) if invalid else error_answer(400, str(error))

    @web.middleware
    async def answer_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except (RefusedRequestError, ValueError, web.HTTPException, ConnectionError, sqlite3.Error) as error:
            return answer_error(request, error)

    return answer_errors


def throttle(
    now: Callable[[], float],
    *,
    refuse: Callable[[web.Request], web.Response | None],
    windows: Callable[[web.Request], Iterable[RateWindow]],
    too_many: Callable[[], web.Response],
    report: Callable[[web.Request, RateWindow | None], Mapping[str, str]] | None = None,
) -> Middleware:
    """Return a middleware that comes before every route, with what is refused at once, and the limits.

    Only what is not refused is counted. `report` makes headers for all other answers; it is told which window is full.
    """

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        if refused := refuse(request):
            return refused
        full = next((window for window in windows(request) if not window.take(now())), None)
        response = await handler(request) if full is None else too_many()
        response.headers.update(report(request, full) if report else {})
        return response

    return check


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
