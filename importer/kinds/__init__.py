"""The kinds of records, one file each, and what describes a kind: its columns and aliases, record, request, answers.

The description is data and small pure functions. Below it are all kinds by name, and their columns, headers and words
together. Every module of this package with a `KIND` is a kind; docs/targets.md says what else a new one needs.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import import_module
from pkgutil import iter_modules
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfoNotFoundError

from importer.cells import Unreadable, canonical
from importer.normalizer.fast_path import FastPath
from importer.normalizer.fields import Fields, Places
from importer.normalizer.mapping import Rules
from importer.normalizer.zones import load_zone
from importer.records import Key, Record, ReportLine, TargetName
from importer.targets.target import Found, Page, Request
from importer.wording import iso_utc


@dataclass(frozen=True, slots=True)
class Column:
    """One column that the rows of a kind may have."""

    name: str
    right: str  #: what to write, as an instruction with an example
    headers: str = ""  #: other headers that mean it in any sheet, in their canonical form, with blanks between them
    headers_of_kind: str = ""  #: headers that mean it only in a sheet that is known to be of the kind
    is_required: bool = True  #: False if an empty cell has a meaning
    is_telling: bool = True  #: a row with this cell filled is of the kind; False: it says nothing
    is_common: bool = False  #: in sheets of other kinds a header of this name means something else
    outdoes_name: bool = False  #: its other headers decide a sheet's kind, whatever the sheet's name
    unless: tuple[str, ...] = ()  #: columns any of which makes it unnecessary
    choices: tuple[str, ...] = ()  #: the valid words; empty: any text
    is_open: bool = False  #: it also accepts other words than its choices
    is_moment: bool = False  #: a date with a time of day is typed into it
    ids_of: str = ""  #: what its ids identify, as in `KeyPart.what`, or "remote schedule"; empty: it has no ids
    is_list: bool = False  #: it may have several values
    read: Callable[[str], object] | None = None  #: checks a text before any row; None if that needs rows
    names: str = ""  #: headers, as in `headers`, of a column beside it that has the names of its ids


def option(name: str, right: str, **facts: Any) -> Column:
    """Make a column that may be empty and does not decide the kind."""
    return Column(name, right, is_required=False, is_telling=False, **facts)


class Ambiguity(NamedTuple):
    """A possible meaning of an ambiguous header. It is suggested, never applied."""

    column: str
    confidence: int  #: percent
    why: str


def doubt(headers: str, *ambiguities: Ambiguity) -> dict[str, tuple[Ambiguity, ...]]:
    """Return what each of several headers could mean."""
    return dict.fromkeys(headers.split(), ambiguities)


class Made(NamedTuple):
    """The records of a row."""

    records: tuple[Record, ...]  #: empty while an id is not known yet
    zone: str = ""  #: the zone that the row's times were written in; empty if none was named
    groups: tuple[str, ...] = ()  #: ids of the groups that the record is to be added to


class UserShift(NamedTuple):
    """A shift as reports show it: who, when and where."""

    schedule: str
    shadowed: str  #: whom or what the user shadows, such as "User 101"; empty if nobody is shadowed
    user: str
    starts_at: int  #: epoch seconds
    ends_at: int


class KeyPart(NamedTuple):
    """A person or schedule that a record is about, by id, and which of our columns names it."""

    column: str
    what: str  #: "user", "schedule" or "group"; of a schedule in another system that system's name
    id: str
    role: str = "schedule"  #: its role in a plan: the schedule, the person, or who or what is shadowed


@dataclass(frozen=True, slots=True)
class Names:
    """The names of ids, from a target's lists, or from a row."""

    known: Mapping[tuple[str, str], str] = field(default_factory=dict)

    def find(self, what: str, id_: str) -> str:
        """Return the name; empty if it is not known."""
        return self.known.get((what, id_), "")

    def show(self, what: str, id_: str) -> str:
        """Return the name followed by the id, such as `Anna Berg (112)`; without a name `user 112`."""
        name = self.find(what, id_)
        return f"{name} ({id_})" if name else f"{what} {id_}"


