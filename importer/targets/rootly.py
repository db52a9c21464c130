"""Rootly's API: its limits, paths, lists, instants and errors; JSON:API. Source: its OpenAPI document of mid-2026.

Its records are described in importer/kinds/.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import lru_cache, partial
from typing import Any, TypeAlias

import orjson

from importer.records import ID_PATTERN, UUID, Key, TargetName, plain_uuid
from importer.targets.target import DirectoryEntry, EntryList, EntryPage, Found, Page, Request, Target, as_text
from importer.wording import iso_utc

#: Turns an object's attributes and its schedule's id into its key; None if it cannot be one of our records.
ReadKey: TypeAlias = Callable[[Mapping[str, Any], str], Key | None]

_ID = re.compile(ID_PATTERN)
_MEDIA_TYPE = "application/vnd.api+json"
_REMEMBERED = 1 << 14  # instants and paths: many shifts change at the same time, and are on the same schedule
_PAGE_SIZE = 100  # the largest that it accepts
_USERS = "/v1/users?sort=created_at&"  # a user who joins during a sweep comes last, and moves nobody
_SCHEDULES = "/v1/schedules?"  # it has no sort parameter


# ---- objects of a schedule: shadows, overrides


@lru_cache(_REMEMBERED)
def path_on_schedule(schedule_id: str, collection: str) -> str:
    """Return the path of a schedule's objects, such as its on_call_shadows.

    Raises:
        ValueError: the id cannot be in a path.
    """
    return f"{object_path('schedules', schedule_id)}/{collection}"


def object_path(collection: str, id_: str) -> str:
    """Return the path of one object.

    Raises:
        ValueError: the id cannot be in a path.
    """
    if not _ID.fullmatch(id_):  # "../../users" would carry the token to another endpoint
        raise ValueError(f"{id_!r} cannot be part of a URL")
    return f"/v1/{collection}/{id_}"


def list_path(collection: str, schedule_id: str) -> str:
    """Return the path of the first page of a schedule's objects."""
    return _page_path(f"{path_on_schedule(schedule_id, collection)}?", 1)


def make_request(schedule_id: str, collection: str, resource: str, attributes: Mapping[str, object]) -> Request:
    """Return the POST that creates an object on a schedule."""
    body = {"data": {"type": resource, "attributes": attributes}}
    return Request(path_on_schedule(schedule_id, collection), orjson.dumps(body))


def read_object(payload: Any, read_key: ReadKey, *, was_listed: bool = False) -> Found | None:
    """Read the object in an answer; None if there is none. If a list named it, its id may be a number, as there."""
    item = payload.get("data") if isinstance(payload, dict) else None
    if not isinstance(item, dict) or not isinstance(item.get("attributes"), dict):
        return None
    id_ = as_text(item.get("id")) if was_listed else item.get("id")
    schedule_id = plain_uuid(as_text(item["attributes"].get("schedule_id")) or "")
    try:
        key = read_key(item["attributes"], schedule_id)
    except (ValueError, OverflowError):
        return None
    return Found(key, plain_uuid(id_)) if key is not None and isinstance(id_, str) and _ID.fullmatch(id_) else None


def read_page(payload: Any, schedule_id: str, collection: str, read_key: ReadKey) -> Page:
    """Read a page of a schedule's objects.

    Raises:
        ValueError: it is not a page, or has an entry that may or may not be ours.
    """
    items = _items(payload)
    own = [item for item in items if not _is_stranger(item, schedule_id)]
    found = tuple(one for one in (_read_listed(item, schedule_id, read_key) for item in own) if one is not None)
    ids = frozenset(filter(None, (as_text(item.get("id")) for item in items)))
    total = _members(payload.get("meta")).get("total_count")
    next_ = _next_page(payload, f"{path_on_schedule(schedule_id, collection)}?")
    return Page(found, next_, ids, total if type(total) is int else None, len(items) - len(own))


def _is_stranger(item: Any, schedule_id: str) -> bool:
    """Return whether an entry belongs to another schedule: it has a different id of the same form.

    A schedule can also be named in another form, by a slug for its UUID: then the entry is the schedule's own.
    """
    if not isinstance(item, dict):
        return False
    listed = as_text(_members(item.get("attributes")).get("schedule_id"))
    if not listed or listed.lower() == schedule_id.lower():
        return False
    return (UUID.fullmatch(listed) is None) == (UUID.fullmatch(schedule_id) is None)


