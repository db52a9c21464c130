"""Rootly's on-call shadows: created and listed under a schedule, shown, changed and deleted by id."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from aiohttp import web

from importer.records import ID_PATTERN, LARGEST_ID, TargetName
from importer.sandbox.api.answers import (
    ListPage,
    Objection,
    document,
    instant_of,
    json_body,
    listing,
    objections,
    parse_instant,
    show_instant,
    shown,
)
from importer.sandbox.api.stored_kinds import StoredKind
from importer.sandbox.directory_file import reserved

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Mapping

    from importer.records import Key
    from importer.sandbox.state import SandboxState
# The body of a request: its values, or everything that is wrong with it

TYPE = "on_call_shadows"

_ID = re.compile(ID_PATTERN)
_ATTRIBUTES = "/data/attributes"


def is_id(value: object) -> bool:
    """Return whether a value is a well-formed id; every such id counts as known."""
    return isinstance(value, str) and _ID.fullmatch(value) is not None


def read(
    body: object, *, required: frozenset[str], allowed: frozenset[str], type_: str = TYPE
) -> tuple[dict[str, str | int], list[Objection]]:
    """Read a body into the values that the state stores; they are valid only if there are no objections."""
    data = body.get("data") if isinstance(body, dict) else None
    if not isinstance(data, dict):
        return {}, [Objection("The body must be a JSON:API document with an object as data.", "/data")]
    attributes = data.get("attributes")
    found = []
    if data.get("type") != type_:
        found.append(Objection(f"type must be {type_}, not {shown(data.get('type'))}", "/data/type"))
    if not isinstance(attributes, dict):
        return {}, [*found, Objection("attributes must be an object", _ATTRIBUTES)]
    values, more = _read_attributes(attributes, required, allowed)
    return values, found + more


def _read_attributes(
    attributes: Mapping[str, object], required: frozenset[str], allowed: frozenset[str]
) -> tuple[dict[str, str | int], list[Objection]]:
    values: dict[str, str | int] = {}
    found = [_objection(name, "can't be blank") for name in sorted(required - attributes.keys())]
    for name, value in attributes.items():
        if name not in allowed:
            found.append(_objection(name, "is not an attribute that can be set here"))
            continue
        try:
            values[name] = _READERS[name](value)
        except ValueError as error:
            found.append(_objection(name, str(error)))
    return values, found or order_objections(values)


def order_objections(values: Mapping[str, str | int]) -> list[Objection]:
    """Object to an end that is not after the start, where both are given."""
    starts_at, ends_at = values.get("starts_at"), values.get("ends_at")
    if isinstance(starts_at, int) and isinstance(ends_at, int) and ends_at <= starts_at:
        return [_objection("ends_at", "must be after starts_at")]
    return []


def _objection(name: str, detail: str) -> Objection:
    # RFC 6901: these two must be escaped in a pointer
    step = name.replace("~", "~0").replace("/", "~1")
    plain = name if name in _READERS else shown(name)
    return Objection(f"{plain} {detail}", f"{_ATTRIBUTES}/{step}")


def _shadowable_type(value: object) -> str:
    if isinstance(value, str) and value in {"User", "Schedule"}:
        return value
    raise ValueError(f"must be User or Schedule, not {shown(value)}")


def _identifier(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError(f"must be a string, not {shown(value)}")
    if not is_id(value):
        raise ValueError(f"is not a well-formed id: {shown(value)}")
    return value


def _user_id(value: object) -> str:
    """Read a user's number; the state keeps it as text because SQLite's integers end at 63 bits."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"must be an integer, not {shown(value)}")
    if not 1 <= value <= LARGEST_ID:
        raise ValueError(f"is no user: {shown(value)}")
    return str(value)


def _instant(value: object) -> int:
    try:
        return parse_instant(value if isinstance(value, str) else "")
    except ValueError as error:
        raise ValueError(f"{error}, not {shown(value)}") from None


_READERS: dict[str, Callable[[object], str | int]] = {
    "schedule_id": _identifier,
    "shadowable_type": _shadowable_type,
    "shadowable_id": _identifier,
    "shadow_user_id": _user_id,
    "user_id": _user_id,
    "starts_at": _instant,
    "ends_at": _instant,
}
#: The attributes of a new shadow, all required; the schedule is in the path.
NEW = frozenset(_READERS) - {"schedule_id", "user_id"}
#: The attributes that a change of a shadow may have.
CHANGED = frozenset(_READERS) - {"user_id"}


# The routes

_NONE = frozenset[str]()


