"""A mapping, and the rules that it makes with the options: what headers and cells mean, and which rows count.

The text of a mapping file is read and written in `mapping_file`.
"""

from __future__ import annotations

import re
from collections import abc
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final, TypeAlias, TypeVar
from zoneinfo import ZoneInfo

from importer.cells import Unreadable
from importer.errors import SettingsError
from importer.normalizer.fields import Checks
from importer.normalizer.providers import Provider, check_provider, read_provider
from importer.normalizer.recurrence_text import read_until
from importer.normalizer.references import NO_DIRECTORY, References
from importer.normalizer.zones import Moment, TimeRules, check_timezone, read_zone
from importer.settings.options import DateOrder
from importer.settings.origins import Origin, blame, name_as_set
from importer.wording import quote

Texts: TypeAlias = abc.Mapping[str, str]
T = TypeVar("T")
Completable = TypeVar("Completable", "Mapping", "Matrix", TimeRules, Checks)

NOT_USED: Final = ""  #: the column of a header that is not used on purpose
NO_HEADER: Final = 0  #: the header row of a source that has none: its headers are the letters of its columns
#: Columns that hold a part of a date-time -> the columns that they are joined into.
TIME_PARTS: Final[dict[str, tuple[str, ...]]] = {
    "date": ("starts_at", "ends_at"),
    "start_date": ("starts_at",),
    "start_time": ("starts_at",),
    "end_date": ("ends_at",),
    "end_time": ("ends_at",),
}
#: Time parts that each filled cell of a matrix can have.
CLOCKS: Final = ("start_time", "end_time")
_NOWHERE: Final[abc.Mapping[str, Origin]] = MappingProxyType({})
_COPY = re.compile(r" \([0-9]+\)$")  # the suffix of a second sheet of the same name


@dataclass(frozen=True, slots=True)
class Matrix:
    """The meaning of a roster's filled cells: people down and dates across, or the other way round."""

    across: str = ""  #: our column that the headers across are; empty: they are dates
    headers: tuple[str, ...] = ()  #: these headers; empty: all that are dates
    first: str = ""  #: the date, in ISO 8601, that headers without a year or a month are counted from
    cells: str = ""  #: our column that a cell's text is for if it is not a mark; empty: every text must be a mark
    every: Texts = field(default_factory=dict)  #: our column or time part -> its text if a mark has none
    #: cell's text -> our column or time part -> its text; without any it means nobody
    marks: abc.Mapping[str, Texts] = field(default_factory=dict)

    @property
    def is_of_dates(self) -> bool:
        """True if the headers across are dates."""
        return self.across in ("", "date")

    @property
    def columns(self) -> tuple[str, ...]:
        """All our columns and time parts that a cell gives, first that of the headers across."""
        names = (
            self.across or "date",
            self.cells,
            *self.every,
            *(name for mark in self.marks.values() for name in mark),
        )
        return tuple(name for name in dict.fromkeys(names) if name)


@dataclass(frozen=True, slots=True)
class Mapping:
    """What the user specified about the sources, or about one of their sheets."""

    columns: Texts = field(default_factory=dict)  #: header, trimmed -> our column or time part, or NOT_USED
    constants: Texts = field(default_factory=dict)  #: our column -> its text in every row, whatever the cell says
    defaults: Texts = field(default_factory=dict)  #: our column -> its text if the cell is empty
    header_row: int | None = None  #: as a spreadsheet numbers it; NO_HEADER; None: to be found
    times: TimeRules = field(default_factory=TimeRules)  #: what ambiguous date-times mean
    checks: Checks = field(default_factory=Checks)  #: how plausibility checks count
    values: abc.Mapping[str, Texts] = field(default_factory=dict)  #: our column -> cell's text -> its meaning
    keep: abc.Mapping[str, tuple[str, ...]] = field(default_factory=dict)  #: header -> texts of rows that count
    drop: abc.Mapping[str, tuple[str, ...]] = field(default_factory=dict)  #: header -> texts of rows that do not
    fill: tuple[str, ...] = ()  #: headers whose empty cells take the value above
    matrix: Matrix | None = None  #: how a roster is read; None: each row is a record
    sheets: abc.Mapping[str, Mapping] = field(default_factory=dict)  #: sheet's name -> what holds for it in addition

    @property
    def headers(self) -> Iterator[str]:
        """All headers that it assigns to columns, including those of single sheets."""
        yield from self.columns
        for one in self.sheets.values():
            yield from one.headers

    def of_sheet(self, name: str) -> Mapping:
        """Return the mapping of a sheet: its own tables, line by line, take precedence over those of all sheets."""
        own = self.sheets.get(name) or self.sheets.get(_COPY.sub("", name), NO_MAPPING)
        if own is NO_MAPPING and not self.sheets:
            return self
        own_columns = own.constants.keys() | own.defaults.keys() | set(own.matrix.columns if own.matrix else ())
        general = replace(
            self,
            constants=_without(self.constants, own_columns),
            defaults=_without(self.defaults, own_columns),
            sheets={},
        )
        return replace(
            _completed(own, general),
            values={**self.values, **{name: {**self.values.get(name, {}), **own.values[name]} for name in own.values}},
            fill=tuple(dict.fromkeys((*self.fill, *own.fill))),
        )

    def lookup(self) -> dict[str, dict[str, str]]:
        """Return [values] for looking up cells: by exact texts, and by texts ignoring case."""
        return {
            column: {text.casefold(): meant for text, meant in texts.items()} | dict(texts)
            for column, texts in self.values.items()
        }


