"""The kind `schedule`: an on-call schedule of PagerDuty or Opsgenie, made known to Opal.

Source: Opal's OpenAPI document of 2026-08.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import orjson

from importer.kinds.kind import RecordKind
from importer.records import Key, TargetName
from importer.targets.opal import UUID, next_page, read_items
from importer.targets.target import Found, Page, Request, as_text

if TYPE_CHECKING:
    from collections.abc import Mapping


_PATH = "/on-call-schedules"


# ---- at Opal


def _scope(key: Key) -> str:  # noqa: ARG001  (one list holds all of an organization's schedules)
    return ""


def _request(key: Key) -> Request:
    provider, remote_id = key
    return Request(_PATH, orjson.dumps({"third_party_provider": provider, "remote_id": remote_id}))


def _read_key(item: Mapping[str, Any]) -> Key | None:
    """Read what identifies a schedule; a provider that we do not know is a text like any other."""
    provider, remote_id = as_text(item.get("third_party_provider")), as_text(item.get("remote_id"))
    return None if provider is None or remote_id is None else (provider, remote_id)


def _read_created(payload: Any) -> Found | None:
    if not isinstance(payload, dict):
        return None
    key, id_ = _read_key(payload), payload.get("on_call_schedule_id")
    return Found(key, id_) if key is not None and isinstance(id_, str) and UUID.fullmatch(id_) else None


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
    items = read_items(payload, "on_call_schedules")
    found = tuple(one for one in map(_read_listed, items) if one is not None)
    ids = frozenset(filter(None, (as_text(item.get("on_call_schedule_id")) for item in items)))
    return Page(found, next_page(payload, f"{_PATH}?"), ids)


KIND = RecordKind(
    name="schedule",
    named="a schedule",
    plural="schedules",
    target=TargetName.OPAL,
    position=1,
    scope=_scope,
    request=_request,
    read_created=_read_created,
    object_path=_object_path,
    list_path=_list_path,
    read_page=_read_page,
)
