"""Rootly's on-call shadows and override shifts: created and listed under a schedule, shown, changed, deleted."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar, NamedTuple, NoReturn, TypeAlias
from uuid import uuid4

from aiohttp import web

from importer.records import ID_PATTERN, LARGEST_ID, Key, TargetName
from importer.sandbox.api import StoredKind
from importer.sandbox.api.answers import (
    ListPage,
    Objection,
    RefusedRequestError,
    document,
    gets,
    instant_of,
    json_body,
    listing,
    objections,
    parse_instant,
    show_instant,
    shown,
)
from importer.sandbox.directory_file import reserved
from importer.sandbox.state import SandboxState, Value

#: A record as the state has it.
Record: TypeAlias = "dict[str, Any]"

_ID = re.compile(ID_PATTERN)
_ATTRIBUTES = "/data/attributes"


def refuse(status: int, *found: Objection) -> NoReturn:
    """Refuse a request to Rootly."""
    raise RefusedRequestError(objections(status, *found))


def is_id(value: object) -> bool:
    """Return whether a value is a well-formed id; every such id counts as known."""
    return isinstance(value, str) and _ID.fullmatch(value) is not None


def known_schedule(schedule_id: str, *, is_read: bool = True) -> str:
    """Return a schedule's id; refuse one that is malformed or reserved. One reserved for 422 can still be read."""
    failure = reserved("schedule_id", schedule_id)
    if failure is not None and (failure.status == 404 or not is_read):
        refuse(failure.status, Objection(failure.words, "/data"))
    if not is_id(schedule_id):
        refuse(404, Objection("Schedule not found."))
    return schedule_id


def list_page(
    request: web.Request, state: SandboxState, statement: str, show: Callable[[Record], Record], **asked: Value
) -> web.Response:
    """Answer with the page that a request asks for of what a statement finds."""
    page = ListPage.from_query(request.query)
    total, rows = state.page(statement, page.size, page.offset, **asked)
    return listing(request, page, total, [show(dict(row)) for row in rows])


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


class _Attribute(NamedTuple):
    """How an attribute is read from a body, and from the state: for an answer, and for a key."""

    read: Callable[[object], str | int]
    show: Callable[[Any], str | int] = str
    key: Callable[[Any], str | int] = str


