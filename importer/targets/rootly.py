"""Rootly: shadows on its schedules, users and schedules by name; JSON:API. Source: its OpenAPI document of mid-2026."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any

import orjson

from importer.records import ID_PATTERN, Key, Kind, TargetName
from importer.targets.target import DirectoryEntry, EntryList, EntryPage, Found, Page, Removal, Request, Target, as_text

if TYPE_CHECKING:
    from collections.abc import Callable


_ID = re.compile(ID_PATTERN)
_MEDIA_TYPE = "application/vnd.api+json"
_REMEMBERED = 1 << 14  # instants and paths: shifts of many people change at the same time, a schedule has many
_NAMES = ("schedule_id", "shadowable_type", "shadowable_id", "shadow_user_id", "starts_at", "ends_at")  # of a key
_PAGE_SIZE = 100  # the largest that is taken
_USERS = "/v1/users?sort=created_at&"  # in this order who joins during a sweep comes last, and moves nobody along
_SCHEDULES = "/v1/schedules?"  # it takes no sort


def _scope(key: Key) -> str:
    return str(key[0])


@lru_cache(_REMEMBERED)
def _path(schedule_id: str) -> str:
    if not _ID.fullmatch(schedule_id):  # "../../users" would carry the token to another endpoint
        raise ValueError(f"{schedule_id!r} cannot stand in a URL")
    return f"/v1/schedules/{schedule_id}/on_call_shadows"


def _request(key: Key) -> Request:
    schedule_id, shadowable_type, shadowable_id, shadow_user_id, starts_at, ends_at = key
    attributes = {
        "shadowable_type": shadowable_type,
        "shadowable_id": shadowable_id,
        "shadow_user_id": shadow_user_id,
        "starts_at": _instant(starts_at),
        "ends_at": _instant(ends_at),
    }
    body = {"data": {"type": "on_call_shadows", "attributes": attributes}}
    return Request(_path(str(schedule_id)), orjson.dumps(body))


@lru_cache(_REMEMBERED)
def _instant(second: str | int) -> str:
    return datetime.fromtimestamp(int(second), UTC).isoformat().replace("+00:00", "Z")


@lru_cache(_REMEMBERED)
def _read_instant(text: str) -> int:
    """Give the epoch second; answers come in the time zone of the key's user, with milliseconds."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} has no offset")
    return int(moment.timestamp() // 1)


def _read_key(attributes: Any, schedule_id: str) -> Key | None:
    """Read what identifies a shadow; None where a value is missing, which no shadow of ours lacks.

    Raises:
        ValueError: a value is there and cannot be read, so nobody can tell whether it is ours.
    """
    values = _members(attributes)
    kind, shadowable_id, user_id, starts_at, ends_at = map(values.get, _NAMES[1:])
    if None in (kind, shadowable_id, user_id, starts_at, ends_at):
        return None
    return (
        schedule_id,
        kind if type(kind) is str else _read_text(kind),
        shadowable_id if type(shadowable_id) is str else _read_text(shadowable_id),
        user_id if type(user_id) is int else int(_read_text(user_id)),
        _read_instant(starts_at if type(starts_at) is str else _read_text(starts_at)),
        _read_instant(ends_at if type(ends_at) is str else _read_text(ends_at)),
    )


def _read_text(value: Any) -> str:
    """Read a value that must be a text or a number, and is not of its usual type."""
    text = as_text(value)
    if text is None:
        raise ValueError("a shadow has a value that is neither a text nor a number")
    return text


def _read_created(payload: Any) -> Found | None:
    item = payload.get("data") if isinstance(payload, dict) else None
    if not isinstance(item, dict) or not isinstance(item.get("attributes"), dict):
        return None
    id_, schedule_id = item.get("id"), as_text(item["attributes"].get("schedule_id"))
    try:
        key = _read_key(item["attributes"], schedule_id or "")
    except (ValueError, OverflowError):
        return None
    return Found(key, id_) if key is not None and isinstance(id_, str) and _ID.fullmatch(id_) else None


def _read_listed(item: Any, schedule_id: str) -> Found | None:
    """Read an entry of a schedule's list. It belongs to that schedule, whatever way its own schedule_id is written."""
    if not isinstance(item, dict):
        raise ValueError("the list holds an entry that is no object")
    key, id_ = _read_key(item.get("attributes"), schedule_id), as_text(item.get("id"))
    if key is None:
        return None
    if not id_:
        raise ValueError("the list holds a shadow without an id")
    return Found(key, id_)


def _object_path(id_: str) -> str:
    if not _ID.fullmatch(id_):
        raise ValueError(f"{id_!r} cannot stand in a URL")
    return f"/v1/on_call_shadows/{id_}"


def _is_missing(payload: Any) -> bool:
    """Tell a shadow that is not there from a path that is not: the latter is answered by the flat form."""
    return isinstance(payload, dict) and isinstance(payload.get("errors"), list)


def _span(key: Key) -> tuple[int, int]:
    return int(key[4]), int(key[5])


def _is_shortened(sent: Key, found: Key) -> bool:
    return sent[:5] == found[:5] and int(found[5]) < int(sent[5])


def _differences(sent: Key, found: Key) -> str:
    pairs = zip(_NAMES, sent, found, strict=True)
    return "; ".join(
        f"{name} is {_show(name, now)}, sent was {_show(name, then)}" for name, then, now in pairs if then != now
    )


def _show(name: str, value: str | int) -> str:
    if not name.endswith("_at"):
        return str(value)
    return datetime.fromtimestamp(int(value), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _list_path(scope: str) -> str:
    return _page_path(f"{_path(scope)}?", 1)


def _page_path(beginning: str, number: int) -> str:
    return f"{beginning}page%5Bnumber%5D={number}&page%5Bsize%5D={_PAGE_SIZE}"


def _read_page(payload: Any, scope: str) -> Page:
    items = _items(payload)
    found = tuple(one for one in (_read_listed(item, scope) for item in items) if one is not None)
    ids = frozenset(filter(None, (as_text(item.get("id")) for item in items)))
    return Page(found, _next_page(payload, f"{_path(scope)}?"), ids)


def _items(payload: Any) -> list[Any]:
    items = payload.get("data") if isinstance(payload, dict) else None
    if not isinstance(items, list):
        raise ValueError("the answer has no list data")
    return items


def _next_page(payload: dict[str, Any], beginning: str) -> str | None:
    """Find the next page: by its link, else by its number. A full page that tells neither has an unknown rest."""
    links, meta = _members(payload.get("links")), _members(payload.get("meta"))
    link, number = links.get("next"), meta.get("next_page")
    if (link and not isinstance(link, str)) or (number and not isinstance(number, int)):
        raise ValueError("the answer does not say in a readable way which page is next")
    if link:
        return str(link)
    if number:
        return _page_path(beginning, int(number))
    if len(payload["data"]) >= _PAGE_SIZE and "next" not in links and "next_page" not in meta:
        raise ValueError("the answer is a full page and does not say whether there is another")
    return None


def _read_entries(payload: Any, beginning: str, read: Callable[[str, dict[str, Any]], DirectoryEntry]) -> EntryPage:
    """Read a page of users or schedules. None is left out: the one left out could be a second of the same name."""
    entries = []
    for item in _items(payload):
        id_ = as_text(item.get("id")) if isinstance(item, dict) else None
        if not id_:
            raise ValueError("the list holds an entry without an id")
        entries.append(read(id_, _members(item.get("attributes"))))
    return EntryPage(tuple(entries), _next_page(payload, beginning))


def _read_user(id_: str, attributes: dict[str, Any]) -> DirectoryEntry:
    first, last = _text(attributes, "first_name"), _text(attributes, "last_name")
    return DirectoryEntry(id_, _text(attributes, "full_name") or f"{first} {last}".strip(), _text(attributes, "email"))


def _read_schedule(id_: str, attributes: dict[str, Any]) -> DirectoryEntry:
    return DirectoryEntry(id_, _text(attributes, "name"))


def _text(attributes: dict[str, Any], name: str) -> str:
    value = attributes.get(name)
    if value is not None and not isinstance(value, str):
        raise ValueError(f"the list holds an entry whose {name} is no text")
    return value or ""


def _members(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _words(payload: Any) -> str:
    """Read an error: JSON:API's list, or the flat form of 429 and of unrouted paths."""
    if not isinstance(payload, dict):
        return ""
    errors = payload.get("errors")
    if isinstance(errors, list):
        return "; ".join(filter(None, map(_error_words, errors)))
    return payload["error"] if isinstance(payload.get("error"), str) else ""


def _error_words(error: Any) -> str:
    if not isinstance(error, dict):
        return as_text(error) or ""
    source = error.get("source")
    pointer = as_text(source.get("pointer")) if isinstance(source, dict) else None
    parts = (as_text(error.get("title")), as_text(error.get("detail")), pointer and f"({pointer})")
    return " ".join(filter(None, parts))


ROOTLY = Target(
    name=TargetName.ROOTLY,
    kind=Kind.SHADOW,
    rate=3000 / 60,
    headers={"Content-Type": _MEDIA_TYPE, "Accept": _MEDIA_TYPE},
    scope=_scope,
    request=_request,
    read_created=_read_created,
    object_path=_object_path,
    list_path=_list_path,
    read_page=_read_page,
    words=_words,
    probe_path="/v1/users/me",
    users=EntryList("users", _page_path(_USERS, 1), partial(_read_entries, beginning=_USERS, read=_read_user)),
    schedules=EntryList(
        "schedules", _page_path(_SCHEDULES, 1), partial(_read_entries, beginning=_SCHEDULES, read=_read_schedule)
    ),
    removal=Removal(
        read=_read_created,
        is_missing=_is_missing,
        span=_span,
        is_shortened=_is_shortened,
        differences=_differences,
    ),
)
