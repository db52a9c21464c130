"""The stand-in for machines without nginx: the same answers as answers.lua by granian, at about half the speed.

`granian --interface rsgi tests.bench.answering:application`; REQUESTS_LOG names the file that takes the log at the end.
"""

from __future__ import annotations

import os
import time
from itertools import count
from pathlib import Path
from typing import Any

_HEADERS = {
    True: [("content-type", "application/json")],
    False: [("content-type", "application/vnd.api+json")],
}
_EMPTY = (
    b'{"data":[],"meta":{"current_page":1,"next_page":null,"prev_page":null,"total_count":0,"total_pages":0},'
    b'"links":{"self":null,"first":null,"prev":null,"next":null,"last":null}}'
)
_ME = b'{"data":{"id":"101","type":"users","attributes":{"name":"Bench","email":"bench@example.com"}}}'
_CREATED = (
    b'{"data":{"id":"%08x-0000-4000-8000-000000000000","type":"on_call_shadows","attributes":{"schedule_id":"%b",%b,'
    b'"created_at":"2026-01-01T00:00:00.000+00:00","updated_at":"2026-01-01T00:00:00.000+00:00"}}}'
)
_SCHEDULE = b'{"on_call_schedule_id":"%08x-0000-4000-8000-000000000000","name":"Bench",%b}'


class Application:
    """Answers, and remembers when."""

    def __init__(self) -> None:
        self._ids = count(1)
        self._log: list[tuple[float, str, str]] = []

    async def __rsgi__(self, scope: Any, protocol: Any) -> None:
        """Answer a request; granian has no types for it."""
        body = await protocol() if scope.method == "POST" else None
        status, content = self._answer(scope.path, body)
        self._log.append((time.time(), scope.method, scope.path))
        protocol.response_bytes(status, _HEADERS[scope.path == "/v1/on-call-schedules"], content)

    def _answer(self, path: str, body: bytes | None) -> tuple[int, bytes]:
        if path == "/v1/on-call-schedules":
            return 200, b'{"on_call_schedules":[]}' if body is None else _SCHEDULE % (next(self._ids), _members(body))
        if path.endswith("/on_call_shadows"):
            if body is None:
                return 200, _EMPTY
            attributes = _members(body, body.index(b'"attributes"')).replace(b'Z"', b'.000+00:00"')
            return 201, _CREATED % (next(self._ids), path.split("/")[3].encode(), attributes)
        return (200, _ME) if path == "/v1/users/me" else (404, b'{"error":"Not found"}')

    def __rsgi_del__(self, _loop: Any) -> None:
        """Write the log, once serving has ended."""
        with Path(os.environ["REQUESTS_LOG"]).open("w", encoding="utf-8") as file:
            file.writelines(f"{at:.3f} 0.000 {method} 0 {path}\n" for at, method, path in self._log)


def _members(body: bytes, after: int = 0) -> bytes:
    opening = body.index(b"{", after)
    return body[opening + 1 : body.index(b"}", opening)]


application = Application()
