"""A mapping as the text of its file; `mapping.read_mapping` reads the same out of it. Opens no file."""

from __future__ import annotations

import tomllib
from collections import abc
from dataclasses import dataclass, field, fields
from datetime import date
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, TypeVar

from importer.cells import BLANKS, canonical
from importer.errors import SettingsError
from importer.kinds.registry import COLUMNS, OWN, RIGHTS
from importer.normalizer.nearest import nearest
from importer.normalizer.plausibility import Checks, Level
from importer.normalizer.times.moments import Choice, DateOrder, TimeRules
from importer.normalizer.unreadable import Unreadable
from importer.quoting import escape_unprintable, quote

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator


# ---- The user's mapping file: which header is which column, and what holds for every row. Opens no file


if TYPE_CHECKING:
    Texts = abc.Mapping[str, str]

Option = TypeVar("Option", bound=StrEnum)

NOT_USED = ""  #: what a header leads to that is not used on purpose
NO_HEADER = 0  #: the header row of a source that has none: its headers are the letters of its columns

_LAST_ROW = 1_048_576  # of a spreadsheet
_HUGE = 10**40  # Python refuses to write out numbers of more than 4,300 digits; no id is that large
_SECTIONS = ("columns", "constants", "defaults", "times", "checks")
_TIMES: Final[dict[str, type[StrEnum]]] = {"date_order": DateOrder, "twice": Choice, "skipped": Choice}
_CHECKS: Final[dict[str, type[StrEnum]]] = {check.name: Level for check in fields(Checks)}


@dataclass(frozen=True, slots=True)
class Mapping:
    """What the user said of the sources."""

    columns: Texts = field(default_factory=dict)  #: header, trimmed -> column of ours, or NOT_USED
    constants: Texts = field(default_factory=dict)  #: column of ours -> its text in every row, whatever the cell says
    defaults: Texts = field(default_factory=dict)  #: column of ours -> its text where the cell is empty
    header_row: int | None = None  #: as a spreadsheet numbers it; NO_HEADER; None: to be found
    times: TimeRules = field(default_factory=TimeRules)  #: what doubtful date-times mean
    checks: Checks = field(default_factory=Checks)  #: how sense checks count


NO_MAPPING: Final = Mapping()


def read_mapping(text: str | abc.Mapping[str, Any], name: str) -> Mapping:
    """Read a mapping file's text; `name` is the file's.

    Raises:
        SettingsError: it is no TOML, or says something that cannot be.
    """
    document = _parse(text, name)
    constants = _read_given(document, "constants", name)
    defaults = _read_given(document, "defaults", name)
    for column in defaults.keys() & constants.keys():
        raise SettingsError(
            f"{quote(name)} has {column} in [constants] and in [defaults]",
            hint="keep one of them: a constant holds for every row, a default where the cell is empty",
        )
    return Mapping(
        _read_columns(document, name),
        constants,
        defaults,
        _read_header_row(document, name),
        TimeRules(**_read_options(document, "times", _TIMES, name)),
        Checks(**_read_options(document, "checks", _CHECKS, name)),
    )


def refuse_lost_headers(mapping: Mapping, name: str, found: Collection[str], headers: Iterable[str]) -> None:
    """See that every header of a mapping stands in some sheet; `name` is the mapping file's.

    `found` are those of the mapping that some sheet has (`Layout.mapped`), `headers` all that the sheets have.

    Raises:
        SettingsError: some stand in none; each named with the nearest that do.
    """
    lost = [header for header in mapping.columns if header not in found]
    if not lost:
        return
    known = list(dict.fromkeys(text for header in headers if (text := header.strip(BLANKS))))
    nears = {header: near for header in lost if (near := nearest(header, known))}
    hints = [f"for {quote(header)} write {_any_of(map(quote, near))}" for header, near in nears.items()]
    raise SettingsError(
        f"{quote(name)}, [columns]: no sheet has the header {', '.join(map(quote, lost))}",
        hint="; ".join(hints) or "write the headers as they stand in the source, or take them out of the mapping",
    )


def _parse(text: str | abc.Mapping[str, Any], name: str) -> dict[str, Any]:
    try:
        document = tomllib.loads(text.removeprefix("\ufeff")) if isinstance(text, str) else dict(text)
    except (ValueError, RecursionError) as error:
        reason = (
            str(error)
            if isinstance(error, tomllib.TOMLDecodeError)
            else "it is nested too deep, or a number is too long"
        )
        raise SettingsError(
            f"{quote(name)} is no TOML: {escape_unprintable(reason)}",
            hint='write lines such as "Trainee" = "shadow_user_id" below [columns]',
        ) from error
    for key, value in document.items():
        _check_key(key, value, name)
    return document


