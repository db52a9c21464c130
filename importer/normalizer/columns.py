"""Our columns: their names, their order, the kind they belong to and what is right in them."""

from __future__ import annotations

from dataclasses import dataclass

from importer.records import Kind


@dataclass(frozen=True, slots=True)
class Column:
    """One column that a source may have."""

    name: str
    kind: Kind | None  #: the kind of row that needs it; None: any
    right: str  #: what to write, as an order with an example
    is_required: bool = True  #: False where an empty cell has a meaning
    is_telling: bool = True  #: a row with this cell filled is of `kind`; False: it tells nothing


def _option(name: str, kind: Kind | None, right: str) -> Column:
    """Make a column that may be empty and does not tell the kind."""
    return Column(name, kind, right, is_required=False, is_telling=False)


COLUMNS = (
    _option("kind", None, "write schedule or shadow"),
    Column("third_party_provider", Kind.SCHEDULE, "write PAGER_DUTY or OPSGENIE"),
    Column("remote_id", Kind.SCHEDULE, "write the id that the provider gives the schedule, such as PI7DH85"),
    _option("group", Kind.SCHEDULE, "write the name of an Opal group, or its id; several on lines of their own"),
    Column(
        "schedule_id", Kind.SHADOW, "write the id of a Rootly schedule, such as 3f6c1b1e-52a4-4f0e-9d0e-6f5b8a7c2d10"
    ),
    Column("shadowable_type", Kind.SHADOW, "write User or Schedule, or leave it empty for User", is_required=False),
    Column("shadowable_id", Kind.SHADOW, "write the id of the user or schedule to be shadowed, such as 101"),
    Column("shadow_user_id", Kind.SHADOW, "write the number of the user who shadows, such as 112"),
    Column("starts_at", Kind.SHADOW, "write date, time of day and offset, such as 2027-03-01T08:00:00Z"),
    Column("ends_at", Kind.SHADOW, "write date, time of day and offset, such as 2027-03-01T16:00:00Z"),
    _option("duration", Kind.SHADOW, "write how long it lasts, such as 8h, 1d or PT8H"),
    _option("repeat", Kind.SHADOW, "write how often, such as weekly, or a rule such as FREQ=WEEKLY;COUNT=12"),
    _option("until", Kind.SHADOW, "write the last day of the repetition, such as 2027-06-30"),
    _option("rotation", Kind.SHADOW, "write who takes turns, parted by commas, such as 101, 112, 113"),
    _option("timezone", Kind.SHADOW, "write an IANA time zone, such as Europe/Berlin"),
)

BY_NAME = {column.name: column for column in COLUMNS}
TELLING = frozenset(column.name for column in COLUMNS if column.is_telling)
