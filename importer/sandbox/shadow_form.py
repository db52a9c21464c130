"""Reading the body of a request for a shadow: its values, or everything that is wrong with it. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from importer.records import ID_PATTERN, LARGEST_ID
from importer.sandbox import instants
from importer.sandbox.answers import shown
from importer.sandbox.jsonapi import Objection

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

TYPE = "on_call_shadows"

_ID = re.compile(ID_PATTERN)
_ATTRIBUTES = "/data/attributes"


def is_id(value: object) -> bool:
    """Tell whether a value is a well-formed id; every such id is taken as known."""
    return isinstance(value, str) and _ID.fullmatch(value) is not None


def read(
    body: object, *, required: frozenset[str], allowed: frozenset[str]
) -> tuple[dict[str, str | int], list[Objection]]:
    """Read a body into the values that the state stores; they count only where nothing is objected to."""
    data = body.get("data") if isinstance(body, dict) else None
    if not isinstance(data, dict):
        return {}, [Objection("The body must be a JSON:API document with an object as data.", "/data")]
    attributes = data.get("attributes")
    found = []
    if data.get("type") != TYPE:
        found.append(Objection(f"type must be {TYPE}, not {shown(data.get('type'))}", "/data/type"))
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
            found.append(_objection(name, "is not an attribute that may be set here"))
            continue
        try:
            values[name] = _READERS[name](value)
        except ValueError as error:
            found.append(_objection(name, str(error)))
    return values, found or order_objections(values)


def order_objections(values: Mapping[str, str | int]) -> list[Objection]:
    """Object to an end that is not after the start, where both are there."""
    starts_at, ends_at = values.get("starts_at"), values.get("ends_at")
    if isinstance(starts_at, int) and isinstance(ends_at, int) and ends_at <= starts_at:
        return [_objection("ends_at", "must be after starts_at")]
    return []


def _objection(name: str, detail: str) -> Objection:
    # RFC 6901: these two stand for themselves nowhere in a pointer
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
    """Read a user's number; the state keeps it as text, for SQLite's integers end at 63 bits."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"must be an integer, not {shown(value)}")
    if not 1 <= value <= LARGEST_ID:
        raise ValueError(f"is no user: {shown(value)}")
    return str(value)


def _instant(value: object) -> int:
    try:
        return instants.parse(value if isinstance(value, str) else "")
    except ValueError as error:
        raise ValueError(f"{error}, not {shown(value)}") from None


_READERS: dict[str, Callable[[object], str | int]] = {
    "schedule_id": _identifier,
    "shadowable_type": _shadowable_type,
    "shadowable_id": _identifier,
    "shadow_user_id": _user_id,
    "starts_at": _instant,
    "ends_at": _instant,
}
#: What a new shadow must say, no less and no more; the schedule stands in its path.
NEW = frozenset(_READERS) - {"schedule_id"}
#: What a change of a shadow may say.
CHANGED = frozenset(_READERS)
