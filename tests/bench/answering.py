"""The stand-in for machines without nginx: the same answers as answers.lua by granian, at about half the speed.

`granian --interface rsgi tests.bench.answering:application`; REQUESTS_LOG names the file that takes the log at the end.
"""

from __future__ import annotations

import os
import time
from collections import defaultdict
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

_HEADERS = {
    True: [("content-type", "application/json")],
    False: [("content-type", "application/vnd.api+json")],
}
_META = b'{"current_page":%d,"next_page":%b,"prev_page":null,"total_count":%d,"total_pages":%d}'
_PAGE = b'{"data":[%b],"meta":' + _META + b',"links":{}}'
_ME = b'{"data":{"id":"101","type":"users","attributes":{"name":"Bench","email":"bench@example.com"}}}'
_CREATED = (
    b'{"id":"%08x-0000-4000-8000-000000000000","type":"on_call_shadows","attributes":{"schedule_id":"%b",%b,'
    b'"created_at":"2026-01-01T00:00:00.000+00:00","updated_at":"2026-01-01T00:00:00.000+00:00"}}'
)
_SCHEDULE = b'{"on_call_schedule_id":"%08x-0000-4000-8000-000000000000","name":"Bench",%b}'


class Application:
    """Answers, and remembers when."""

    def __init__(self) -> None:
        self._ids = count(1)
        self._kept: defaultdict[str, list[bytes]] = defaultdict(list)  # the closing look of a run lists them
        self._log: list[tuple[float, str, str]] = []

    async def __rsgi__(self, scope: Any, protocol: Any) -> None:
        """Answer a request; granian has no types for it."""
        body = await protocol() if scope.method == "POST" else None
        status, content = self._answer(scope.path, scope.query_string, body)
        self._log.append((time.time(), scope.method, scope.path))
        protocol.response_bytes(status, _HEADERS[scope.path == "/v1/on-call-schedules"], content)

    def _answer(self, path: str, query: str, body: bytes | None) -> tuple[int, bytes]:
        if path == "/v1/on-call-schedules":
            return 200, b'{"on_call_schedules":[]}' if body is None else _SCHEDULE % (next(self._ids), _members(body))
        if path.endswith("/on_call_shadows"):
            kept = self._kept[path]
            if body is None:
                return 200, _page(kept, parse_qs(query))
            attributes = _members(body, body.index(b'"attributes"')).replace(b'Z"', b'.000+00:00"')
            kept.append(_CREATED % (next(self._ids), path.split("/")[3].encode(), attributes))
            return 201, b'{"data":%b}' % kept[-1]
        return (200, _ME) if path == "/v1/users/me" else (404, b'{"error":"Not found"}')

    def __rsgi_del__(self, _loop: Any) -> None:
        """Write the log, once serving has ended."""
        with Path(os.environ["REQUESTS_LOG"]).open("w", encoding="utf-8") as file:
            file.writelines(f"{at:.3f} 0.000 {method} 0 {path}\n" for at, method, path in self._log)


def _page(kept: list[bytes], query: dict[str, list[str]]) -> bytes:
    number, size = (
        int(query.get(f"page[{name}]", [default])[0]) for name, default in (("number", "1"), ("size", "100"))
    )
    pages = -(-len(kept) // size)
    next_ = b"%d" % (number + 1) if number < pages else b"null"
    return _PAGE % (b",".join(kept[(number - 1) * size : number * size]), number, next_, len(kept), pages)


def _members(body: bytes, after: int = 0) -> bytes:
    opening = body.index(b"{", after)
    return body[opening + 1 : body.index(b"}", opening)]


application = Application()