class ShadowRoutes:
    """The routes of shadows. `now` decides whether a shadow is in the future, active or over."""

    def __init__(self, state: SandboxState, now: Callable[[], float]) -> None:
        self._state = state
        self._now = now

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [
            web.post("/v1/schedules/{schedule_id}/on_call_shadows", self._create),
            web.get("/v1/schedules/{schedule_id}/on_call_shadows", self._list, allow_head=False),
            web.get("/v1/on_call_shadows/{id}", self._show, allow_head=False),
            web.put("/v1/on_call_shadows/{id}", self._change),
            web.delete("/v1/on_call_shadows/{id}", self._delete),
        ]

    async def _create(self, request: web.Request) -> web.Response:
        """Create a shadow; an equal one creates a second."""
        schedule_id = request.match_info["schedule_id"]
        if refused := refused_schedule(schedule_id):
            return refused
        values, found = read(await json_body(request), required=NEW, allowed=NEW)
        found = found or refused_user("shadow_user_id", values)
        if found:
            return objections(422, *found)
        moment = instant_of(self._now())
        shadow = values | {
            "id": str(uuid4()),
            "schedule_id": schedule_id,
            "created_at": moment,
            "updated_at": moment,
        }
        self._state.change("add_shadow", **shadow)
        return document(_resource(shadow), status=201)

    async def _list(self, request: web.Request) -> web.Response:
        """List a schedule's shadows, newest first: one created during a sweep shifts the others to the next page."""
        schedule_id = request.match_info["schedule_id"]
        refused = refused_schedule(schedule_id)
        if refused is not None and refused.status == 404:
            return refused
        page = ListPage.from_query(request.query)
        total = self._state.total("shadows_total", schedule_id=schedule_id)
        rows = self._state.rows("shadows_page", schedule_id=schedule_id, limit=page.size, offset=page.offset)
        return listing(request, page, total, [_resource(dict(row)) for row in rows])

    async def _show(self, request: web.Request) -> web.Response:
        row = self._row(request)
        return document(_resource(dict(row))) if row else _not_found()

    async def _change(self, request: web.Request) -> web.Response:
        row = self._row(request)
        if row is None:
            return _not_found()
        body = await json_body(request)
        values, found = read(body, required=_NONE, allowed=CHANGED)
        shadow = dict(row) | values
        found = found or order_objections(shadow) or refused_user("shadow_user_id", values)
        if found:
            return objections(422, *found)
        return self._store(shadow)

    async def _delete(self, request: web.Request) -> web.Response:
        """Delete a future shadow; cut an active one to end now, so that its past part stays on record."""
        row = self._row(request)
        if row is None:
            return _not_found()
        moment = instant_of(self._now())
        shadow = dict(row)
        if shadow["ends_at"] <= moment:
            return objections(422, Objection("Shadow period has already ended", "/data"))
        if shadow["starts_at"] <= moment:
            return self._store(shadow | {"ends_at": moment})
        self._state.change("delete_shadow", id=shadow["id"])
        return document(_resource(shadow))

    def _row(self, request: web.Request) -> sqlite3.Row | None:
        return self._state.row("shadow", id=request.match_info["id"])

    def _store(self, shadow: dict[str, str | int]) -> web.Response:
        changed = shadow | {"updated_at": instant_of(self._now())}
        self._state.change("change_shadow", **changed)
        return document(_resource(changed))


def refused_schedule(schedule_id: str) -> web.Response | None:
    """Refuse a schedule id that is malformed or reserved; every other one is accepted."""
    failure = reserved("schedule_id", schedule_id)
    if failure is not None:
        return objections(failure.status, Objection(failure.words, "/data"))
    if not is_id(schedule_id):
        return objections(404, Objection("Schedule not found."))
    return None


def refused_user(name: str, values: Mapping[str, str | int]) -> list[Objection]:
    """Refuse a user id that is reserved; `name` is the attribute."""
    failure = reserved(name, values.get(name, ""))
    return [Objection(failure.words, f"/data/attributes/{name}")] if failure else []


def _not_found() -> web.Response:
    return objections(404, Objection("On-call shadow not found."))


def _resource(shadow: Mapping[str, str | int]) -> dict[str, object]:
    attributes: dict[str, object] = {
        "schedule_id": shadow["schedule_id"],
        "shadowable_type": shadow["shadowable_type"],
        "shadowable_id": shadow["shadowable_id"],
        "shadow_user_id": int(shadow["shadow_user_id"]),
    }
    for name in ("starts_at", "ends_at", "created_at", "updated_at"):
        attributes[name] = show_instant(int(shadow[name]))
    return {"id": shadow["id"], "type": TYPE, "attributes": attributes}


def _key(values: Mapping[str, Any]) -> Key:
    """Return the key of a shadow; `values` has its instants in epoch milliseconds."""
    return (
        str(values["schedule_id"]),
        str(values["shadowable_type"]),
        str(values["shadowable_id"]),
        int(values["shadow_user_id"]),
        int(values["starts_at"]) // 1000,
        int(values["ends_at"]) // 1000,
    )


def _posted_key(body: object, schedule_id: str) -> Key:
    values, found = read(body, required=NEW, allowed=NEW)
    return () if found else _key({**values, "schedule_id": schedule_id})


STORED = StoredKind(
    target=TargetName.ROOTLY,
    collection=r"/v1/schedules/[^/]+/on_call_shadows",
    routes=lambda state, now: ShadowRoutes(state, now).routes(),
    posted_key=_posted_key,
    objects=lambda state: [(row["id"], _key(dict(row)), row["due"]) for row in state.rows("all_shadows")],
    forget=lambda state, id_: state.change("delete_shadow", id=id_),
)
