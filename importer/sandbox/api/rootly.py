"""Rootly as its document and `contracts` tell it: what every request must bring, and the limits every answer tells."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from aiohttp import hdrs, web

from importer.sandbox.api.answers import JSON, Handler, answer, has_token, worded
from importer.sandbox.api.jsonapi import MEDIA_TYPE, Objection, objections
from importer.sandbox.api.rootly_directory import Directory
from importer.sandbox.api.shadows import Shadows

if TYPE_CHECKING:
    from collections.abc import Callable

    from importer.sandbox.rate_limits import Limits, Window
    from importer.sandbox.state import SandboxState


_EDGE_PAGE = """<!DOCTYPE html>
<html><head><title>403 Forbidden</title></head>
<body><h1>403 Forbidden</h1><p>Request forbidden by administrative rules.</p></body></html>
"""


def flat(status: int, text: str) -> web.Response:
    """Answer an error in the flat form, which Rootly uses for 429 and what is not routed."""
    return answer({"error": text}, status=status)


def application(state: SandboxState, limits: Limits, now: Callable[[], float]) -> web.Application:
    """Make Rootly. Its throttle stands before every route; what is to come between throttle and route goes after it."""
    throttle = _Gate(limits, now)
    app = web.Application(middlewares=[throttle.tell_limits, worded(flat), throttle.check])
    app.add_routes(Directory(state).routes())
    app.add_routes(Shadows(state, now).routes())
    return app


class _Gate:
    """Headers, token and limits; reads and writes are counted apart."""

    def __init__(self, limits: Limits, now: Callable[[], float]) -> None:
        self._reads = limits.rootly()
        self._writes = limits.rootly()
        self._tells = limits.tells
        self._now = now

    @web.middleware
    async def tell_limits(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Put the X-RateLimit headers on every answer, unless nothing is to be told."""
        response = await handler(request)
        if not self._tells:
            return response
        window = self._window(request)
        standing = window.standing(self._now())
        response.headers["X-RateLimit-Limit"] = (
            f"{standing.limit}, {standing.limit};window={round(window.seconds, 3):g}"
        )
        response.headers["X-RateLimit-Remaining"] = str(standing.remaining)
        response.headers["X-RateLimit-Used"] = str(standing.used)
        response.headers["X-RateLimit-Reset"] = str(math.ceil(standing.resets_at))
        return response

    @web.middleware
    async def check(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Let a request through, or answer 403, 415, 401 or 429. Only what has a good token counts."""
        refused = _refused(request)
        if refused is not None:
            return refused
        if not self._window(request).take(self._now()):
            return flat(429, "Rate limit exceeded. Try again later.")
        return await handler(request)

    def _window(self, request: web.Request) -> Window:
        return self._reads if request.method in {"GET", "HEAD", "OPTIONS"} else self._writes


def _refused(request: web.Request) -> web.Response | None:
    if not request.headers.get(hdrs.USER_AGENT):
        return web.Response(text=_EDGE_PAGE, status=403, content_type="text/html")
    if not (_names(request, hdrs.ACCEPT) and _names(request, hdrs.CONTENT_TYPE)):
        return objections(415, Objection(f"Accept and Content-Type must be {MEDIA_TYPE}"))
    if not has_token(request):
        return objections(401, Objection("The API key is missing or invalid"), media_type=JSON)
    return None


def _names(request: web.Request, header: str) -> bool:
    """Tell whether a header names JSON:API's media type, be it among others or with parameters."""
    kinds = request.headers.get(header, "").lower().split(",")
    return any(kind.partition(";")[0].strip() == MEDIA_TYPE for kind in kinds)
