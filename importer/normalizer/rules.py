"""Everything beside a row's own cells that decides what the row means."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from importer.cells import Unreadable
from importer.errors import SettingsError
from importer.normalizer.fields import RowRules
from importer.normalizer.mapping import NO_MAPPING, Mapping
from importer.normalizer.providers import check_provider, read_provider
from importer.normalizer.recurrence.rrule import read_until
from importer.normalizer.times.zones import check_timezone, read_zone
from importer.quoting import quote
from importer.settings import DateOrder

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Set as AbstractSet
    from datetime import datetime

    from importer.normalizer.times.moments import Moment, TimeRules


#: The options that say what a column says, too.
_OPTIONS = {"timezone": "timezone", "third_party_provider": "provider", "until": "until"}


@dataclass(frozen=True, slots=True)
class Rules(RowRules):
    """How the rows of all sources are read; `make_rules` keeps what it says beside the mapping in step with that."""

    mapping: Mapping = NO_MAPPING
    is_repeated: bool = False  #: the rows are those of an earlier run, which took their sheets in


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
    """Return the rules of a run, by what options say; an option counts before the mapping's default.

    Raises:
        SettingsError: `timezone`, `provider`, `date_order` or `until` cannot be understood, or the mapping has a
            constant that contradicts it.
    """
    if date_order is not None:
        mapping = replace(mapping, times=replace(mapping.times, date_order=DateOrder(date_order)))
    rules = Rules(
        **_beside(mapping),
        zone=check_timezone(timezone) if timezone is not None else None,
        provider=check_provider(provider) if provider is not None else None,
        until=_check_until(until, mapping.times) if until is not None else None,
        now=now,
    )
    _refuse_contradictions(rules, {"timezone": timezone, "third_party_provider": provider, "until": until})
    return replace(rules, mapping=_outdo_defaults(rules))


def of_mapping(rules: Rules, mapping: Mapping) -> Rules:
    """Return rules with another mapping, such as the one of a single sheet."""
    return replace(rules, **_beside(mapping))


def _beside(mapping: Mapping) -> dict[str, Any]:
    return {"mapping": mapping, "times": mapping.times, "checks": mapping.checks}


def _refuse_contradictions(rules: Rules, options: dict[str, str | None]) -> None:
    read: dict[str, Callable[[str], object]] = {
        "timezone": read_zone,
        "third_party_provider": read_provider,
        "until": lambda text: read_until(text, rules.times),
    }
    tables = (rules.mapping, *rules.mapping.sheets.values())
    for column, meant in _meant(rules).items():
        constants = [table.constants[column] for table in tables if column in table.constants]
        constant = next((text for text in constants if read[column](text) != meant), None)
        if constant is not None:
            option = f"--{_OPTIONS[column]}"
            raise SettingsError(
                f"{option} is {quote(options[column] or '')}, but the mapping has {column} = {quote(constant)} below"
                " [constants], which holds for every row",
                hint=f"Leave out {option}, or take {column} out of [constants].",
            )


def _meant(rules: Rules) -> dict[str, object]:
    """Return what the options say, by the column that they stand in for."""
    meant = {"timezone": rules.zone, "third_party_provider": rules.provider, "until": rules.until}
    return {column: value for column, value in meant.items() if value is not None}


def _outdo_defaults(rules: Rules) -> Mapping:
    """Take out of the mapping's defaults what an option says; both are for cells that are empty."""
    mapping, meant = rules.mapping, _meant(rules)
    if not meant or not (mapping.defaults or mapping.sheets):
        return mapping
    return _without_defaults(mapping, meant.keys())


def _without_defaults(mapping: Mapping, names: AbstractSet[str]) -> Mapping:
    return replace(
        mapping,
        defaults={name: text for name, text in mapping.defaults.items() if name not in names},
        sheets={name: _without_defaults(own, names) for name, own in mapping.sheets.items()},
    )


def _check_until(text: str, rules: TimeRules) -> Moment:
    until = read_until(text, rules)
    if isinstance(until, Unreadable):
        raise SettingsError(f"the end of repetitions is {quote(text)}{until.reason}", hint="Write --until 2027-12-31.")
    return until
