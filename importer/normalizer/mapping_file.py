"""The mapping file's schema: parses its TOML with one clear sentence for each mistake, and writes it. Opens no file."""

from __future__ import annotations

import tomllib
from collections import abc
from collections.abc import Callable, Iterable, Iterator
from dataclasses import fields
from datetime import date, time
from enum import StrEnum
from typing import Any, Final, NoReturn, TypeAlias

from importer.cells import BLANKS, ROWS, Unreadable, canonical
from importer.errors import SettingsError
from importer.kinds import COLUMNS, OWN, RIGHTS
from importer.normalizer.date_times import is_clock
from importer.normalizer.fields import Checks, Level
from importer.normalizer.mapping import CLOCKS, NO_HEADER, NOT_USED, TIME_PARTS, Mapping, Matrix, Texts
from importer.normalizer.suggestions import nearest
from importer.normalizer.zones import Choice, TimeRules
from importer.settings.options import DateOrder
from importer.wording import as_sentence, escape_unprintable, is_unicode, quote

_HUGE = 10**40  # Python refuses to print numbers of more than 4,300 digits; no id is that large
_SHOWN = 12  # characters of a key that is not a header

#: Turns a table into a member of a `Mapping`; raises `_RefusedError`.
_Reader: TypeAlias = Callable[[object], Any]


def read_mapping(given: str | abc.Mapping[str, Any], name: str) -> Mapping:
    """Read a mapping file's text, or the same as a dict; `name` is the file's.

    Raises:
        SettingsError: it is not TOML, or has something invalid.
    """
    document = _parse(given, name) if isinstance(given, str) else given
    try:
        return _read_tables(document, _FILE)
    except _RefusedError as refused:
        raise refused.explain(name) from None


# ---- its tables


class _RefusedError(Exception):
    """A mistake in a mapping; the readers of outer tables add its place."""

    def __init__(self, reason: str, hint: str, key: str = "", *, is_unknown: bool = False) -> None:
        super().__init__(reason)
        self._reason = reason
        self._hint = hint
        self._key = key
        self._is_unknown = is_unknown
        self.tables: tuple[str, ...] = ()

    def explain(self, name: str) -> SettingsError:
        """Return an error that names the file, the table and the key in the user's words."""
        where, key = escape_unprintable(".".join(self.tables)), self._key
        if self._is_unknown:
            place = f", [{where}]," if where else ""
        elif not key:
            place = f": {where}"
        else:
            is_header = (self.tables or ("",))[-1] in ("columns", "rows", "fill") or key not in COLUMNS
            place = f"{f', [{where}]' if where else ''}: {quote(key) if is_header else key}"
        return SettingsError(f"{quote(name)}{place} {self._reason}", hint=self._hint)


def _refuse(reason: str, hint: str, key: str = "") -> NoReturn:
    raise _RefusedError(reason, hint, key)


def _read_tables(document: abc.Mapping[str, Any], known: abc.Mapping[str, _Reader]) -> Mapping:
    """Read the tables of a file or of a sheet; the first mistake is reported."""
    read_tables = {table: _within(table, read, document[table]) for table, read in known.items() if table in document}
    if unknown := next((str(key) for key in document if key not in known), ""):
        what = "table" if isinstance(document[unknown], abc.Mapping) else "key"
        names = ["header_row" if read is _read_header_row else f"[{table}]" for table, read in known.items()]
        words = f"has a {what} {quote(unknown)}, which a mapping does not have"
        raise _RefusedError(words, _nearest(unknown, names), is_unknown=True)
    constants = read_tables.get("constants", {}).keys()
    for column in read_tables.get("defaults", {}).keys() & constants:
        _refuse(
            "is in both [constants] and [defaults]",
            "Keep one of them: a constant holds for every row, a default where the cell is empty.",
            column,
        )
    for column in constants & set(read_tables["matrix"].columns if "matrix" in read_tables else ()):
        _refuse(
            "is in both [constants] and [matrix]",
            "Keep one of them: a constant holds for every cell, whatever its mark says.",
            column,
        )
    rows = read_tables.pop("rows", {})
    return Mapping(**read_tables, **rows)


def _within(table: str, read: _Reader, value: object) -> Any:
    try:
        return read(value)
    except _RefusedError as refused:
        refused.tables = (table, *refused.tables)
        raise