NO_NAMES = Names()


def show_moment(at: int, zone: str) -> str:
    """Return an epoch second as local time in a zone, or in UTC if there is none: `2027-03-01 09:00`."""
    try:
        local = datetime.fromtimestamp(at, load_zone(zone) if zone else UTC)
    except (ValueError, OverflowError, ZoneInfoNotFoundError):  # on the other side of year 1 or 9999
        return iso_utc(at)
    return f"{local:%Y-%m-%d %H:%M:%S}" if local.second else f"{local:%Y-%m-%d %H:%M}"


def show_span(starts_at: int, ends_at: int, zone: str) -> str:
    """Return a span of time as local times: `2027-03-01 09:00 to 17:00 Europe/Berlin`."""
    start, end = show_moment(starts_at, zone), show_moment(ends_at, zone)
    if start.endswith("Z") or end.endswith("Z"):  # the zone, or the local time, does not exist
        return f"{iso_utc(starts_at)} to {iso_utc(ends_at)}"
    end = end[11:] if start[:10] == end[:10] else end
    return f"{start} to {end} {zone or 'UTC'}"


@dataclass(frozen=True, slots=True)
class Overlap:
    """Which records of a kind should not overlap in time, by the places in their keys."""

    of: int  #: what must be equal in both: the person, or the schedule
    starts_at: int
    ends_at: int
    words: str  #: with `{other}`, such as "the shadow overlaps {other}, by the same person"
    topic: str
    hint: str
    is_replaced: bool = False  #: the target deletes records that a new one overlaps, so neither of two may be sent

    def span(self, key: Key) -> tuple[int, int]:
        """Return when a record begins and ends."""
        return int(key[self.starts_at]), int(key[self.ends_at])


@dataclass(frozen=True, slots=True)
class Removal:
    """How the target's objects of a kind are looked at and deleted, one by one."""

    read: Callable[[Any], Found | None]  #: the object in the answer to a GET or DELETE; None if there is none
    is_missing: Callable[[Any], bool]  #: whether a 404's JSON says that the object, not just the path, does not exist
    span: Callable[[Key], tuple[int, int]]  #: when it begins and ends; epoch seconds
    is_shortened: Callable[[Key, Key], bool]  #: whether it only ends earlier than was sent
    differences: Callable[[Key, Key], str]  #: which values differ from those that were sent


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordKind:
    """A kind of record: everything that other packages need to know about it."""

    # its names
    name: str  #: as in `import_kind` and the column `kind`, such as "schedule"
    named: str  #: one of them, in a sentence: "a schedule"
    plural: str  #: "schedules"
    words: frozenset[str]  #: words for it in a cell of `kind` and in a sheet's name, in canonical form
    position: int  #: its position in lists of kinds

    # its rows
    columns: tuple[Column, ...]
    read: Callable[[Fields, Rules], Made | None]  #: makes a row's records; None: problems were noted
    fast: Callable[[Places, Rules], FastPath] | None = None  #: reads rows without anything unusual
    decided_beside: frozenset[str] = frozenset()  #: columns without which its common ones do not decide the kind
    own_headers: Mapping[str, str] = field(default_factory=dict)  #: another kind's column -> its meaning here
    #: header -> what it may mean, likelier first
    doubtful: Mapping[str, Sequence[Ambiguity]] = field(default_factory=dict)
    examples: Sequence[Mapping[str, str | datetime]] = ()  #: rows of a template
    overlap: Overlap | None = None  #: None: its records may overlap
    shift: Callable[[Key], UserShift] | None = None  #: turns a key into a shift; None: it is not a shift
    subjects: Callable[[Key], tuple[KeyPart, ...]]  #: whom and what a record is about, by its key
    sentence: str  #: a sentence with the columns of its subjects, such as "{user_id} takes over on {schedule_id}"
    summed_by: int  #: the place in a key by which a plan sums up records within their scope: a person, a provider

    # at its target
    target: TargetName  #: the API that accepts it
    scope: Callable[[Key], str]  #: what one question covers; records of one scope are asked about together
    request: Callable[[Key], Request]  #: ValueError if a part cannot be in a path
    read_created: Callable[[Any], Found | None]  #: the object in a POST's answer; None if there is none
    existing_statuses: frozenset[int] = frozenset()  #: of a POST for what exists: its answer shows the old one
    object_path: Callable[[str], str]  #: of the object with this id; ValueError if it cannot be in a path
    list_path: Callable[[str], str]  #: the first page of what a scope holds
    read_page: Callable[[Any, str], Page]  #: from the answer's JSON and the scope; ValueError if it is not a page
    removal: Removal | None = None  #: None: the API cannot delete what it created

    def describe(self, key: Key, names: Names = NO_NAMES) -> str:
        """Describe a record for people, names before ids; a shift by its person and time."""
        if self.shift is None:
            return ", ".join(names.show(one.what, one.id) for one in self.subjects(key))
        one = self.shift(key)
        who = names.show("user", one.user) if one.user else "no user"
        return f"{who}, {iso_utc(one.starts_at)} to {iso_utc(one.ends_at)}"

    def write_sentence(self, key: Key, names: Names = NO_NAMES, zone: str = "") -> str:
        """Describe a record for people in a sentence, names before ids, with its local times."""
        shown = {one.column: names.show(one.what, one.id) for one in self.subjects(key)}
        text = self.sentence.format_map(shown)
        if self.shift is None:
            return text
        one = self.shift(key)
        return f"{text}, {show_span(one.starts_at, one.ends_at, zone)}"

    @property
    def able_to_remove(self) -> Removal:
        """How its objects are deleted.

        Raises:
            ValueError: the API cannot delete them, so no deletion may be planned.
        """
        if self.removal is None:
            raise ValueError(f"{self.target} cannot delete {self.plural}")
        return self.removal


