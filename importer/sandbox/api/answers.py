"""What both APIs have in common on the wire: JSON bodies, the bearer token, errors that no handler answered."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, TypeAlias

import orjson
from aiohttp import web

from importer.sandbox.directory_file import TOKEN

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from aiohttp.typedefs import Middleware


if TYPE_CHECKING:
    #: Makes an error answer of a status and the words that tell it.
    Wording: TypeAlias = Callable[[int, str], web.Response]

Handler: TypeAlias = "Callable[[web.Request], Awaitable[web.StreamResponse]]"

JSON = "application/json; charset=utf-8"


def answer(body: object, *, status: int = 200, media_type: str = JSON) -> web.Response:
    """Answer with a JSON body."""
    return web.Response(body=orjson.dumps(body), status=status, headers={"Content-Type": media_type})


async def body_of(request: web.Request) -> object:
    """Read the request's JSON; None where it is none, which no API here takes for a body either."""
    try:
        return orjson.loads(await request.read())
    except orjson.JSONDecodeError:
        return None


def has_token(request: web.Request) -> bool:
    """Check the bearer token."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return scheme.lower() == "bearer" and token.strip() == TOKEN


def shown(value: object) -> str:
    """Quote a foreign value for an error: cut, control characters escaped, of a list or an object only what it is."""
    if isinstance(value, list | dict):
        return "a list" if isinstance(value, list) else "an object"
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:80]}..."


def worded(wording: Wording) -> Middleware:
    """Make the middleware that puts what no handler answered (an unknown path, a full disk) into an API's own words."""

    @web.middleware
    async def put_into_words(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except (web.HTTPNotFound, web.HTTPMethodNotAllowed):  # neither API tells them apart
            return wording(404, f"Not found: {request.method} {request.path[:200]}")
        except web.HTTPException as error:
            return wording(error.status, error.reason)
        except ConnectionError as error:  # the client is gone; nobody reads this, but it is no bug to be logged
            return wording(400, f"The request broke off: {error}.")
        except sqlite3.Error as error:
            return wording(500, f"The sandbox's state cannot be used: {error}.")

    return put_into_words
