"""Opal: schedules of PagerDuty and Opsgenie made known to it. Source: its OpenAPI document of 2026-08."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote

import orjson

from importer.records import Key, Kind, TargetName
from importer.targets.opal_groups import GROUPING, GROUPS
from importer.targets.target import Found, Page, Request, Target, as_text

_PATH = "/on-call-schedules"
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def _scope(key: Key) -> str:  # noqa: ARG001  (one list holds all of an organization's schedules)
    return ""


def _request(key: Key) -> Request:
    provider, remote_id = key
    return Request(_PATH, orjson.dumps({"third_party_provider": provider, "remote_id": remote_id}))


def _read_key(item: dict[str, Any]) -> Key | None:
    """Read what identifies a schedule; a provider that we do not know is a text like any other."""
    provider, remote_id = as_text(item.get("third_party_provider")), as_text(item.get("remote_id"))
    return None if provider is None or remote_id is None else (provider, remote_id)


def _read_created(payload: Any) -> Found | None:
    if not isinstance(payload, dict):
        return None
    key, id_ = _read_key(payload), payload.get("on_call_schedule_id")
    return Found(key, id_) if key is not None and isinstance(id_, str) and _UUID.fullmatch(id_) else None


def _read_listed(item: Any) -> Found | None:
    if not isinstance(item, dict):
        raise ValueError("the list holds an entry that is no object")
    key, id_ = _read_key(item), as_text(item.get("on_call_schedule_id"))
    if key is None:
        return None
    if not id_:
        raise ValueError("the list holds a schedule without an id")
    return Found(key, id_)


def _object_path(id_: str) -> str:
    return f"{_PATH}/{quote(id_, safe='')}"


def _list_path(scope: str) -> str:  # noqa: ARG001  (there is one list)
    return _PATH


def _read_page(payload: Any, scope: str) -> Page:  # noqa: ARG001
    """Read the list: everything at once; should it ever be paged, `next` is the cursor of the next page."""
    items = payload.get("on_call_schedules") if isinstance(payload, dict) else None
    if not isinstance(items, list):
        raise ValueError("the answer has no list on_call_schedules")
    found = tuple(one for one in map(_read_listed, items) if one is not None)
    ids = frozenset(filter(None, (as_text(item.get("on_call_schedule_id")) for item in items)))
    return Page(found, _next_page(payload), ids)


def _next_page(payload: dict[str, Any]) -> str | None:
    if not payload.get("next"):
        return None
    cursor = as_text(payload["next"])
    if cursor is None:
        raise ValueError("the answer's next is no cursor")
    return f"{_PATH}?cursor={quote(cursor, safe='')}"


def _words(payload: Any) -> str:
    """Read an error; no schema is published, these members were seen."""
    if isinstance(payload, dict):
        for name in ("Message", "message", "error"):
            if isinstance(payload.get(name), str):
                return str(payload[name])
    return ""


OPAL = Target(
    name=TargetName.OPAL,
    kind=Kind.SCHEDULE,
    rate=100.0,
    headers={"Content-Type": "application/json", "Accept": "application/json"},
    scope=_scope,
    request=_request,
    read_created=_read_created,
    object_path=_object_path,
    list_path=_list_path,
    read_page=_read_page,
    words=_words,
    probe_path=_PATH,
    groups=GROUPS,
    grouping=GROUPING,
)
