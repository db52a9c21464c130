"""Everything beside a row's own cells that decides what the row means."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from importer.errors import SettingsError
from importer.normalizer.mapping import NO_MAPPING, Mapping
from importer.normalizer.moments import DateOrder
from importer.normalizer.providers import check_provider
from importer.normalizer.references import References
from importer.normalizer.until import read_until
from importer.normalizer.wording import Fault, quote
from importer.normalizer.zones import check_timezone

if TYPE_CHECKING:
    from datetime import datetime
    from zoneinfo import ZoneInfo

    from importer.normalizer.moments import Moment, TimeRules
    from importer.normalizer.providers import Provider


_NO_DIRECTORY = References()


@dataclass(frozen=True, slots=True)
class Rules:
    """How rows are read."""

    mapping: Mapping = NO_MAPPING
    zone: ZoneInfo | None = None  #: of times without an offset, where the row names none
    provider: Provider | None = None  #: of schedule rows that name none
    until: Moment | None = None  #: the end of repetitions that have none
    now: datetime | None = None  #: what shifts are judged against; None: they are not
    references: References = _NO_DIRECTORY  #: how ids are read, and names that stand for them

    @property
    def times(self) -> TimeRules:
        """How doubtful date-times are read."""
        return self.mapping.times


NO_RULES = Rules()


def make_rules(
    mapping: Mapping = NO_MAPPING,
    *,
    timezone: str | None = None,
    provider: str | None = None,
    date_order: str | None = None,
    until: str | None = None,
    now: datetime | None = None,
) -> Rules:
    """Make the rules of a run out of what options say; an option counts before the mapping.

    Raises:
        SettingsError: `timezone`, `provider`, `date_order` or `until` cannot be understood.
    """
    if date_order is not None:
        mapping = replace(mapping, times=replace(mapping.times, date_order=DateOrder(date_order)))
    return Rules(
        mapping,
        zone=check_timezone(timezone) if timezone is not None else None,
        provider=check_provider(provider) if provider is not None else None,
        until=_check_until(until, mapping.times) if until is not None else None,
        now=now,
    )


def _check_until(text: str, rules: TimeRules) -> Moment:
    until = read_until(text, rules)
    if isinstance(until, Fault):
        raise SettingsError(f"the end of repetitions is {quote(text)}{until.reason}", hint="write --until 2027-12-31")
    return until
