"""Opal's API: its limits, groups and errors. Source: its OpenAPI document of 2026-08.

Its records are described in importer/kinds/.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import quote

import orjson

from importer.records import UUID, TargetName
from importer.targets.target import DirectoryEntry, EntryList, EntryPage, Grouping, Request, Target, as_text

_LIST = "/groups?page_size=1000"  # the largest page that it accepts
#: Groups of these types follow a schedule elsewhere, and refuse a list.
_REFUSING = frozenset({"PAGERDUTY_ON_CALL_SCHEDULE", "INCIDENTIO_ON_CALL_SCHEDULE", "ROOTLY_ON_CALL_SCHEDULE"})


def takes_no_schedules(group_type: str) -> bool:
    """Return whether a group of this type refuses a list of schedules."""
    return group_type in _REFUSING


def _path(group_id: str) -> str:
    if not UUID.fullmatch(group_id):
        raise ValueError(f"{group_id!r} cannot be part of a URL")
    return f"/groups/{group_id}/on-call-schedules"


def _replacement(group_id: str, ids: Sequence[str]) -> Request:
    return Request(_path(group_id), orjson.dumps({"on_call_schedule_ids": list(ids)}))


def _members(group_id: str) -> EntryList:
    path = _path(group_id)

    def read(payload: Any) -> EntryPage:
        items = read_items(payload, "on_call_schedules")
        return EntryPage(tuple(map(_read_member, items)), next_page(payload, f"{path}?"))

    return EntryList(f"group {group_id}", path, read)


def _read_groups(payload: Any) -> EntryPage:
    """Read a page of groups. None may be left out: it could be a second one with the same name."""
    return EntryPage(tuple(map(_read_group, read_items(payload, "results"))), next_page(payload, f"{_LIST}&"))


def read_items(payload: Any, name: str) -> list[Any]:
    """Return the list under a name in an answer."""
    items = payload.get(name) if isinstance(payload, dict) else None
    if not isinstance(items, list):
        raise ValueError(f"the answer has no list {name}")
    return items


def next_page(payload: dict[str, Any], beginning: str) -> str | None:
    """Return the path of the next page, from the answer's cursor; None at the end."""
    if not payload.get("next"):
        return None
    cursor = as_text(payload["next"])
    if cursor is None:
        raise ValueError("the answer's next is not a cursor")
    return f"{beginning}cursor={quote(cursor, safe='')}"


def _read_group(item: Any) -> DirectoryEntry:
    read = _reader(item, "group_id", "group")
    return DirectoryEntry(read("group_id"), read("name"), type=read("group_type"))


def _read_member(item: Any) -> DirectoryEntry:
    """Read a schedule in a group's list. Without an id it would be lost in the next replacement: an error."""
    read = _reader(item, "on_call_schedule_id", "schedule")
    return DirectoryEntry(read("on_call_schedule_id").lower(), read("name"))


def _reader(item: Any, id_name: str, what: str) -> Callable[[str], str]:
    if not isinstance(item, dict) or not as_text(item.get(id_name)):
        raise ValueError(f"the list holds a {what} without an id")
    return lambda name: as_text(item.get(name)) or ""


GROUPS = EntryList("groups", _LIST, _read_groups)
GROUPING = Grouping(rate=50.0, members=_members, replacement=_replacement)


def _words(payload: Any) -> str:
    """Read an error; no schema is published, but these members have been seen."""
    if isinstance(payload, dict):
        for name in ("Message", "message", "error"):
            if isinstance(payload.get(name), str):
                return str(payload[name])
    return ""


OPAL = Target(
    name=TargetName.OPAL,
    rate=100.0,
    headers={"Content-Type": "application/json", "Accept": "application/json"},
    words=_words,
    probe_path="/on-call-schedules",
    not_found="Check the schedule's id and its provider, and that Opal is connected to that provider.",
    groups=GROUPS,
    grouping=GROUPING,
)
