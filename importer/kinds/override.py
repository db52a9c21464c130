"""The kind `override`: a span of time in which one user stands in for whoever is on call, on a Rootly schedule.

Rootly deletes the overrides that a new one overlaps, and answers 200 where the very same one exists.
Source: Rootly's OpenAPI document of mid-2026.
"""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from importer.kinds.kind import Ambiguity, Column, KeyPart, Made, Overlap, RecordKind, Removal, UserShift
from importer.kinds.shifts import DOUBTFUL_TIMES, SCHEDULE_ID, TIME_COLUMNS, judge, read_user_shifts
from importer.normalizer.fast_path import FastColumn, FastPath
from importer.normalizer.plausibility import check_span
from importer.normalizer.references import Waiting
from importer.records import LARGEST_ID, Identifier, Key, Record, TargetName
from importer.targets.rootly import (
    is_missing,
    list_path,
    make_request,
    object_path,
    read_instant,
    read_number,
    read_object,
    read_page,
    show_differences,
    write_instant,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from importer.normalizer.fields import Fields, Places, RowRules
    from importer.normalizer.plausibility import Implausibility
    from importer.targets.target import Request


class OverrideRecord(Record):
    """A span of time in which one user is on call for a schedule, whatever its rotations say."""

    schedule_id: Identifier
    user_id: Annotated[int, Field(ge=1, le=LARGEST_ID)]
    starts_at: datetime  #: UTC, whole seconds
    ends_at: datetime  #: UTC, whole seconds, after `starts_at`

    @property
    def key(self) -> tuple[str, int, int, int]:
        """Two overrides with the same key are the same thing; times are epoch seconds."""
        return (self.schedule_id, self.user_id, int(self.starts_at.timestamp()), int(self.ends_at.timestamp()))


# ---- a row


def _read(fields: Fields, rules: RowRules) -> Made | None:
    """Make the records of an override row. None: problems were noted."""
    schedule_id = fields.identify("schedule_id", rules.references.schedule)
    users = read_user_shifts(fields, rules, "user_id")
    if schedule_id is None or users is None:
        return None
    if isinstance(schedule_id, Waiting):
        return Made((), users.zone)
    records = tuple(
        OverrideRecord(schedule_id=schedule_id, user_id=user, starts_at=shift.starts_at, ends_at=shift.ends_at)
        for user, shift in users.shifts
    )
    if (now := rules.now) is not None:
        judge(fields, (odd for one in records for odd in check_span(one.starts_at, one.ends_at, now)))
    return Made(records, users.zone)


def _fast(places: Places, rules: RowRules) -> FastPath | None:
    columns = (
        FastColumn("schedule_id", rules.references.schedule),
        FastColumn("user_id", rules.references.shadowing_user),
    )
    return FastPath(places, rules, columns, _make_fast, _check) if FastPath.can_read(places, columns) else None


def _make_fast(values: tuple[Any, ...], starts_at: datetime, ends_at: datetime) -> OverrideRecord:
    schedule_id, user = values
    return OverrideRecord(schedule_id=schedule_id, user_id=user, starts_at=starts_at, ends_at=ends_at)


def _check(record: OverrideRecord, now: datetime) -> list[Implausibility]:
    return check_span(record.starts_at, record.ends_at, now)


# ---- at Rootly


_COLLECTION = "override_shifts"
_NAMES = ("schedule_id", "user_id", "starts_at", "ends_at")  # of a key


def _scope(key: Key) -> str:
    return str(key[0])


def _request(key: Key) -> Request:
    schedule_id, user_id, starts_at, ends_at = key
    attributes = {
        "user_id": user_id,
        "starts_at": write_instant(starts_at),
        "ends_at": write_instant(ends_at),
    }
    return make_request(str(schedule_id), _COLLECTION, "shifts", attributes)


def _read_key(attributes: Mapping[str, Any], schedule_id: str) -> Key | None:
    """Read what identifies an override; None where a value is missing, which no override of ours lacks.

    Raises:
        ValueError: a value is there and cannot be read, so nobody can tell whether it is ours.
    """
    user_id, starts_at, ends_at = map(attributes.get, _NAMES[1:])
    if None in (user_id, starts_at, ends_at):
        return None
    return schedule_id, read_number(user_id), read_instant(starts_at), read_instant(ends_at)


def _span(key: Key) -> tuple[int, int]:
    return int(key[2]), int(key[3])


def _is_shortened(sent: Key, found: Key) -> bool:
    return sent[:3] == found[:3] and int(found[3]) < int(sent[3])


def _shift(key: Key) -> UserShift:
    schedule_id, user_id, starts_at, ends_at = key
    return UserShift(str(schedule_id), "", str(user_id), int(starts_at), int(ends_at))


def _subjects(key: Key) -> tuple[KeyPart, ...]:
    return KeyPart("schedule_id", "schedule", str(key[0])), KeyPart("user_id", "user", str(key[1]), "person")


_read_object = partial(read_object, read_key=_read_key)


# ---- the kind


_COLUMNS = (
    SCHEDULE_ID,
    Column(
        "user_id",
        "write the number, e-mail address or full name of the user who takes over",
        headers="overrideuser overrideuserid overrideuseremail overrideemail overridinguser",
        headers_of_kind="user useremail username oncalluser oncalluserid oncalluseremail"
        " replacement substitute coveredby takenoverby",
        is_common=True,
        outdoes_name=True,
        unless=("rotation",),
        names="name username userfullname fullname",
    ),
    *TIME_COLUMNS,
)

_WHO = "it could be who takes over"
_DOUBTFUL = {
    **dict.fromkeys(("oncall", "cover", "coverage", "person", "email", "assignee"), (Ambiguity("user_id", 70, _WHO),)),
    **DOUBTFUL_TIMES,
}

_START, _END, _NIGHT = datetime(2027, 3, 1, 8), datetime(2027, 3, 1, 16), datetime(2027, 3, 1, 22)  # noqa: DTZ001 # a cell has no zone
_EXAMPLES: tuple[dict[str, str | datetime], ...] = (
    {
        "schedule_id": "3f6c1b1e-52a4-4f0e-9d0e-6f5b8a7c2d10",
        "user_id": "112",
        "starts_at": _START,
        "ends_at": _END,
    },
    {"schedule_id": "Payments primary", "user_id": "grace@example.com", "starts_at": _NIGHT, "duration": "8h"},
)

KIND = RecordKind(
    name="override",
    named="an override",
    plural="overrides",
    words=frozenset({"override", "overrides", "overrideshift", "overrideshifts"}),
    position=3,
    columns=_COLUMNS,
    read=_read,
    fast=_fast,
    told_beside=frozenset({"starts_at"}),
    doubtful=_DOUBTFUL,
    examples=_EXAMPLES,
    overlap=Overlap(
        of=0,
        starts_at=2,
        ends_at=3,
        is_replaced=True,
        words="the override overlaps {other} on the same schedule, and Rootly keeps only one of them",
        topic="overrides of one schedule overlap",
        hint="Take one of them out, or change their times so that one begins where the other ends.",
    ),
    shift=_shift,
    subjects=_subjects,
    sentence="{user_id} takes over on {schedule_id}",
    summed_by=1,
    target=TargetName.ROOTLY,
    scope=_scope,
    request=_request,
    read_created=_read_object,
    existing_statuses=frozenset({200}),
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
