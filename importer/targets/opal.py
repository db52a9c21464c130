"""Opal: schedules of PagerDuty and Opsgenie made known to it. Source: its OpenAPI document of 2026-08."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import orjson

from importer.records import Key, Kind, TargetName
from importer.targets.target import (
    DirectoryEntry,
    EntryList,
    EntryPage,
    Found,
    Grouping,
    Page,
    Request,
    Target,
    as_text,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


# ---- Opal's groups: their list, and the on-call schedules attached to one. Source: its OpenAPI document o


_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_LIST = "/groups?page_size=1000"  # the largest page that is taken
#: Groups of these types follow a schedule elsewhere, and refuse a list.
_REFUSING = frozenset({"PAGERDUTY_ON_CALL_SCHEDULE", "INCIDENTIO_ON_CALL_SCHEDULE", "ROOTLY_ON_CALL_SCHEDULE"})


def takes_no_schedules(group_type: str) -> bool:
    """Tell whether a group of this type refuses a list of schedules."""
    return group_type in _REFUSING


def _path(group_id: str) -> str:
    if not _UUID.fullmatch(group_id):
        raise ValueError(f"{group_id!r} cannot stand in a URL")
    return f"/groups/{group_id}/on-call-schedules"


def _replacement(group_id: str, ids: Sequence[str]) -> Request:
    return Request(_path(group_id), orjson.dumps({"on_call_schedule_ids": list(ids)}))


def _members(group_id: str) -> EntryList:
    path = _path(group_id)

    def read(payload: Any) -> EntryPage:
        items = _items(payload, "on_call_schedules")
        return EntryPage(tuple(map(_read_member, items)), _next(payload, f"{path}?"))

    return EntryList(f"group {group_id}", path, read)


def _read_groups(payload: Any) -> EntryPage:
    """Read a page of groups. None is left out: the one left out could be a second of the same name."""
    return EntryPage(tuple(map(_read_group, _items(payload, "results"))), _next(payload, f"{_LIST}&"))


def _items(payload: Any, name: str) -> list[Any]:
    items = payload.get(name) if isinstance(payload, dict) else None
    if not isinstance(items, list):
        raise ValueError(f"the answer has no list {name}")
    return items


def _next(payload: dict[str, Any], beginning: str) -> str | None:
    if not payload.get("next"):
        return None
    cursor = as_text(payload["next"])
    if cursor is None:
        raise ValueError("the answer's next is no cursor")
    return f"{beginning}cursor={quote(cursor, safe='')}"


def _read_group(item: Any) -> DirectoryEntry:
    read = _reader(item, "group_id", "group")
    return DirectoryEntry(read("group_id"), read("name"), type=read("group_type"))


def _read_member(item: Any) -> DirectoryEntry:
    """Read a schedule of a group's list. One without an id would be dropped by the next replacement: no list then."""
    read = _reader(item, "on_call_schedule_id", "schedule")
    return DirectoryEntry(read("on_call_schedule_id").lower(), read("name"))


def _reader(item: Any, id_name: str, what: str) -> Callable[[str], str]:
    if not isinstance(item, dict) or not as_text(item.get(id_name)):
        raise ValueError(f"the list holds a {what} without an id")
    return lambda name: as_text(item.get(name)) or ""


GROUPS = EntryList("groups", _LIST, _read_groups)
GROUPING = Grouping(rate=50.0, members=_members, replacement=_replacement)


# ---- Opal: schedules of PagerDuty and Opsgenie made known to it. Source: its OpenAPI document of 2026-08


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