_USER = _Attribute(_user_id, int, int)
_MOMENT = _Attribute(_instant, show_instant, lambda instant: int(instant) // 1000)
_READABLE = {
    "schedule_id": _Attribute(_identifier),
    "shadowable_type": _Attribute(_shadowable_type),
    "shadowable_id": _Attribute(_identifier),
    "shadow_user_id": _USER,
    "user_id": _USER,
    "starts_at": _MOMENT,
    "ends_at": _MOMENT,
}


class RootlyRecords:
    """The routes of a kind of record: created and listed under a schedule, shown, changed and deleted by id."""

    name: ClassVar[str]  #: in the names of its statements
    title: ClassVar[str]  #: in errors
    path: ClassVar[str]
    type: ClassVar[str]  #: JSON:API's
    attributes: ClassVar[tuple[str, ...]]  #: of a new one, all required, in the order of its key
    changed: ClassVar[frozenset[str]]  #: the attributes that a change may have
    needed: ClassVar[frozenset[str]] = frozenset()  #: those of them that it must have
    user: ClassVar[str]  #: the attribute whose reserved ids are refused
    constants: ClassVar[Mapping[str, object]] = {}  #: attributes that all have alike

    def __init__(self, state: SandboxState, now: Callable[[], float]) -> None:
        self._state = state
        self._now = now

    @classmethod
    def stored(cls) -> StoredKind:
        """Return the kind, as the sandbox handles it."""

        def posted_key(body: object, schedule_id: str) -> Key:
            values, found = _read_body(body, cls.type, set(cls.attributes), set(cls.attributes))
            return () if found else cls._key({**values, "schedule_id": schedule_id})

        return StoredKind(
            target=TargetName.ROOTLY,
            collection=rf"/v1/schedules/[^/]+/{cls.path}",
            routes=lambda state, now: cls(state, now).routes(),
            posted_key=posted_key,
            forget=lambda state, id_: state.change(f"delete_{cls.name}", id=id_),
        )

    @classmethod
    def _key(cls, record: Mapping[str, Any]) -> Key:
        return tuple(_READABLE[name].key(record[name]) for name in ("schedule_id", *cls.attributes))

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        all_, one = f"/v1/schedules/{{schedule_id}}/{self.path}", f"/v1/{self.path}/{{id}}"
        return [
            web.post(all_, self._create),
            *gets({all_: self._list, one: self._show}),
            web.put(one, self._change),
            web.delete(one, self._delete),
        ]

    async def _create(self, request: web.Request) -> web.Response:
        schedule_id = known_schedule(request.match_info["schedule_id"], is_read=False)
        new = set(self.attributes)
        values, found = _read_body(await json_body(request), self.type, new, new)
        if found := found or self._refused_user(values):
            refuse(422, *found)
        moment = instant_of(self._now())
        times = {"created_at": moment, "updated_at": moment}
        return self.add({**values, "id": str(uuid4()), "schedule_id": schedule_id, **times})

    def add(self, record: Record) -> web.Response:
        """Store a new record and answer with it; an equal one becomes a second."""
        self._state.change(f"add_{self.name}", **record)
        return document(self.resource(record), status=201)

    async def _list(self, request: web.Request) -> web.Response:
        """List a schedule's records, newest first: one created during a sweep shifts the others to the next page."""
        schedule_id = known_schedule(request.match_info["schedule_id"])
        return list_page(request, self._state, f"{self.name}s_page", self.resource, schedule_id=schedule_id)

    async def _show(self, request: web.Request) -> web.Response:
        return document(self.resource(self._find(request)))

    async def _change(self, request: web.Request) -> web.Response:
        record = self._find(request)
        values, found = _read_body(await json_body(request), self.type, self.needed, self.changed)
        record |= values
        if found := found or _order_objections(record) or self._refused_user(values):
            refuse(422, *found)
        return self.store(record)

    def store(self, record: Record) -> web.Response:
        """Store a changed record and answer with it."""
        record["updated_at"] = instant_of(self._now())
        self._state.change(f"change_{self.name}", **record)
        return document(self.resource(record))

    async def _delete(self, request: web.Request) -> web.Response:
        return self.remove(self._find(request))

    def remove(self, record: Record) -> web.Response:
        """Delete a record and answer with it."""
        self._state.change(f"delete_{self.name}", id=record["id"])
        return document(self.resource(record))

    def _find(self, request: web.Request) -> Record:
        row = self._state.row(self.name, id=request.match_info["id"])
        return dict(row) if row else refuse(404, Objection(f"{self.title} not found."))

    def _refused_user(self, values: Mapping[str, str | int]) -> list[Objection]:
        failure = reserved(self.user, values.get(self.user, ""))
        return [Objection(failure.words, f"{_ATTRIBUTES}/{self.user}")] if failure else []

    def resource(self, record: Record) -> Record:
        """Return a record as answers show it."""
        own = {name: _READABLE[name].show(record[name]) for name in ("schedule_id", *self.attributes)}
        times = {name: show_instant(record[name]) for name in ("created_at", "updated_at")}
        return {"id": record["id"], "type": self.type, "attributes": {**own, **times, **self.constants}}


def _read_body(
    body: object, type_: str, required: Iterable[str], allowed: Iterable[str]
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
    values: dict[str, str | int] = {}
    wrong = [_objection(name, "can't be blank") for name in sorted(set(required) - attributes.keys())]
    for name, value in attributes.items():
        if name not in allowed:
            wrong.append(_objection(name, "is not an attribute that can be set here"))
            continue
        try:
            values[name] = _READABLE[name].read(value)
        except ValueError as error:
            wrong.append(_objection(name, str(error)))
    return values, found + (wrong or _order_objections(values))


def _order_objections(values: Mapping[str, str | int]) -> list[Objection]:
    """Object to an end that is not after the start, where both are given."""
    starts_at, ends_at = values.get("starts_at"), values.get("ends_at")
    if isinstance(starts_at, int) and isinstance(ends_at, int) and ends_at <= starts_at:
        return [_objection("ends_at", "must be after starts_at")]
    return []


def _objection(name: str, detail: str) -> Objection:
    # RFC 6901: these two must be escaped in a pointer
    step = name.replace("~", "~0").replace("/", "~1")
    plain = name if name in _READABLE else shown(name)
    return Objection(f"{plain} {detail}", f"{_ATTRIBUTES}/{step}")


class ShadowRoutes(RootlyRecords):
    """The routes of shadows. The clock decides whether a shadow is in the future, active or over."""

    name = "shadow"
    title = "On-call shadow"
    path = type = "on_call_shadows"
    attributes = ("shadowable_type", "shadowable_id", "shadow_user_id", "starts_at", "ends_at")
    changed = frozenset({"schedule_id", *attributes})
    user = "shadow_user_id"

    def remove(self, record: Record) -> web.Response:
        """Delete a future shadow; cut an active one to end now, so that its past part stays on record."""
        moment = instant_of(self._now())
        if record["ends_at"] <= moment:
            refuse(422, Objection("Shadow period has already ended", "/data"))
        return self.store(record | {"ends_at": moment}) if record["starts_at"] <= moment else super().remove(record)


SHADOWS = ShadowRoutes.stored()


class OverrideRoutes(RootlyRecords):
    """The routes of overrides. A new override replaces those of its schedule that it overlaps."""

    name = "override"
    title = "Override shift"
    path = "override_shifts"
    type = "shifts"
    attributes = ("user_id", "starts_at", "ends_at")
    changed = needed = frozenset({"user_id"})
    user = "user_id"
    constants: ClassVar = {"rotation_id": None, "is_override": True}

    def add(self, record: Record) -> web.Response:
        """Create an override (201), or answer with the equal one that exists (200)."""
        spot = {name: record[name] for name in ("schedule_id", "starts_at", "ends_at")}
        overlapped = self._state.rows("overlapped_overrides", **spot)
        for row in overlapped:
            if all(row[name] == record[name] for name in self.attributes):
                return document(self.resource(dict(row)))
        with self._state.at_once():
            for row in overlapped:
                self._state.change("delete_override", id=row["id"])
            return super().add(record)


OVERRIDES = OverrideRoutes.stored()