NO_MAPPING: Final = Mapping()


def _without(texts: Texts, names: abc.Set[str]) -> Texts:
    return {name: text for name, text in texts.items() if name not in names}


_OPEN = (TimeRules, Checks, Matrix)  # each of their members may be unset


def _completed(own: Completable, general: Completable) -> Completable:
    """Return `own` completed by `general`; tables are completed line by line."""

    def choose(value: Any, other: Any) -> Any:
        if value in (None, "", ()):
            return other
        if isinstance(value, abc.Mapping):
            return {**other, **value}
        return _completed(value, other) if isinstance(value, _OPEN) and other is not None else value

    return replace(
        general, **{one.name: choose(getattr(own, one.name), getattr(general, one.name)) for one in fields(own)}
    )


# ---- with the options: everything besides a row's own cells that decides its meaning


@dataclass(frozen=True, slots=True)
class Rules:
    """How rows are read: everything besides their own cells."""

    mapping: Mapping = NO_MAPPING
    zone: ZoneInfo | None = None  #: for times without an offset, if the row names none
    provider: Provider | None = None  #: for schedule rows that name none
    until: Moment | None = None  #: the end of repetitions without one
    now: datetime | None = None  #: the time for plausibility checks; None: no checks
    references: References = NO_DIRECTORY  #: how ids, and names instead of ids, are read
    is_repeated: bool = False  #: the rows are those of an earlier run


NO_RULES = Rules()


def make_rules(
    mapping: Mapping = NO_MAPPING,
    *,
    timezone: str | None = None,
    provider: str | None = None,
    date_order: str | None = None,
    until: str | None = None,
    now: datetime | None = None,
    origins: abc.Mapping[str, Origin] = _NOWHERE,
) -> Rules:
    """Return the rules of a run; an option takes precedence over the mapping's default.

    `origins` are where the options were set, by name: what an error calls them.

    Raises:
        SettingsError: `timezone`, `provider`, `date_order` or `until` cannot be understood, or the mapping has a
            constant that contradicts it.
    """
    if date_order is not None:
        mapping = replace(mapping, times=replace(mapping.times, date_order=DateOrder(date_order)))
    rules = Rules(
        mapping,
        zone=_check(check_timezone, timezone, origins.get("timezone")),
        provider=_check(check_provider, provider, origins.get("provider")),
        until=_check(lambda text: _check_until(text, mapping.times), until, origins.get("until")),
        now=now,
    )
    options = {"timezone": timezone, "third_party_provider": provider, "until": until}
    given = {column: text for column, text in options.items() if text is not None}
    _refuse_contradictions(rules, given, origins)
    return replace(rules, mapping=_without_defaults(mapping, given.keys())) if given else rules


def _check(check: Callable[[str], T], text: str | None, origin: Origin | None) -> T | None:
    try:
        return None if text is None else check(text)
    except SettingsError as error:
        raise blame(origin, error) from None


def _refuse_contradictions(rules: Rules, options: dict[str, str], origins: abc.Mapping[str, Origin]) -> None:
    read: dict[str, tuple[str, Callable[[str], object], object]] = {
        "timezone": ("timezone", read_zone, rules.zone),
        "third_party_provider": ("provider", read_provider, rules.provider),
        "until": ("until", lambda text: read_until(text, rules.mapping.times), rules.until),
    }
    tables = (rules.mapping, *rules.mapping.sheets.values())
    for column, text in options.items():
        name, parse, meant = read[column]
        option = name_as_set(name, origins)
        constants = [table.constants[column] for table in tables if column in table.constants]
        constant = next((text for text in constants if parse(text) != meant), None)
        if constant is not None:
            raise SettingsError(
                f"{option} is {quote(text)}, but the mapping has {column} = {quote(constant)} below"
                " [constants], which holds for every row",
                hint=f"Leave out {option}, or remove {column} from [constants].",
            )


def _without_defaults(mapping: Mapping, names: abc.Set[str]) -> Mapping:
    """Remove defaults from a mapping that an option overrides; both are for empty cells."""
    return replace(
        mapping,
        defaults=_without(mapping.defaults, names),
        sheets={name: _without_defaults(own, names) for name, own in mapping.sheets.items()},
    )


def _check_until(text: str, rules: TimeRules) -> Moment:
    until = read_until(text, rules)
    if isinstance(until, Unreadable):
        raise SettingsError(f"the end of repetitions is {quote(text)}{until.reason}", hint="Write it as 2027-12-31.")
    return until
