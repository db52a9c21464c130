"""Groups of our own in a served sandbox, somebody else who works with them, and rows that name them."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.request import Request as HttpRequest
from urllib.request import urlopen

import anyio.from_thread

from importer.sandbox import server
from importer.sandbox.api.answers import Limits
from importer.sandbox.directory_file import TOKEN, DirectoryFile
from importer.sandbox.fault_plan import FaultPlan

from . import front as fronts

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from .command import Workplace
    from .front import Front, Request

HEADER = ["third_party_provider", "remote_id", "group"]
OPERATORS = "7b0a1f52-3c7e-4d0e-9a51-2f4c8e6b1d02"
BREAK_GLASS = "7b0a1f52-3c7e-4d0e-9a51-2f4c8e6b1d03"
TWINS = ("7b0a1f52-3c7e-4d0e-9a51-2f4c8e6b1e01", "7b0a1f52-3c7e-4d0e-9a51-2f4c8e6b1e02")
SYNCED = "7b0a1f52-3c7e-4d0e-9a51-2f4c8e6b1e03"
GROUPS = [
    {"id": OPERATORS, "name": "Platform Operators"},
    {"id": BREAK_GLASS, "name": "Database, Break Glass"},
    {"id": TWINS[0], "name": "Twins"},
    {"id": TWINS[1], "name": "Twins"},
    *(
        {"id": f"{SYNCED[:-1]}{number}", "name": f"Synced {kind}", "type": f"{kind}_ON_CALL_SCHEDULE"}
        for number, kind in enumerate(("PAGERDUTY", "INCIDENTIO", "ROOTLY"), 3)
    ),
]


@contextmanager
def serve(folder: Path, faults: list[dict[str, object]]) -> Iterator[Front]:
    """Serve a sandbox with these groups, behind a front."""
    state = folder / "served.sqlite3"
    roll = DirectoryFile.model_validate({"groups": GROUPS})
    plan = FaultPlan.model_validate({"fault": faults})
    with (
        anyio.from_thread.start_blocking_portal() as portal,
        portal.wrap_async_context_manager(
            server.serve(state, limits=Limits("none"), directory=roll, faults=plan)
        ) as address,
        fronts.opened(address, state) as opened,
    ):
        yield opened


class Opal:
    """Somebody else who works in the same Opal, past the front."""

    def __init__(self, front: Front) -> None:
        self._origin = f"http://127.0.0.1:{front.sandbox.port}/opal/v1"

    def ask(self, method: str, path: str, body: object = None) -> object:
        content = None if body is None else json.dumps(body).encode()
        request = HttpRequest(self._origin + path, content, {"Authorization": f"Bearer {TOKEN}"}, method=method)
        with urlopen(request, timeout=60) as response:
            return json.loads(response.read())

    def create(self, remote_id: str) -> str:
        made = self.ask("POST", "/on-call-schedules", {"third_party_provider": "PAGER_DUTY", "remote_id": remote_id})
        assert isinstance(made, dict)
        return str(made["on_call_schedule_id"])

    def members(self, group: str) -> list[str]:
        listed = self.ask("GET", f"/groups/{group}/on-call-schedules")
        assert isinstance(listed, dict)
        return [item["remote_id"] for item in listed["on_call_schedules"]]

    def member_ids(self, group: str) -> list[str]:
        listed = self.ask("GET", f"/groups/{group}/on-call-schedules")
        assert isinstance(listed, dict)
        return [item["on_call_schedule_id"] for item in listed["on_call_schedules"]]

    def put(self, group: str, ids: list[str]) -> None:
        self.ask("PUT", f"/groups/{group}/on-call-schedules", {"on_call_schedule_ids": ids})


def puts(front: Front) -> list[Request]:
    return [request for request in front.requests if request.method == "PUT"]


def write(place: Workplace, *rows: tuple[str, str]) -> Path:
    return place.write("s.csv", [HEADER, *(["PAGER_DUTY", remote_id, group] for remote_id, group in rows)])
