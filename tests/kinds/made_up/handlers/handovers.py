"""The made-up kind's sandbox handler: routes over what it keeps in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import uuid4

from aiohttp import web

from importer.records import TargetName
from importer.sandbox.api import StoredKind
from importer.sandbox.api.answers import ListPage, Objection, document, json_body, listing, objections

if TYPE_CHECKING:
    from collections.abc import Callable

    from importer.records import Key
    from importer.sandbox.state import SandboxState

_made: dict[str, dict[str, Any]] = {}  # outlives one serving, as a state file does


class HandoverRoutes:
    """Creates, lists, shows and deletes handovers."""

    def __init__(self, state: SandboxState, now: Callable[[], float]) -> None:
        pass

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [
            web.post("/v1/schedules/{schedule_id}/handovers", self._create),
            web.get("/v1/schedules/{schedule_id}/handovers", self._list, allow_head=False),
            web.get("/v1/handovers/{id}", self._show, allow_head=False),
            web.delete("/v1/handovers/{id}", self._delete),
        ]

    async def _create(self, request: web.Request) -> web.Response:
        body: Any = await json_body(request)
        attributes = {**body["data"]["attributes"], "schedule_id": request.match_info["schedule_id"]}
        id_ = str(uuid4())
        made = _made[id_] = {"id": id_, "type": "handovers", "attributes": attributes}
        return document(made, status=201)

    async def _list(self, request: web.Request) -> web.Response:
        schedule_id = request.match_info["schedule_id"]
        own = [made for made in _made.values() if made["attributes"]["schedule_id"] == schedule_id]
        return listing(request, ListPage.from_query(request.query), len(own), own)

    async def _show(self, request: web.Request) -> web.Response:
        made = _made.get(request.match_info["id"])
        return document(made) if made else objections(404, Objection("Handover not found."))

    async def _delete(self, request: web.Request) -> web.Response:
        made = _made.pop(request.match_info["id"], None)
        return document(made) if made else objections(404, Objection("Handover not found."))


def _key(made: dict[str, Any]) -> Key:
    attributes = made["attributes"]
    return (attributes["schedule_id"], attributes["handed_to"], attributes["handed_at"])


def _posted_key(body: Any, schedule_id: str) -> Key:
    return _key({"attributes": {**body["data"]["attributes"], "schedule_id": schedule_id}})


def _forget(_state: SandboxState, id_: str) -> None:
    _made.pop(id_, None)


STORED = StoredKind(
    target=TargetName.ROOTLY,
    collection=r"/v1/schedules/[^/]+/handovers",
    routes=lambda state, now: HandoverRoutes(state, now).routes(),
    posted_key=_posted_key,
    forget=_forget,
)
