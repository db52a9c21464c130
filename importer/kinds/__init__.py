"""What a record kind is, in one file each: its columns, its record, its request, how answers are read, its words.

A kind is every module of this package that has a `KIND`; here they stand by their names, and their columns, headers
and words together. docs/targets.md says what else a new kind needs.
"""

from __future__ import annotations

import re
from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Final

from importer.cells import Unreadable, canonical
from importer.kinds.kind import Column, RecordKind, option

if TYPE_CHECKING:
    from collections.abc import Iterable
    from collections.abc import Set as AbstractSet

    from importer.kinds.kind import Names
    from importer.records import ReportLine, TargetName


def _find_kinds() -> dict[str, RecordKind]:
    modules = (import_module(f"{__name__}.{one.name}") for one in iter_modules(__path__))
    found = [kind for module in modules if isinstance(kind := getattr(module, "KIND", None), RecordKind)]
    return {kind.name: kind for kind in sorted(found, key=lambda kind: kind.position)}


KINDS: Final = _find_kinds()


#: The kinds whose records are shifts -> who has one, by its key.
SHIFTS: Final = {kind.name: kind.shift for kind in KINDS.values() if kind.shift is not None}


def tell_line(line: ReportLine, names: Names, *, is_named: bool = False) -> str:
    """Return what a line is about as a sentence, names before ids; empty where it has no record.

    With `is_named` it is empty where none of its names is known, too.
    """
    kind = KINDS.get(line.kind or "")
    if kind is None or line.key is None:
        return ""
    if is_named and not any(names.find(one.what, one.id) for one in kind.subjects(line.key)):
        return ""
    return kind.tell(line.key, names, line.zone)


def kinds_of(target: TargetName) -> list[RecordKind]:
    """List the kinds that a target takes."""
    return [kind for kind in KINDS.values() if kind.target is target]


def can_delete(target: TargetName) -> bool:
    """Return whether a target can delete records of some kind."""
    return any(kind.removal is not None for kind in kinds_of(target))


def any_of(words: Iterable[str]) -> str:
    """Join words to a choice: `schedule, shadow or override`."""
    *others, last = words
    return f"{', '.join(others)} or {last}" if others else last


# ---- the words that name a kind


#: The words that name a kind, in their canonical form -> the kind.
KIND_WORDS: Final = {word: kind.name for kind in KINDS.values() for word in kind.words}
_IN_CELLS = KIND_WORDS | {f"oncall{word}": name for word, name in KIND_WORDS.items()}
_LONGEST_NAME = 40  # no name is longer; saves folding a text of a megabyte
_HUMPS = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_LETTERS = re.compile(r"[^\W\d_]+")
_NO_KIND = Unreadable(topic="no kind of row")


def read_kind(text: str) -> str | Unreadable:
    """Read a cell of the column `kind`."""
    if len(text) > _LONGEST_NAME:
        return _NO_KIND
    return _IN_CELLS.get(text) or _IN_CELLS.get(canonical(text)) or _NO_KIND


def kind_of_name(name: str) -> str | None:
    """Return the kind that a sheet's name tells; None where it has no such word, or words of several."""
    words = _LETTERS.findall(_HUMPS.sub(" ", name))
    kinds = {KIND_WORDS[word.casefold()] for word in words if word.casefold() in KIND_WORDS}
    return kinds.pop() if len(kinds) == 1 else None


# ---- the columns of all kinds


KIND_COLUMN: Final = option("kind", f"write {any_of(KINDS)}", choices=tuple(KINDS), read=read_kind)


def _gather_columns() -> dict[str, Column]:
    columns = {KIND_COLUMN.name: KIND_COLUMN}
    for kind in KINDS.values():
        for column in kind.columns:
            columns.setdefault(column.name, column)
    return columns


#: Every column of ours by its name, in their order; one that several kinds have is described by the first of them.
COLUMNS: Final = _gather_columns()
#: What to write into a column, by its name.
RIGHTS: Final = {name: column.right for name, column in COLUMNS.items()}
#: The kinds that have a column; `kind` itself is none's.
KINDS_WITH: Final = {
    name: frozenset(kind.name for kind in KINDS.values() if any(column.name == name for column in kind.columns))
    for name in COLUMNS
}
TELLING: Final = frozenset(column.name for kind in KINDS.values() for column in kind.columns if column.is_telling)
#: Columns whose other headers say what a sheet holds, whatever the sheet is called.
TELLING_IN_SPITE: Final = frozenset(name for name, column in COLUMNS.items() if column.outdoes_name)
#: Columns whose names are common words, which only sheets of their kinds have.
COMMON: Final = frozenset(name for name, column in COLUMNS.items() if column.is_common)


def kinds_told_by(columns: AbstractSet[str]) -> set[str]:
    """Return the kinds that rows with these columns filled can be of.

    A column that one kind alone has tells it. What several have tells the first of them, unless a kind that is told
    already has it.
    """
    telling = columns & TELLING
    told = {kind for name in telling - COMMON if len(KINDS_WITH[name]) == 1 for kind in KINDS_WITH[name]}
    if not told:
        common = {kind for name in telling & COMMON if len(KINDS_WITH[name]) == 1 for kind in KINDS_WITH[name]}
        told = {kind for kind in common if KINDS[kind].told_beside <= columns}
    others = [name for name in telling - COMMON if told.isdisjoint(KINDS_WITH[name])]
    return told | {next(kind for kind in KINDS if kind in KINDS_WITH[name]) for name in others}


# ---- the headers of all kinds


def _headers(texts: Iterable[tuple[str, str]]) -> dict[str, str]:
    return {header: name for name, headers in texts for header in headers.split()}


#: Our columns by their own names, in their canonical form.
OWN: Final = {canonical(name): name for name in COLUMNS}
#: By kind: other headers that mean a column in any sheet. No list of another kind has such a header.
CLEAR: Final = {
    kind.name: _headers((column.name, column.headers) for column in kind.columns) for kind in KINDS.values()
}
#: By kind: what means a column only in a sheet that is known to be of the kind.
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
#: Every header that is known in some sheet; says nothing of its meaning in this one.
KNOWN: Final = frozenset().union(OWN, *CLEAR.values(), *IN_SHEETS_OF.values())