def _check_key(key: str, value: object, name: str) -> None:
    is_section = key in _SECTIONS
    if not is_section and key != "header_row":
        what = "section" if isinstance(value, dict) else "key"
        hint = _hint(key, [*(f"[{section}]" for section in _SECTIONS), "header_row"])
        raise SettingsError(f"{quote(name)} has a {what} {quote(key)}, which a mapping does not have", hint=hint)
    if is_section and not isinstance(value, dict):
        raise SettingsError(f"{quote(name)}: {key} is no section", hint=f"write [{key}] and its lines below it")


def _read_columns(document: dict[str, Any], name: str) -> dict[str, str]:
    columns: dict[str, str] = {}
    for key, value in document.get("columns", {}).items():
        header = key.strip(BLANKS)
        if not header:
            raise _wrong(name, "columns", key, "is no header", "write the header as it stands in the source")
        column = _read_column(key, value, name)
        if columns.get(header, column) != column:
            raise _wrong(name, "columns", key, "stands there twice", "keep one of them")
        columns[header] = column
    return columns


def _read_column(header: str, value: object, name: str) -> str:
    if not isinstance(value, str):
        hint = "write header_row above the first section" if header == "header_row" else "write it in quotes"
        raise _wrong(name, "columns", header, "leads to something that is no text", hint)
    text = value.strip(BLANKS)
    if text in ("", "-"):
        return NOT_USED
    if (column := OWN.get(canonical(text))) is None:
        raise _wrong(
            name, "columns", header, f"leads to {quote(text)}, which is no column of ours", _hint(text, COLUMNS)
        )
    return column


def _read_given(document: dict[str, Any], section: str, name: str) -> dict[str, str]:
    given: dict[str, str] = {}
    for key, value in document.get(section, {}).items():
        if (column := OWN.get(canonical(key))) is None:
            raise _wrong(name, section, key, "is no column of ours", _hint(key, COLUMNS))
        if column in given:
            raise _wrong(name, section, key, "stands there twice", "keep one of them")
        given[column] = _read_text(section, column, value, name)
    return given


def _read_text(section: str, column: str, value: object, name: str) -> str:
    right = RIGHTS[column]
    text = _text(value)
    if text is None:
        raise _wrong(name, section, column, "is no text", f"write it in quotes: {right}")
    if not text:
        raise _wrong(name, section, column, "is empty", f"{right}, or take the line out")
    read = COLUMNS[column].read  # of names of which there are only so many: judged before any row
    fault = read(text) if read else None
    if isinstance(fault, Unreadable):
        raise _wrong(name, section, column, f"is {quote(text)}{fault.reason}", fault.hint or right)
    return text


def _text(value: object) -> str | None:
    """Give a value as the text that a cell would have; None for what is no value of a cell."""
    if isinstance(value, str):
        return value.strip(BLANKS)
    if isinstance(value, date):  # a date-time is one, too
        return value.isoformat()
    is_number = isinstance(value, int) and not isinstance(value, bool) and abs(value) < _HUGE
    return str(value) if is_number else None


def _read_header_row(document: dict[str, Any], name: str) -> int | None:
    value = document.get("header_row")
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not NO_HEADER <= value <= _LAST_ROW:
        raise SettingsError(
            f"{quote(name)}: header_row is {_shown(value)}, and that is no row",
            hint="write the number of the row that the header stands in, such as 4, or 0 where there is none",
        )
    return value


def _read_options(
    document: dict[str, Any], section: str, options: dict[str, type[StrEnum]], name: str
) -> dict[str, Any]:
    found = {}
    for key, value in document.get(section, {}).items():
        if key not in options:
            raise _wrong(name, section, key, "is nothing that can be set", _hint(key, options))
        try:
            found[key] = options[key](value.casefold() if isinstance(value, str) else value)
        except ValueError:
            hint = f"write {_any_of(quote(choice) for choice in options[key])}"
            raise _wrong(name, section, key, f"is {_shown(value)}", hint) from None
    return found


def _wrong(name: str, section: str, key: str, reason: str, hint: str) -> SettingsError:
    shown = quote(key) if section == "columns" or key not in COLUMNS else key
    return SettingsError(f"{quote(name)}, [{section}]: {shown} {reason}", hint=hint)


def _hint(text: str, choices: Iterable[str]) -> str:
    choices = list(choices)
    near = nearest(text, choices)
    return f"write {near[0]}" if near else f"write one of {', '.join(choices)}"


def _any_of(words: Iterable[str]) -> str:
    return " or ".join(words)


def _shown(value: object) -> str:
    if isinstance(value, str):
        return quote(value)
    return str(value).lower() if isinstance(value, bool | float) else _text(value) or "nothing that can stand there"


# ---- A mapping as the text of its file; `mapping.read_mapping` reads the same out of it. Opens no file


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