def _read_columns(table: object) -> dict[str, str]:
    columns: dict[str, str] = {}
    for key, value in _table(table).items():
        header = _header(key)
        column = _column(header, value)
        if columns.get(header, column) != column:
            _refuse("occurs twice", "Keep one of them.", header)
        columns[header] = column
    return columns


def _read_given(table: object) -> dict[str, str]:
    return {column: _cell_text(value, column, column) for column, value in _by_column(_table(table)).items()}


def _read_values(table: object) -> dict[str, dict[str, str]]:
    return {
        column: {key.strip(BLANKS): _cell_text(value, column, key) for key, value in _table(listed, column).items()}
        for column, listed in _by_column(_table(table)).items()
    }


def _read_rows(table: object) -> dict[str, dict[str, tuple[str, ...]]]:
    return {
        which: {_header(key): _texts(value, key) for key, value in _table(listed, which).items()}
        for which, listed in _table(table, known=("keep", "drop")).items()
    }


def _read_fill(table: object) -> tuple[str, ...]:
    return tuple(map(_header, _texts(_table(table, known=("down",)).get("down", []), "down")))


def _read_matrix(table: object) -> Matrix:
    options = _table(table, known=("across", "headers", "first", "cells", *CLOCKS, "marks"))
    across = _matrix_column(options, "across", also="date")
    headers = tuple(map(_header, _texts(options["headers"], "headers"))) if "headers" in options else ()
    if across not in ("", "date") and not headers:
        _refuse(
            f"is {across}, and nothing says which headers are",
            'Name them below [matrix]: headers = ["...", "..."].',
            "across",
        )
    marks = _table(options.get("marks", {}), "marks")
    return Matrix(
        across=across,
        headers=headers,
        first=_first_date(options["first"]) if "first" in options else "",
        cells=_matrix_column(options, "cells"),
        every={name: _clock(options[name], name) for name in CLOCKS if name in options},
        marks={mark.strip(BLANKS): dict(_mark(mark, meant)) for mark, meant in marks.items()},
    )


