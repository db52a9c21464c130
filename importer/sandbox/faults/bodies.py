"""Good answers made bad, their transport aside. Pure: bytes of an answer in, bytes or JSON out."""

from __future__ import annotations

import zlib
from copy import deepcopy
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import orjson

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from importer.sandbox.faults.fault_plan import Fault


HTML = b"""<!DOCTYPE html>
<html><head><title>Just a moment...</title></head>
<body><h1>Just a moment...</h1><p>This page was made by a machine on the way.</p></body></html>
"""
_BOMB = 16 << 20  # bytes of a bomb unless told; they take 16 KiB on the wire and 0.1 s to make
_CHUNK = 1 << 20
_MISSING = object()
_BAD_IDS: dict[str, object] = {
    "missing": _MISSING,
    "null": None,
    "empty": "",
    "number": 17,
    "malformed": "../../users",
}


def created_id(body: bytes) -> str:
    """Read the id off the good answer to a creation, of either API; empty where there is none."""
    item, name = _item(orjson.loads(body))
    return str(item.get(name, ""))


def spoil(fault: Fault, body: bytes, other: bytes) -> bytes:
    """Spoil the body of a good answer; `other` is the last good answer of the same target, or empty.

    Truncated is cut in its middle here; how that comes about on the wire is not told by bytes.
    """
    return _SPOILERS[fault.what](fault, body, other)


def bomb(body: bytes, size: int | None) -> bytes:
    """Compress a body and so many blanks behind it; it is a good answer to whoever has the room."""
    return _bomb(body, size or _BOMB)


@lru_cache(maxsize=1)
def _bomb(body: bytes, size: int) -> bytes:
    packer = zlib.compressobj(level=9, wbits=31)  # 31: with gzip's head
    blanks = (b" " * min(_CHUNK, size - start) for start in range(0, size, _CHUNK))
    return b"".join([packer.compress(body), *map(packer.compress, blanks), packer.flush()])


def _cut(_fault: Fault, body: bytes, _other: bytes) -> bytes:
    return body[: len(body) // 2]


def _nest(fault: Fault, _body: bytes, _other: bytes) -> bytes:
    return b'{"data":' * fault.depth + b"{}" + b"}" * fault.depth


def _spoil_id(fault: Fault, body: bytes, _other: bytes) -> bytes:
    document = orjson.loads(body)
    item, name = _item(document)
    item[name] = _BAD_IDS[fault.form]
    if item[name] is _MISSING:
        del item[name]
    return orjson.dumps(document)


def _confuse(fault: Fault, body: bytes, other: bytes) -> bytes:
    """Answer with another record's values, under its id or under this one's."""
    own = orjson.loads(body)
    foreign = orjson.loads(other) if other else {}
    if not foreign or _said(foreign) == _said(own):
        foreign = _another(own)
    if fault.form == "own_id":
        (item, name), (own_item, _) = _item(foreign), _item(own)
        item[name] = own_item[name]
    return orjson.dumps(foreign)


def _another(own: dict[str, Any]) -> dict[str, Any]:
    """Make an object that differs in one value, under an id that is nobody's."""
    made = deepcopy(own)
    item, name = _item(made)
    item[name] = str(uuid4())
    if "attributes" in item:
        item["attributes"]["shadow_user_id"] += 1
    else:
        item["remote_id"] += "X"
    return made


def _said(document: dict[str, Any]) -> dict[str, Any]:
    """Give the values of a record alone: not its id, and not when it was made."""
    item, name = _item(document)
    values = item.get("attributes", item)
    return {field: value for field, value in values.items() if field not in {name, "created_at", "updated_at"}}


def _item(document: Any) -> tuple[dict[str, Any], str]:
    """Find the object in a body, and what its id is called."""
    if isinstance(document, dict) and isinstance(document.get("data"), dict):
        return document["data"], "id"
    return document if isinstance(document, dict) else {}, "on_call_schedule_id"


_SPOILERS: Mapping[str, Callable[[Fault, bytes, bytes], bytes]] = {
    "truncated": _cut,
    "html": lambda _fault, _body, _other: HTML,
    "empty": lambda _fault, _body, _other: b"",
    "nested": _nest,
    "no_id": _spoil_id,
    "foreign": _confuse,
}
#: The faults that `spoil` knows.
SPOILING = frozenset(_SPOILERS)
