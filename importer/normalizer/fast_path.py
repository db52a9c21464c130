"""Shadow rows in which nothing is odd, read straight away; every other row takes the long way, which says what is odd.

Nearly all rows of a large source are such rows. Each text of a column is parsed once: sources repeat themselves.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from importer.cells import BLANKS
from importer.normalizer.columns import COLUMNS
from importer.normalizer.plausibility import check_sense
from importer.normalizer.references import Waiting
from importer.normalizer.shadows import read_shadowable
from importer.normalizer.times.date_times import read_instant
from importer.normalizer.times.zones import read_zone
from importer.normalizer.unreadable import Unreadable
from importer.records import Kind, ShadowRecord

if TYPE_CHECKING:
    from collections.abc import Callable
    from zoneinfo import ZoneInfo

    from importer.normalizer.layout import Layout
    from importer.normalizer.rules import Rules
    from importer.records import Row


_ODD: Final = object()  # the value of a text that the long way must judge
_NEW: Final = object()
_JUDGED: Final = (Unreadable, Waiting)
_UNUSUAL_ID = Unreadable()
_MOST = 1 << 16  # texts of a column that are remembered
_NEEDED = ("schedule_id", "shadowable_id", "shadow_user_id", "starts_at", "ends_at")
_UNUSUAL = frozenset({"kind", "duration", "repeat", "until", "rotation"})
_OF_SCHEDULES = frozenset(column.name for column in COLUMNS if column.is_telling and column.kind is Kind.SCHEDULE)


class Straight:
    """Reads the straight rows of one sheet of shadows."""

    def __init__(self, layout: Layout, rules: Rules) -> None:
        self._rules = rules
        get = layout.indices.get
        self._schedule, self._shadowable, self._user, self._start, self._end = (get(name, -1) for name in _NEEDED)
        self._type, self._zone = get("shadowable_type"), get("timezone")
        self._schedules = _Memory(rules.references.schedule)
        self._shadowables = _Memory(_read_digits)
        self._users = _Memory(rules.references.shadowing_user)
        self._types = _Memory(read_shadowable, "User")
        self._zones = _Memory(read_zone, rules.zone)
        self._times: dict[ZoneInfo | None, _Memory] = {}

    @staticmethod
    def can_read(layout: Layout) -> bool:
        """Tell whether a sheet can have straight rows."""
        had = layout.indices.keys() | layout.given.keys()
        is_plain = not layout.given and _UNUSUAL.isdisjoint(had) and layout.indices.keys() >= set(_NEEDED)
        return is_plain and (layout.kind is Kind.SHADOW or (layout.kind is None and _OF_SCHEDULES.isdisjoint(had)))

    def read(self, row: Row) -> tuple[ShadowRecord, str] | None:
        """Make the record of a row, and name its zone; None: the row must take the long way."""
        cells = row.cells
        zone = self._rules.zone if self._zone is None else self._zones.parse(cells[self._zone])
        if row.problems or zone is _ODD:
            return None
        shadowable_type = "User" if self._type is None else self._types.parse(cells[self._type])
        ids = (
            self._schedules.parse(cells[self._schedule]),
            self._shadowables.parse(cells[self._shadowable]),
            self._users.parse(cells[self._user]),
        )
        if shadowable_type != "User" or _ODD in ids:
            return None
        times = self._times.get(zone) or self._remember_times(zone)
        span = (times.parse(cells[self._start]), times.parse(cells[self._end]))
        if _ODD in span or span[1] <= span[0]:
            return None
        record = ShadowRecord(shadowable_type="User", **dict(zip(_NEEDED, ids + span, strict=True)))
        if self._rules.now is not None and next(check_sense(record, self._rules.now), None) is not None:
            return None
        return record, zone.key if zone else ""

    def _remember_times(self, zone: ZoneInfo | None) -> _Memory:
        times = self._rules.times
        return self._times.setdefault(zone, _Memory(lambda text: read_instant(text, zone, times)))


def _read_digits(text: str) -> str | Unreadable:
    """Read a user's id of the usual form; what has another is not wrong, but not for here."""
    return text if text.isascii() and text.isdigit() and len(text) <= 20 else _UNUSUAL_ID


class _Memory:
    """The texts of one column that were parsed already."""

    def __init__(self, parse: Callable[[str], Any], default: Any = _ODD) -> None:
        self._parse = parse
        self._default = default  # of an empty cell
        self._known: dict[str, Any] = {}

    def parse(self, cell: str) -> Any:
        """Give a cell's value, or `_ODD`."""
        value = self._known.get(cell, _NEW)
        return self._learn(cell) if value is _NEW else value

    def _learn(self, cell: str) -> Any:
        text = cell.strip(BLANKS)
        value = self._parse(text) if text else self._default
        if isinstance(value, _JUDGED):
            value = _ODD
        if len(self._known) >= _MOST:
            self._known.clear()
        self._known[cell] = value
        return value
