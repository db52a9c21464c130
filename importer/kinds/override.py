"""The kind `override`: a span of time in which one user stands in for whoever is on call, on a Rootly schedule.

Rootly deletes the overrides that a new one overlaps, and answers 200 if exactly this one exists already.
Source: Rootly's OpenAPI document of mid-2026.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import Field

from importer.kinds import Ambiguity, Column, Made, Overlap, RecordKind, doubt
from importer.kinds.shifts import DOUBTFUL_TIMES, SCHEDULE_ID, TIME_COLUMNS, at_rootly, read_shifts
from importer.normalizer.fast_path import FastColumn, FastPath
from importer.normalizer.fields import Fields, Implausibility, Places
from importer.normalizer.mapping import Rules
from importer.normalizer.plausibility import check_span
from importer.records import LARGEST_ID, Identifier, Record
from importer.targets.rootly import read_instant, read_number


class OverrideRecord(Record):
    """A span of time in which one user is on call for a schedule, whatever its rotations say."""

    schedule_id: Identifier
    user_id: Annotated[int, Field(ge=1, le=LARGEST_ID)]
    starts_at: datetime  #: UTC, whole seconds
    ends_at: datetime  #: UTC, whole seconds, after `starts_at`


# ---- a row


def _read(fields: Fields, rules: Rules) -> Made | None:
    values = {"schedule_id": fields.identify("schedule_id", rules.references.schedule)}
    return read_shifts(fields, rules, values, "user_id", OverrideRecord, _check)


def _fast(places: Places, rules: Rules) -> FastPath:
    columns = (
        FastColumn("schedule_id", rules.references.schedule),
        FastColumn("user_id", rules.references.shadowing_user),
    )
    return FastPath(places, rules, columns, OverrideRecord, _check)


def _check(record: OverrideRecord, now: datetime | None) -> list[Implausibility]:
    return check_span(record.starts_at, record.ends_at, now)


# ---- the kind


_COLUMNS = (
    SCHEDULE_ID,
    Column(
        "user_id",
        "write the number, e-mail address or full name of the user who takes over",
        ids_of="user",
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

_TAKES_OVER = Ambiguity("user_id", 70, "it could be who takes over")
_DOUBTFUL = {
    **doubt("oncall cover coverage person email assignee", _TAKES_OVER),
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
    decided_beside=frozenset({"starts_at"}),
    doubtful=_DOUBTFUL,
    examples=_EXAMPLES,
    overlap=Overlap(
        of=0,
        starts_at=2,
        ends_at=3,
        is_replaced=True,
        words="the override overlaps {other} on the same schedule, and Rootly keeps only one of them",
        topic="overrides of one schedule overlap",
        hint="Remove one of them, or change their times so that one begins where the other ends.",
    ),
    sentence="{user_id} takes over on {schedule_id}",
    existing_statuses=frozenset({200}),
    **at_rootly(
        "override_shifts", "shifts", {"user_id": read_number, "starts_at": read_instant, "ends_at": read_instant}
    ),
)