def _read_listed(item: Any, schedule_id: str, read_key: ReadKey) -> Found | None:
    """Read an entry of a schedule's list, given the id with which the schedule was requested."""
    if not isinstance(item, dict):
        raise ValueError("the list holds an entry that is no object")
    key, id_ = read_key(_members(item.get("attributes")), schedule_id), as_text(item.get("id"))
    if key is None:
        return None
    if not id_:
        raise ValueError("the list holds an object without an id")
    return Found(key, plain_uuid(id_))


def is_missing(payload: Any) -> bool:
    """Return whether a 404 means a missing object, not a wrong path, which is answered in the flat form."""
    return isinstance(payload, dict) and isinstance(payload.get("errors"), list)


# ---- values


@lru_cache(_REMEMBERED)
def write_instant(second: str | int) -> str:
    """Return an epoch second as ISO 8601 in UTC."""
    return iso_utc(int(second))


def read_instant(value: Any) -> int:
    """Read an instant in an answer: it is in the time zone of the key's user, with milliseconds.

    Raises:
        ValueError: it is not an instant.
    """
    return _read_instant(value if type(value) is str else read_text(value))  # only a text is certainly hashable


@lru_cache(_REMEMBERED)
def _read_instant(text: str) -> int:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} has no offset")
    return int(moment.timestamp() // 1)


def read_number(value: Any) -> int:
    """Read a user's id.

    Raises:
        ValueError: it is not a number.
    """
    return value if type(value) is int else int(read_text(value))


def read_text(value: Any) -> str:
    """Read a value that is a text or a number; a UUID in small letters.

    Raises:
        ValueError: it is neither.
    """
    text = value if type(value) is str else as_text(value)
    if text is None:
        raise ValueError("an object has a value that is neither a text nor a number")
    return plain_uuid(text)


def show_differences(names: tuple[str, ...], sent: Key, found: Key) -> str:
    """Return which values of an object differ from those that were sent."""
    pairs = zip(names, sent, found, strict=True)
    return "; ".join(
        f"{name} is {_show(name, now)}, sent was {_show(name, then)}" for name, then, now in pairs if then != now
    )


def _show(name: str, value: str | int) -> str:
    if not name.endswith("_at"):
        return str(value) or "missing"
    return iso_utc(int(value))


# ---- lists


def _page_path(beginning: str, number: int) -> str:
    return f"{beginning}page%5Bnumber%5D={number}&page%5Bsize%5D={_PAGE_SIZE}"


def _items(payload: Any) -> list[Any]:
    items = payload.get("data") if isinstance(payload, dict) else None
    if not isinstance(items, list):
        raise ValueError("the answer has no list data")
    return items


def _next_page(payload: dict[str, Any], beginning: str) -> str | None:
    """Find the next page, by its link or its number. After a full page without either, the rest is unknown."""
    links, meta = _members(payload.get("links")), _members(payload.get("meta"))
    link, number = links.get("next"), meta.get("next_page")
    if (link and not isinstance(link, str)) or (number and not isinstance(number, int)):
        raise ValueError("the answer does not say in a readable way which page is next")
    if link:
        return str(link)
    if number:
        return _page_path(beginning, int(number))
    # A cursor beside a page number without a next one may say that there is more.
    is_unsaid = ("next" not in links and "next_page" not in meta) or bool(meta.get("next_cursor"))
    if len(payload["data"]) >= _PAGE_SIZE and is_unsaid:
        raise ValueError("the answer is a full page and does not say whether there is another")
    return None


def _read_entries(payload: Any, beginning: str, read: Callable[[str, dict[str, Any]], DirectoryEntry]) -> EntryPage:
    """Read a page of users or schedules. None may be left out: it could be a second one with the same name."""
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
    words = ": ".join(filter(None, (as_text(error.get("title")), as_text(error.get("detail")))))
    return " ".join(filter(None, (words, pointer and f"({pointer})")))


ROOTLY = Target(
    name=TargetName.ROOTLY,
    rate=3000 / 60,
    headers={"Content-Type": _MEDIA_TYPE, "Accept": _MEDIA_TYPE},
    words=_words,
    probe_path="/v1/users/me",
    not_found="Check the schedule's id (in Rootly a name in one word is written name:Payments).",
    users=EntryList("users", _page_path(_USERS, 1), partial(_read_entries, beginning=_USERS, read=_read_user)),
    schedules=EntryList(
        "schedules", _page_path(_SCHEDULES, 1), partial(_read_entries, beginning=_SCHEDULES, read=_read_schedule)
    ),
)
