"""Shadow rows to shadow records."""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING, Final, Literal, TypeAlias
from zoneinfo import ZoneInfo

from importer.normalizer.times import read_instant
from importer.normalizer.wording import Fault, quote
from importer.normalizer.zones import read_zone
from importer.records import ID_PATTERN, LARGEST_ID, ShadowRecord

if TYPE_CHECKING:
    from datetime import datetime

    from importer.normalizer.fields import Fields

Shadowable: TypeAlias = Literal["User", "Schedule"]

_SHADOWABLES: Final[dict[str, Shadowable]] = {"user": "User", "schedule": "Schedule"}
_ID = re.compile(ID_PATTERN)
_NUMBER = re.compile(r"0*([0-9]{1,20})")  # 20 digits hold the largest id
_STAND_IN = ZoneInfo("UTC")


def read_shadow(fields: Fields, zone: ZoneInfo | None) -> ShadowRecord | None:
    """Make the record of a shadow row; `zone` counts where the row names none. None: problems were noted."""
    schedule_id = fields.required("schedule_id", read_id)
    shadowable_type: Shadowable | None = fields.required("shadowable_type", read_shadowable, "User")
    shadowable_id = fields.required("shadowable_id", read_id)
    shadow_user_id = fields.required("shadow_user_id", read_user_id)
    span = _read_span(fields, zone)
    if shadowable_type == "User" and shadowable_id is not None and not _NUMBER.fullmatch(shadowable_id):
        fields.warn("shadowable_id", ", which does not look like a user's id", "compare it: user ids are whole numbers")
    if schedule_id is None or shadowable_type is None or shadowable_id is None or shadow_user_id is None or not span:
        return None
    return ShadowRecord(
        schedule_id=schedule_id,
        shadowable_type=shadowable_type,
        shadowable_id=shadowable_id,
        shadow_user_id=shadow_user_id,
        starts_at=span[0],
        ends_at=span[1],
    )


def read_id(text: str) -> str | Fault:
    """Read a cell that holds an id which goes into a URL."""
    if _ID.fullmatch(text):
        return text
    return Fault(", which is no id: an id has letters, digits, - and _ only, 128 at most")


def read_shadowable(text: str) -> Shadowable | Fault:
    """Read a cell of the column `shadowable_type`."""
    return _SHADOWABLES.get(text.casefold()) or Fault()


def read_user_id(text: str) -> int | Fault:
    """Read a cell of the column `shadow_user_id`; leading zeros do not count, for the API takes a number."""
    match = _NUMBER.fullmatch(text)
    number = int(match[1]) if match else 0
    if 1 <= number <= LARGEST_ID:
        return number
    return Fault(", which is no user number: a user number has the digits 0 to 9 only")


def _read_span(fields: Fields, default: ZoneInfo | None) -> tuple[datetime, datetime] | None:
    zone = fields.optional("timezone", read_zone, default)
    is_zone_wrong = zone is None and fields.has_problem("timezone")
    # Where the zone is wrong the times are read all the same, for their own faults.
    parse = partial(read_instant, zone=_STAND_IN if is_zone_wrong else zone)
    starts_at = fields.required("starts_at", parse)
    ends_at = fields.required("ends_at", parse)
    if starts_at is None or ends_at is None or is_zone_wrong:
        return None
    if ends_at > starts_at:
        return starts_at, ends_at
    _note_order(fields)
    return None


def _note_order(fields: Fields) -> None:
    reason = f", which is not after starts_at {quote(fields.text('starts_at'))}"
    fields.fault("ends_at", fields.text("ends_at"), Fault(reason, "write a time after starts_at, or swap the two"))