# ---- all kinds; their modules import the definitions above while this module is still being imported


def _find_kinds() -> dict[str, RecordKind]:
    modules = (import_module(f"{__name__}.{one.name}") for one in iter_modules(__path__))
    found = [kind for module in modules if isinstance(kind := getattr(module, "KIND", None), RecordKind)]
    return {kind.name: kind for kind in sorted(found, key=lambda kind: kind.position)}


KINDS: Final = _find_kinds()


#: The kinds whose records are shifts -> the shift of a key.
SHIFTS: Final = {kind.name: kind.shift for kind in KINDS.values() if kind.shift is not None}


def describe_line(line: ReportLine, names: Names, *, is_named: bool = False) -> str:
    """Describe a line's record in a sentence, names before ids; empty if it has no record.

    With `is_named` it is also empty if none of its names is known.
    """
    kind = KINDS.get(line.kind or "")
    if kind is None or line.key is None:
        return ""
    if is_named and not any(names.find(one.what, one.id) for one in kind.subjects(line.key)):
        return ""
    return kind.write_sentence(line.key, names, line.zone)


def kinds_of(target: TargetName) -> list[RecordKind]:
    """List the kinds that a target accepts."""
    return [kind for kind in KINDS.values() if kind.target is target]


def can_delete(target: TargetName) -> bool:
    """Return whether a target can delete records of any kind."""
    return any(kind.removal is not None for kind in kinds_of(target))


def any_of(words: Iterable[str]) -> str:
    """Join words with "or": `schedule, shadow or override`."""
    *others, last = words
    return f"{', '.join(others)} or {last}" if others else last


# ---- the words that name a kind


#: The words that name a kind, in their canonical form -> the kind.
KIND_WORDS: Final = {word: kind.name for kind in KINDS.values() for word in kind.words}
_IN_CELLS = KIND_WORDS | {f"oncall{word}": name for word, name in KIND_WORDS.items()}
_LONGEST_NAME = 40  # no name is longer; saves folding a text of a megabyte
_HUMPS = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_LETTERS = re.compile(r"[^\W\d_]+")
_NO_KIND = Unreadable(topic="unknown kind")


def read_kind(text: str) -> str | Unreadable:
    """Read a cell of the column `kind`."""
    if len(text) > _LONGEST_NAME:
        return _NO_KIND
    return _IN_CELLS.get(text) or _IN_CELLS.get(canonical(text)) or _NO_KIND


