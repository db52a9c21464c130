"""The kind `shadow`: a span of time in which one user shadows another user or a schedule, in Rootly.

Source: Rootly's OpenAPI document of mid-2026.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from importer.kinds.kind import RecordKind, Removal
from importer.records import Key, TargetName
from importer.targets.rootly import (
    is_missing,
    list_path,
    make_request,
    object_path,
    read_instant,
    read_number,
    read_object,
    read_page,
    read_text,
    show_differences,
    write_instant,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from importer.targets.target import Request


_COLLECTION = "on_call_shadows"
_NAMES = ("schedule_id", "shadowable_type", "shadowable_id", "shadow_user_id", "starts_at", "ends_at")  # of a key


# ---- at Rootly


def _scope(key: Key) -> str:
    return str(key[0])


def _request(key: Key) -> Request:
    schedule_id, shadowable_type, shadowable_id, shadow_user_id, starts_at, ends_at = key
    attributes = {
        "shadowable_type": shadowable_type,
        "shadowable_id": shadowable_id,
        "shadow_user_id": shadow_user_id,
        "starts_at": write_instant(starts_at),
        "ends_at": write_instant(ends_at),
    }
    return make_request(str(schedule_id), _COLLECTION, "on_call_shadows", attributes)


def _read_key(attributes: Mapping[str, Any], schedule_id: str) -> Key | None:
    """Read what identifies a shadow; None where a value is missing, which no shadow of ours lacks.

    Raises:
        ValueError: a value is there and cannot be read, so nobody can tell whether it is ours.
    """
    kind, shadowable_id, user_id, starts_at, ends_at = map(attributes.get, _NAMES[1:])
    if None in (kind, shadowable_id, user_id, starts_at, ends_at):
        return None
    return (
        schedule_id,
        read_text(kind),
        read_text(shadowable_id),
        read_number(user_id),
        read_instant(starts_at),
        read_instant(ends_at),
    )


def _span(key: Key) -> tuple[int, int]:
    return int(key[4]), int(key[5])


def _is_shortened(sent: Key, found: Key) -> bool:
    return sent[:5] == found[:5] and int(found[5]) < int(sent[5])


_read_object = partial(read_object, read_key=_read_key)

KIND = RecordKind(
    name="shadow",
    named="a shadow",
    plural="shadows",
    target=TargetName.ROOTLY,
    position=2,
    scope=_scope,
    request=_request,
    read_created=_read_object,
    object_path=partial(object_path, _COLLECTION),
    list_path=partial(list_path, _COLLECTION),
    read_page=partial(read_page, collection=_COLLECTION, read_key=_read_key),
    removal=Removal(
        read=_read_object,
        is_missing=is_missing,
        span=_span,
        is_shortened=_is_shortened,
        differences=partial(show_differences, _NAMES),
    ),
)