def _read_header_row(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not NO_HEADER <= value <= ROWS:
        _refuse(
            f"is {_shown(value)}, which is not a row",
            "Write the number of the header's row, such as 4, or 0 if there is none.",
        )
    return value


def _read_sheets(value: object) -> dict[str, Mapping]:
    def read_sheet(own: object) -> Mapping:
        return _read_tables(_table(own), _TABLES)

    return {name: _within(name, read_sheet, own) for name, own in _table(value, name="[sheets]").items()}


_TIMES: Final = {"date_order": DateOrder, "twice": Choice, "skipped": Choice}
#: The tables that apply to all sheets or to one, and their readers.
_TABLES: Final[dict[str, _Reader]] = {
    "columns": _read_columns,
    "constants": _read_given,
    "defaults": _read_given,
    "values": _read_values,
    "rows": _read_rows,
    "fill": _read_fill,
    "matrix": _read_matrix,
    "times": lambda table: TimeRules(**_options(table, _TIMES)),
    "checks": lambda table: Checks(**_options(table, {check.name: Level for check in fields(Checks)})),
}
_FILE: Final = _TABLES | {"header_row": _read_header_row, "sheets": _read_sheets}


# ---- its values


def _table(
    value: object, key: str = "", *, name: str = "its name in square brackets", known: Iterable[str] = ()
) -> abc.Mapping[str, Any]:
    """Return a table; refuse keys that are not in `known`, if that is given."""
    if not isinstance(value, abc.Mapping):
        _refuse("is not a table", f"Write {name} and its lines below it.", key)
    if unknown := next((key for key in value if known and key not in known), None):
        _refuse("is not an option", _nearest(unknown, known), unknown)
    return value


def _header(key: object) -> str:
    header = key.strip(BLANKS) if isinstance(key, str) else ""
    if not header:
        _refuse("is not a header", "Write the header as it is in the source.", str(key)[:_SHOWN])
    return header


def _texts(value: object, key: str) -> tuple[str, ...]:
    texts = [_plain(one) for one in (value if isinstance(value, list | tuple) else [value])]
    if not texts or None in texts:
        _refuse("is not a list of texts", f'Write it as {quote(key)} = ["...", "..."].', key)
    return tuple(text for text in texts if text is not None)


def _column(header: str, value: object) -> str:
    if not isinstance(value, str):
        is_misplaced = header == "header_row"
        _refuse(
            "is mapped to something that is not text",
            "Write header_row above the first table." if is_misplaced else "Write it in quotes.",
            header,
        )
    text = value.strip(BLANKS)
    if text in ("", "-"):
        return NOT_USED
    known = OWN | _PARTS
    if canonical(text) not in known and (own := known.get(canonical(header))):
        _refuse(f"is mapped to {quote(text)}", f'Write the header first: {quote(text)} = "{own}".', header)
    return _ours(text, known, f"is mapped to {quote(text)}, which is not one of our columns", header)


def _ours(text: str, known: abc.Mapping[str, str], reason: str, key: str) -> str:
    """Return our column, or time part, with this name; refuse others."""
    column = known.get(canonical(text))
    if column is None:
        _refuse(reason, _nearest(text, known.values()), key)
    return column


_PARTS: Final = {canonical(part): part for part in TIME_PARTS}
_CLOCKS: Final = {canonical(part): part for part in CLOCKS}
_IN_MATRIX: Final = {word: column for word, column in OWN.items() if column != "kind"}


def _by_column(table: abc.Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in table.items():
        column = _ours(key, OWN, "is not one of our columns", key)
        if column in found:
            _refuse("occurs twice", "Keep one of them.", key)
        found[column] = value
    return found


def _cell_text(value: object, column: str, key: str) -> str:
    right = RIGHTS[column]
    text = _plain(value)
    if text is None:
        _refuse("is not text", f"Write it in quotes. {as_sentence(right)}", key)
    if not text:
        _refuse("is empty", f"{as_sentence(right)} Or delete the line.", key)
    read = COLUMNS[column].read  # a column with a fixed set of words: checked before any row
    fault = read(text) if read else None
    if isinstance(fault, Unreadable):
        _refuse(f"is {quote(text)}{fault.reason}", as_sentence(fault.hint or right), key)
    return text


def _plain(value: object) -> str | None:
    """Return a value as the text that a cell would have; None if it cannot be a cell's."""
    if isinstance(value, str):
        return value.strip(BLANKS)
    if isinstance(value, date):  # a date-time is one, too
        return value.isoformat()
    is_number = isinstance(value, int) and not isinstance(value, bool) and abs(value) < _HUGE
    return str(value) if is_number else None


def _matrix_column(table: abc.Mapping[str, Any], key: str, also: str = "") -> str:
    if key not in table:
        return ""
    text = _plain(table[key]) or ""
    if also and canonical(text) == also:
        return also
    return _ours(text, _IN_MATRIX, f"is {quote(text)}, which is not a column that a mark can fill", key)


def _mark(mark: str, meant: object) -> Iterator[tuple[str, str]]:
    """Yield the meaning of a mark; `{}` and an empty text mean nobody."""
    if not mark.strip(BLANKS):
        _refuse("is empty", "An empty cell is nobody; delete the line.", "mark")
    for key, value in {} if meant == "" else _table(meant, mark).items():
        reason = f"names {quote(key)}, which is not a column that a mark can fill"
        column = _ours(key, _IN_MATRIX | _CLOCKS, reason, mark)
        yield column, _clock(value, key) if column in CLOCKS else _cell_text(value, column, key)


def _clock(value: object, key: str) -> str:
    text = str(value) if isinstance(value, time) else _plain(value) or ""
    if not is_clock(text):
        _refuse(f"is {quote(text)}, which is not a time of day", f'Write it as {key} = "08:00".', key)
    return text


def _first_date(value: object) -> str:
    try:
        return date.fromisoformat(_plain(value) or "").isoformat()
    except ValueError:
        _refuse(f"is {_shown(value)}, which is not a date", "Write it as first = 2027-03-01.", "first")


def _options(value: object, options: dict[str, type[StrEnum]]) -> dict[str, Any]:
    found = {}
    for key, choice in _table(value, known=options).items():
        try:
            found[key] = options[key](choice.casefold() if isinstance(choice, str) else choice)
        except ValueError:
            _refuse(f"is {_shown(choice)}", f"Write {' or '.join(map(quote, options[key]))}.", key)
    return found


# ---- sentences


def _parse(text: str, name: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text.removeprefix("\ufeff"))
    except (ValueError, RecursionError) as error:
        is_syntax = isinstance(error, tomllib.TOMLDecodeError)
        reason = str(error) if is_syntax else "it is nested too deeply, or a number is too long"
        raise SettingsError(
            f"{quote(name)} is not TOML: {escape_unprintable(reason)}",
            hint='Write lines such as "Trainee" = "shadow_user_id" below [columns].',
        ) from error


def _nearest(text: str, choices: Iterable[str]) -> str:
    known = list(choices)
    near = nearest(text, known)
    return f"Write {near[0]}." if near else f"Write one of {', '.join(known)}."


def _shown(value: object) -> str:
    if isinstance(value, str):
        return quote(value)
    return str(value).lower() if isinstance(value, bool | float) else _plain(value) or "nothing that can stand there"


# ---- written


_SHORT: Final = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}
_TABLES_OF_USER = ("columns", "values.", "rows.", "matrix.marks")  # whose keys are the user's words
_ALIGNED = ("columns", "values.")
_Value: TypeAlias = str | abc.Sequence[str] | Texts


def write_mapping(mapping: Mapping) -> str:
    """Return a mapping as TOML.

    Raises:
        SettingsError: a text has half a character, which no file can hold.
    """
    lines = [] if mapping.header_row is None else [f"header_row = {mapping.header_row}"]
    lines += _tables(mapping, "")
    for name, own in mapping.sheets.items():
        lines += _tables(own, f"sheets.{_quoted(name)}.")
    return "\n".join(lines).lstrip("\n") + "\n"


def _tables(mapping: Mapping, prefix: str) -> Iterator[str]:
    matrix = mapping.matrix
    tables: dict[str, abc.Mapping[str, _Value]] = {
        "columns": mapping.columns,
        "constants": mapping.constants,
        "defaults": mapping.defaults,
        **{f"values.{column}": texts for column, texts in mapping.values.items()},
        "rows.keep": mapping.keep,
        "rows.drop": mapping.drop,
        "fill": {"down": mapping.fill} if mapping.fill else {},
        "matrix": _matrix(matrix) if matrix else {},
        "matrix.marks": matrix.marks if matrix else {},
        "times": _chosen(mapping.times),
        "checks": _chosen(mapping.checks),
    }
    for name, table in tables.items():
        if table or (name == "matrix" and matrix is not None):
            yield from ("", f"[{prefix}{name}]", *_lines(name, table))
            if not table:
                yield "# dates across, people down"


def _matrix(matrix: Matrix) -> dict[str, _Value]:
    texts = {"across": matrix.across, "cells": matrix.cells, "first": matrix.first, **matrix.every}
    return {key: value for key, value in {**texts, "headers": matrix.headers}.items() if value}


def _chosen(options: TimeRules | Checks) -> dict[str, str]:
    return {one.name: value for one in fields(options) if (value := getattr(options, one.name)) is not None}


def _lines(name: str, table: abc.Mapping[str, _Value]) -> Iterator[str]:
    keys = {key: _quoted(key) if name.startswith(_TABLES_OF_USER) else key for key in table}
    # One long line must not push all others to the right.
    width = min(max(map(len, keys.values()), default=0), 40) if name.startswith(_ALIGNED) else 0
    for key, value in table.items():
        yield f"{keys[key]:<{width}} = {_written(value)}"


def _written(value: _Value) -> str:
    if isinstance(value, str):
        return _quoted(value)
    if isinstance(value, abc.Mapping):
        return f"{{ {', '.join(f'{key} = {_quoted(text)}' for key, text in value.items())} }}" if value else "{}"
    return f"[{', '.join(map(_quoted, value))}]"


def _quoted(text: str) -> str:
    if not is_unicode(text):
        raise SettingsError(f"{quote(text)} holds half a character, which a mapping file cannot", hint="Rename it.")
    return f'"{"".join(_SHORT.get(char) or (char if char.isprintable() else _code(char)) for char in text)}"'


def _code(char: str) -> str:
    return f"\\u{ord(char):04x}" if ord(char) < 0x10000 else f"\\U{ord(char):08x}"
