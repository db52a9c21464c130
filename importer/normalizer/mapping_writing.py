"""A mapping as the text of its file; `mapping.read_mapping` reads the same out of it. Opens no file."""

from __future__ import annotations

from collections import abc
from dataclasses import fields
from typing import TYPE_CHECKING, Final

from importer.errors import SettingsError
from importer.normalizer.mapping import NO_MAPPING
from importer.normalizer.wording import quote

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from importer.normalizer.mapping import Mapping
    from importer.normalizer.sense import Checks
    from importer.normalizer.times import TimeRules

_SHORT: Final = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}
_NO_NOTES: Final[abc.Mapping[str, str]] = {}


def write_mapping(mapping: Mapping, notes: abc.Mapping[str, str] = _NO_NOTES) -> str:
    """Write a mapping as TOML; `notes` are comments to headers, put above their lines.

    Raises:
        SettingsError: a text holds half a character, which no file can.
    """
    lines = [] if mapping.header_row is None else [f"header_row = {mapping.header_row}"]
    sections = {
        "columns": list(_columns(mapping.columns, notes)),
        "constants": [f"{column} = {_quoted(text)}" for column, text in mapping.constants.items()],
        "defaults": [f"{column} = {_quoted(text)}" for column, text in mapping.defaults.items()],
        "times": list(_options(mapping.times, NO_MAPPING.times)),
        "checks": list(_options(mapping.checks, NO_MAPPING.checks)),
    }
    for section, content in sections.items():
        if content:
            lines += ["", f"[{section}]", *content]
    return "\n".join(lines).lstrip("\n") + "\n"


def _columns(columns: abc.Mapping[str, str], notes: abc.Mapping[str, str]) -> Iterator[str]:
    keys = {header: _quoted(header) for header in columns}
    width = max(map(len, keys.values()), default=0)
    for header, column in columns.items():
        if note := notes.get(header):
            yield f"# {_escaped(note, {})}"
        # An outlier must not push all others to the right.
        yield f"{keys[header]:<{min(width, 40)}} = {_quoted(column)}"


def _options(chosen: TimeRules | Checks, usual: TimeRules | Checks) -> Iterator[str]:
    """Write what differs from the usual."""
    for option in fields(chosen):
        value = getattr(chosen, option.name)
        if value != getattr(usual, option.name):
            yield f"{option.name} = {_quoted(value)}"


def _quoted(text: str) -> str:
    if any("\ud800" <= char <= "\udfff" for char in text):
        raise SettingsError(f"{quote(text)} holds half a character, which a mapping file cannot", hint="rename it")
    return f'"{_escaped(text, _SHORT)}"'


def _escaped(text: Iterable[str], short: abc.Mapping[str, str]) -> str:
    return "".join(short.get(char) or (char if char.isprintable() else _code(char)) for char in text)


def _code(char: str) -> str:
    return f"\\u{ord(char):04x}" if ord(char) < 0x10000 else f"\\U{ord(char):08x}"