def kinds_named(name: str) -> dict[str, str]:
    """Return the kinds that words in a sheet's name mean, each with its word."""
    words = _LETTERS.findall(_HUMPS.sub(" ", name))
    return {kind: word for word in words if (kind := KIND_WORDS.get(word.casefold()))}


def kind_of_name(name: str) -> str | None:
    """Return the kind that a sheet's name means; None if it has no such word, or words of several kinds."""
    kinds = kinds_named(name)
    return next(iter(kinds)) if len(kinds) == 1 else None


# ---- the columns of all kinds


KIND_COLUMN: Final = option("kind", f"write {any_of(KINDS)}", choices=tuple(KINDS), read=read_kind)


def _gather_columns() -> dict[str, Column]:
    columns = {KIND_COLUMN.name: KIND_COLUMN}
    for kind in KINDS.values():
        for column in kind.columns:
            columns.setdefault(column.name, column)
    return columns


#: All our columns by name, in order; a column of several kinds is described by the first of them.
COLUMNS: Final = _gather_columns()
#: What to write into a column, by its name.
RIGHTS: Final = {name: column.right for name, column in COLUMNS.items()}
OPTIONAL: Final = frozenset(name for name, column in COLUMNS.items() if not column.is_required or column.unless)
#: The kinds that have a column; `kind` itself belongs to none.
KINDS_WITH: Final = {
    name: frozenset(kind.name for kind in KINDS.values() if any(column.name == name for column in kind.columns))
    for name in COLUMNS
}
TELLING: Final = frozenset(column.name for kind in KINDS.values() for column in kind.columns if column.is_telling)
#: Columns whose other headers decide a sheet's kind, whatever the sheet's name.
TELLING_IN_SPITE: Final = frozenset(name for name, column in COLUMNS.items() if column.outdoes_name)
#: Columns whose names are common words, which only sheets of their kinds have.
COMMON: Final = frozenset(name for name, column in COLUMNS.items() if column.is_common)


def kinds_of_columns(columns: AbstractSet[str]) -> set[str]:
    """Return the kinds that rows with these columns filled can be.

    A column that only one kind has decides it. A column of several kinds decides the first of them, unless it belongs
    to a kind that is already decided.
    """
    telling = columns & TELLING
    decided = {kind for name in telling - COMMON if len(KINDS_WITH[name]) == 1 for kind in KINDS_WITH[name]}
    if not decided:
        common = {kind for name in telling & COMMON if len(KINDS_WITH[name]) == 1 for kind in KINDS_WITH[name]}
        decided = {kind for kind in common if KINDS[kind].decided_beside <= columns}
    others = [name for name in telling - COMMON if decided.isdisjoint(KINDS_WITH[name])]
    return decided | {next(kind for kind in KINDS if kind in KINDS_WITH[name]) for name in others}


# ---- the headers of all kinds


def _headers(texts: Iterable[tuple[str, str]]) -> dict[str, str]:
    return {header: name for name, headers in texts for header in headers.split()}


#: Our columns by their own names, in canonical form.
OWN: Final = {canonical(name): name for name in COLUMNS}
#: By kind: other headers that mean a column in any sheet. No list of another kind has such a header.
CLEAR: Final = {
    kind.name: _headers((column.name, column.headers) for column in kind.columns) for kind in KINDS.values()
}
#: By kind: headers that mean a column only in a sheet that is known to be of the kind.
IN_SHEETS_OF: Final = {
    kind.name: _headers((column.name, column.headers_of_kind) for column in kind.columns) for kind in KINDS.values()
}
#: Headers that may say that a row repeats.
MAYBE_REPEATING: Final = frozenset(
    header
    for kind in KINDS.values()
    for header, doubts in kind.doubtful.items()
    if any(doubt.column == "repeat" for doubt in doubts)
)
#: Every header that is known in any sheet, whatever its meaning in this one.
KNOWN: Final = frozenset().union(OWN, *CLEAR.values(), *IN_SHEETS_OF.values())
