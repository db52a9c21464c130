"""What makes two objects the same thing, as `records` has it: read off the state, or off a request's body."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from importer.records import TargetName
from importer.sandbox import shadow_form

if TYPE_CHECKING:
    from collections.abc import Mapping

    from importer.records import Key
    from importer.sandbox.faults import Asked


def schedule_key(values: Mapping[str, Any]) -> Key:
    """Make the key of an Opal schedule."""
    return (str(values["third_party_provider"]), str(values["remote_id"]))


def shadow_key(values: Mapping[str, Any]) -> Key:
    """Make the key of a Rootly shadow, its instants in epoch milliseconds cut to whole seconds."""
    return (
        str(values["schedule_id"]),
        str(values["shadowable_type"]),
        str(values["shadowable_id"]),
        int(values["shadow_user_id"]),
        int(values["starts_at"]) // 1000,
        int(values["ends_at"]) // 1000,
    )


def posted_key(asked: Asked, body: bytes) -> Key:
    """Read the key of what is to be created; empty where the request creates nothing that could be."""
    if not asked.is_creation:
        return ()
    try:
        posted = orjson.loads(body)
    except orjson.JSONDecodeError:
        return ()
    if asked.target is TargetName.OPAL:
        is_pair = isinstance(posted, dict) and {"third_party_provider", "remote_id"} <= posted.keys()
        return schedule_key(posted) if is_pair else ()
    values, objections = shadow_form.read(posted, required=shadow_form.NEW, allowed=shadow_form.NEW)
    return () if objections else shadow_key({**values, "schedule_id": asked.scope})
