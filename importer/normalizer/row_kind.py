"""What kind of record a row makes: by its own cell, by its sheet, by the columns filled."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from importer.normalizer.aliases import canonical
from importer.normalizer.columns import COLUMNS
from importer.normalizer.unreadable import Unreadable
from importer.records import Kind

if TYPE_CHECKING:
    from importer.normalizer.fields import Fields


_WORDS = {"schedule": Kind.SCHEDULE, "schedules": Kind.SCHEDULE, "shadow": Kind.SHADOW, "shadows": Kind.SHADOW}
_NAMES = _WORDS | {f"oncall{word}": kind for word, kind in _WORDS.items()}
_LONGEST_NAME = 40  # no name is longer; saves folding a text of a megabyte
_HUMPS = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_LETTERS = re.compile(r"[^\W\d_]+")
_TELLING = {
    kind: tuple(column.name for column in COLUMNS if column.is_telling and column.kind is kind) for kind in Kind
}
_NO_KIND = Unreadable(topic="no kind of row")


def read_kind(text: str) -> Kind | Unreadable:
    """Read a cell of the column `kind`."""
    if len(text) > _LONGEST_NAME:
        return _NO_KIND
    return _NAMES.get(text) or _NAMES.get(canonical(text)) or _NO_KIND


def kind_of_name(name: str) -> Kind | None:
    """Tell the kind by a sheet's name; None where it has no such word, or words of both."""
    words = _LETTERS.findall(_HUMPS.sub(" ", name))
    kinds = {_WORDS[word.casefold()] for word in words if word.casefold() in _WORDS}
    return kinds.pop() if len(kinds) == 1 else None


def kind_of_columns(fields: Fields) -> Kind | None:
    """Tell the kind by the columns filled; None where columns of both kinds are, or of none.

    Constants and defaults do not count: they are the same for rows of both kinds.
    """
    kinds = [kind for kind, columns in _TELLING.items() if any(map(fields.is_in_row, columns))]
    return kinds[0] if len(kinds) == 1 else None


def note_undecided(fields: Fields) -> None:
    """Note that nothing says what the row is, and why."""
    filled = any(fields.is_in_row(column) for columns in _TELLING.values() for column in columns)
    reason = "columns of both are filled" if filled else "no column of either is filled"
    fields.note(
        "kind",
        f"kind is not told: the row could be a schedule or a shadow, {reason}",
        "write schedule or shadow in the column kind, or name the sheet Schedules or Shadows",
        f"kind is not told: {reason}",
    )
