"""A made-up kind: at an instant, a schedule is handed to a user. It stands for any that is added one day."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from importer.kinds import Column, KeyPart, Made, RecordKind, Removal, option
from importer.normalizer.date_times import read_instant as read_time
from importer.normalizer.references import Waiting
from importer.normalizer.zones import read_zone
from importer.records import LARGEST_ID, Identifier, Key, Record, TargetName
from importer.targets import rootly

if TYPE_CHECKING:
    from collections.abc import Mapping

    from importer.normalizer.fields import Fields
    from importer.normalizer.mapping import Rules


class HandoverRecord(Record):
    """A schedule that is handed to a user."""

    schedule_id: Identifier
    handed_to: Annotated[int, Field(ge=1, le=LARGEST_ID)]
    handed_at: datetime

    @property
    def key(self) -> Key:
        """Two with the same key are the same thing."""
        return (self.schedule_id, self.handed_to, int(self.handed_at.timestamp()))


def _read(fields: Fields, rules: Rules) -> Made | None:
    schedule_id = fields.identify("schedule_id", rules.references.schedule)
    user = fields.identify("handed_to", rules.references.shadowing_user)
    zone = fields.optional("timezone", read_zone, rules.zone)
    at = fields.required("handed_at", partial(read_time, zone=zone, rules=rules.mapping.times))
    if schedule_id is None or user is None or at is None:
        return None
    if isinstance(schedule_id, Waiting) or isinstance(user, Waiting):
        return Made(())
    return Made((HandoverRecord(schedule_id=schedule_id, handed_to=user, handed_at=at),))


def _request(key: Key) -> Any:
    schedule_id, user, at = key
    attributes = {"handed_to": user, "handed_at": rootly.write_instant(at)}
    return rootly.make_request(str(schedule_id), "handovers", "handovers", attributes)


def _read_key(attributes: Mapping[str, Any], schedule_id: str) -> Key | None:
    user, at = attributes.get("handed_to"), attributes.get("handed_at")
    return None if user is None or at is None else (schedule_id, rootly.read_number(user), rootly.read_instant(at))


def _span(key: Key) -> tuple[int, int]:
    return int(key[2]), int(key[2])


_read_object = partial(rootly.read_object, read_key=_read_key)

KIND = RecordKind(
    name="handover",
    named="a handover",
    plural="handovers",
    words=frozenset({"handover", "handovers"}),
    position=9,
    columns=(
        Column("schedule_id", "write the id of a Rootly schedule"),
        Column("handed_to", "write the number of the user who takes over", headers="takesover", ids_of="user"),
        Column("handed_at", "write date and time", headers="handedon", is_moment=True),
        option("timezone", "write an IANA time zone", read=read_zone),
    ),
    read=_read,
    examples=({"schedule_id": "Payments primary", "handed_to": "112", "handed_at": "2027-03-01T08:00:00Z"},),
    subjects=lambda key: (
        KeyPart("schedule_id", "schedule", str(key[0])),
        KeyPart("handed_to", "user", str(key[1]), "person"),
    ),
    sentence="{handed_to} takes {schedule_id}",
    summed_by=1,
    target=TargetName.ROOTLY,
    scope=lambda key: str(key[0]),
    request=_request,
    read_created=_read_object,
    object_path=partial(rootly.object_path, "handovers"),
    list_path=partial(rootly.list_path, "handovers"),
    read_page=partial(rootly.read_page, collection="handovers", read_key=_read_key),
    removal=Removal(
        read=_read_object,
        is_missing=rootly.is_missing,
        span=_span,
        is_shortened=lambda sent, found: False,
        differences=partial(rootly.show_differences, ("schedule_id", "handed_to", "handed_at")),
    ),
)
