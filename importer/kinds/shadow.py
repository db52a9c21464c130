"""The kind `shadow`: a span of time in which one user shadows another user or a schedule, in Rootly.

Source: Rootly's OpenAPI document of mid-2026.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Final, Literal, TypeAlias

from pydantic import Field

from importer.cells import Unreadable
from importer.kinds import Ambiguity, Column, KeyPart, Made, Overlap, RecordKind, doubt
from importer.kinds.shifts import DOUBTFUL_TIMES, SCHEDULE_ID, TIME_COLUMNS, at_rootly, read_shifts
from importer.normalizer.fast_path import FastColumn, FastPath
from importer.normalizer.fields import Fields, Implausibility, Places
from importer.normalizer.mapping import Rules
from importer.normalizer.plausibility import check_span
from importer.normalizer.references import Waiting
from importer.records import LARGEST_ID, Identifier, Key, Record
from importer.targets.rootly import read_instant, read_number, read_text

Shadowable: TypeAlias = Literal["User", "Schedule"]


class ShadowRecord(Record):
    """A span of time in which one user shadows another user or a schedule, in Rootly."""

    schedule_id: Identifier
    shadowable_type: Shadowable
    shadowable_id: Identifier
    shadow_user_id: Annotated[int, Field(ge=1, le=LARGEST_ID)]
    starts_at: datetime  #: UTC, whole seconds
    ends_at: datetime  #: UTC, whole seconds, after `starts_at`


# ---- a row


_SHADOWABLES: Final[dict[str, Shadowable]] = {"user": "User", "schedule": "Schedule"}
_NO_TYPE = Unreadable(topic="unknown type")
_ODD_USER = Unreadable(
    ", which does not look like a user's id", "Compare it: user ids are whole numbers.", "unusual user id"
)
_SELF_SHADOW = Unreadable(
    ", which is the user to be shadowed too",
    "Name another user as the one who shadows, or as the one who is shadowed.",
    "user who shadows the same user",
)


def _read(fields: Fields, rules: Rules) -> Made | None:
    schedule_id = fields.identify("schedule_id", rules.references.schedule)
    shadowable_type: Shadowable | None = fields.required("shadowable_type", read_shadowable, "User")
    values = {
        "schedule_id": schedule_id,
        "shadowable_type": shadowable_type,
        "shadowable_id": _read_shadowable_id(fields, rules, shadowable_type),
    }
    return read_shifts(fields, rules, values, "shadow_user_id", ShadowRecord, check_shadow)


def read_shadowable(text: str) -> Shadowable | Unreadable:
    """Read a cell of the column `shadowable_type`."""
    return _SHADOWABLES.get(text.casefold()) or _NO_TYPE


def _read_shadowable_id(fields: Fields, rules: Rules, shadowable_type: Shadowable | None) -> str | Waiting | None:
    is_schedule = shadowable_type == "Schedule"
    parse = rules.references.schedule if is_schedule else rules.references.shadowed_user
    shadowable_id = fields.identify("shadowable_id", parse)
    if shadowable_type == "User" and isinstance(shadowable_id, str) and not shadowable_id.isdigit():
        fields.judge("id", "shadowable_id", _ODD_USER)
    return shadowable_id


def check_shadow(record: ShadowRecord, now: datetime | None) -> list[Implausibility]:
    """Find what is implausible about one shadow; its level is decided elsewhere. Without a `now`, its times are not."""
    found = check_span(record.starts_at, record.ends_at, now)
    if record.shadowable_type == "User" and record.shadowable_id.lstrip("0") == str(record.shadow_user_id):
        found.insert(0, Implausibility("self_shadow", "shadow_user_id", _SELF_SHADOW))
    return found


def _fast(places: Places, rules: Rules) -> FastPath:
    columns = (
        FastColumn("schedule_id", rules.references.schedule),
        FastColumn("shadowable_type", lambda text: "User" if text.casefold() == "user" else _NO_TYPE, "User"),
        FastColumn("shadowable_id", rules.references.shadowed_user),
        FastColumn("shadow_user_id", rules.references.shadowing_user),
    )
    return FastPath(places, rules, columns, ShadowRecord, _check_fast)


def _check_fast(record: ShadowRecord, now: datetime | None) -> list[Implausibility]:
    found = check_shadow(record, now)
    if not record.shadowable_id.isdigit():
        found.insert(0, Implausibility("id", "shadowable_id", _ODD_USER))
    return found


# ---- at Rootly


def _shadowed(key: Key) -> KeyPart:
    return KeyPart("shadowable_id", str(key[1]).lower(), str(key[2]), "shadowed")


# ---- the kind


_COLUMNS = (
    SCHEDULE_ID,
    Column(
        "shadowable_type",
        "write User or Schedule, or leave it empty for User",
        headers="shadowedtype",
        is_required=False,
        choices=("User", "Schedule"),
        read=read_shadowable,
    ),
    Column(
        "shadowable_id",
        "write who is shadowed: a number, an e-mail address or a full name; or a schedule's id or name",
        ids_of="user",
        headers="shadowed shadowedid shadoweduser shadoweduserid shadowedperson shadowedemail shadoweduseremail"
        " usertoshadow",
        headers_of_kind="oncalluser oncalluserid oncalluseremail",
        outdoes_name=True,
        names="shadowedname shadowedusername shadowedpersonname",
    ),
    Column(
        "shadow_user_id",
        "write who shadows: a number, an e-mail address or a full name",
        ids_of="user",
        headers="trainee traineeid traineeuserid traineeemail traineeuseremail shadow shadowuser shadowemail"
        " shadowuseremail shadower shadowerid",
        outdoes_name=True,
        unless=("rotation",),
        names="shadowname shadowusername traineename",
    ),
    *TIME_COLUMNS,
)

_EITHER_PERSON = "it could be who shadows or who is shadowed"
_SHADOWED_SCHEDULE = "it could be what is shadowed, with shadowable_type Schedule"
_DOUBTFUL = {
    **doubt(
        "user userid useremail username",
        Ambiguity("shadow_user_id", 50, _EITHER_PERSON),
        Ambiguity("shadowable_id", 50, _EITHER_PERSON),
    ),
    **doubt(
        "shadowing shadows",
        Ambiguity("shadowable_id", 60, _EITHER_PERSON),
        Ambiguity("shadow_user_id", 40, _EITHER_PERSON),
    ),
    **doubt("mentor oncall primary primaryoncall", Ambiguity("shadowable_id", 75, "it could be who is shadowed")),
    **doubt("shadowedschedule", Ambiguity("shadowable_id", 80, _SHADOWED_SCHEDULE)),
    **DOUBTFUL_TIMES,
}

_START, _END, _UNTIL = datetime(2027, 3, 1, 8), datetime(2027, 3, 1, 16), datetime(2027, 5, 31, 23, 59)  # noqa: DTZ001 # a cell has no zone
_EXAMPLES: tuple[dict[str, str | datetime], ...] = (
    {
        "schedule_id": "3f6c1b1e-52a4-4f0e-9d0e-6f5b8a7c2d10",
        "shadowable_type": "User",
        "shadowable_id": "101",
        "shadow_user_id": "112",
        "starts_at": _START,
        "ends_at": _END,
    },
    {
        "schedule_id": "Payments primary",
        "shadowable_type": "User",
        "shadowable_id": "ada@example.com",
        "shadow_user_id": "grace@example.com",
        "starts_at": _START,
        "duration": "8h",
        "repeat": "weekly",
        "until": _UNTIL,
    },
)

KIND = RecordKind(
    name="shadow",
    named="a shadow",
    plural="shadows",
    words=frozenset({"shadow", "shadows"}),
    position=2,
    columns=_COLUMNS,
    read=_read,
    fast=_fast,
    doubtful=_DOUBTFUL,
    examples=_EXAMPLES,
    overlap=Overlap(
        of=3,
        starts_at=4,
        ends_at=5,
        words="the shadow overlaps {other}, by the same person",
        topic="shadows of one person overlap",
        hint="Check both rows: one person can hardly shadow twice at the same time.",
    ),
    sentence="{shadow_user_id} shadows {shadowable_id} on {schedule_id}",
    **at_rootly(
        "on_call_shadows",
        "on_call_shadows",
        {
            "shadowable_type": read_text,
            "shadowable_id": read_text,
            "shadow_user_id": read_number,
            "starts_at": read_instant,
            "ends_at": read_instant,
        },
        _shadowed,
    ),
)
