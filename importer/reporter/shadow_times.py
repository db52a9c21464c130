"""When the shadows of a run begin and end, in UTC and on the clocks of their places: the lines of a sheet. Pure."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from importer.reporter.guarding import guard

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

SHADOW_TIMES_COLUMNS: tuple[str, ...] = (
    "row",
    "sheet",
    "part",
    "schedule_id",
    "shadowable",
    "shadow_user_id",
    "starts_at (UTC)",
    "ends_at (UTC)",
    "starts_at (local)",
    "ends_at (local)",
    "timezone",
)


class ShadowTimes(NamedTuple):
    """One shadow of a run."""

    sheet: str  #: the sheet's name, as `import_sheet` says it
    row: int  #: the row's number
    part: str  #: "3/12" where the row makes several records, else empty
    schedule_id: str
    shadowable: str  #: who or what is shadowed, such as "User 101"
    shadow_user_id: str
    starts_at: datetime  #: UTC
    ends_at: datetime  #: UTC
    zone: str  #: an IANA name; empty where the row gives no zone: then there is no local time


def shadow_cells(shadows: Iterable[ShadowTimes]) -> Iterator[list[str | int]]:
    """Give each shadow's cells, guarded; local times with the offset that holds then."""
    for shadow in shadows:
        zone = _find_zone(shadow.zone)
        yield [
            shadow.row,
            guard(shadow.sheet),
            guard(shadow.part),
            guard(shadow.schedule_id),
            guard(shadow.shadowable),
            guard(shadow.shadow_user_id),
            f"{shadow.starts_at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
            f"{shadow.ends_at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
            _local(shadow.starts_at, zone),
            _local(shadow.ends_at, zone),
            guard(shadow.zone),
        ]


def _find_zone(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name) if name else None
    except (ZoneInfoNotFoundError, ValueError):
        return None


def _local(moment: datetime, zone: ZoneInfo | None) -> str:
    try:
        return moment.astimezone(zone).isoformat(timespec="seconds") if zone else ""
    except OverflowError:  # on the other side of year 1 or 9999
        return ""
