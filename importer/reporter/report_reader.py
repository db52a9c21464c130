"""Reads a report back: separates the product's columns from the source's own, and parses them. Pure; opens nothing.

A person may have edited it in a spreadsheet: columns moved or deleted, lines added, numbers written as `7.0`. What is
not understood becomes a problem of its row and is never guessed: a wrong guess could send a record twice.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from importer.cells import cell_name
from importer.errors import SourceError
from importer.kinds import KINDS, any_of
from importer.records import PRODUCT_COLUMNS, Outcome, Problem, Row, Sheet, read_part
from importer.reporter.columns import DIGEST_COLUMN, PLAIN_HEADERS, TO_MEND, number_repeats
from importer.reporter.formula_guard import unguard
from importer.statuses import RUN_STATUSES, Status
from importer.wording import quote

_STATUSES = {status.value: status for status in Status}
_is_whole = re.compile(r"[0-9]{1,15}(?:\.0*)?").fullmatch  # as many digits as a spreadsheet's number keeps
# What a rerun depends on: the column, whether its text (stripped and casefolded) is understood, and the hint.
_NEEDED: tuple[tuple[str, Callable[[str], object], str], ...] = (
    (
        "import_row",
        lambda text: _whole(text) > 0,
        "Put back the row's number in the source, or empty the cell if the line is new.",
    ),
    (
        "import_part",
        read_part,
        "Put back the part, such as 3 of 12; a spreadsheet makes a date of a part such as 3/12.",
    ),
    (
        "import_kind",
        KINDS.__contains__,
        f"Write {any_of(KINDS)}, or empty the cell.",
    ),
    (
        "import_status",
        _STATUSES.__contains__,
        f"Write one of {', '.join(RUN_STATUSES)}, or empty the cell if the line is new.",
    ),
)
_PRODUCT = {name: name for name in PRODUCT_COLUMNS} | {
    header.casefold(): column for header, column in PLAIN_HEADERS.items()
}


def product_column(text: str) -> str:
    """Return the product's column that a header names, also in plain words; empty if it names none."""
    return _PRODUCT.get(_name(text), "")


@dataclass(frozen=True, slots=True)
class Carried:
    """One line of a report read again."""

    row: Row  #: the source's own cells under the source's own number; `line` is its place in the report
    sheet: str  #: the sheet it came from; empty if the line was added by hand
    part: str  #: "3 of 12" if the row makes several records, else empty
    kind: str | None  #: None if the line does not say
    outcome: Outcome | None  #: None if the line has no status: never attempted, or a problem says why
    source: str = ""  #: the source it came from; empty if the line does not say
    is_numbered: bool = True  #: the line says which row of its source it is
    mapping: str = ""  #: the id of the mapping by which it was read; empty if there was none
    digest: str = ""  #: of the source's own cells when the report was written; empty if the report has none


def is_report(header: Sequence[str]) -> bool:
    """Return whether a table is a report: it has `import_row` and `import_status`."""
    return {"import_row", "import_status"} <= {_name(text) for text in header}


def is_of_mender(sheet: Sheet) -> bool:
    """Return whether a report's table is the sheet To mend, by its name or by its plain headers."""
    names = {_name(text) for text in sheet.header}
    is_plain = {header.casefold() for header in PLAIN_HEADERS} <= names
    return sheet.name == TO_MEND or (is_plain and "import_error" not in names)


def split(sheet: Sheet) -> Splitter:
    """Separate the product's columns of a report from the source's own.

    Raises:
        SourceError: the table is no report.
    """
    if not is_report(sheet.header):
        raise SourceError(
            f"{quote(sheet.source)} is not a report: it lacks the columns import_row and import_status",
            hint="Give a run's folder, or its report.csv or report.xlsx with these two columns left in.",
        )
    product: dict[str, int] = {}
    own = []
    is_plain = is_of_mender(sheet)
    for index, text in enumerate(sheet.header):
        name = product_column(text) if is_plain else _name(text)
        if name in (*PRODUCT_COLUMNS, DIGEST_COLUMN) and name not in product:
            product[name] = index
        else:
            own.append(index)
    positions = tuple(sheet.positions[index] for index in own)
    return Splitter(
        header=tuple(unguard(sheet.header[index]) for index in own),
        positions=positions,
        places=positions,
        is_of_mender=is_plain,
        _own=tuple(own),
        _product={name: (index, sheet.positions[index]) for name, index in product.items()},
    )


@dataclass(frozen=True, slots=True)
class Splitter:
    """Splits the lines of one report into the product's columns and the source's own."""

    header: tuple[str, ...]  #: the source's own columns, unguarded
    positions: tuple[int, ...]  #: for each of them its 0-based column in the report
    places: tuple[int, ...]  #: the same in this table, if two were united; -1: nowhere
    is_of_mender: bool  #: the table is the sheet To mend
    _own: tuple[int, ...]  # for each of them its place in a row's cells; -1: nowhere
    _product: Mapping[str, tuple[int, int]]  # name -> place in a row's cells, 0-based column of the report

    def unite(self, other: Splitter) -> tuple[Splitter, Splitter]:
        """Return both with the same own columns: those of this table, then what only the other has."""
        keys, other_keys = number_repeats(self.header), number_repeats(other.header)
        found = {key: index for index, key in enumerate(other_keys)}
        more = [index for index, key in enumerate(other_keys) if key not in set(keys)]
        chosen = [*(found.get(key, -1) for key in keys), *more]
        header = (*self.header, *(other.header[index] for index in more))
        positions = (*self.positions, *(other.positions[index] for index in more))
        nowhere = (-1,) * len(more)
        return (
            replace(self, header=header, positions=positions, places=self.places + nowhere, _own=self._own + nowhere),
            replace(
                other,
                header=header,
                positions=positions,
                places=tuple((*other.places, -1)[index] for index in chosen),
                _own=tuple((*other._own, -1)[index] for index in chosen),
            ),
        )

    def carry(self, row: Row) -> Carried:
        """Split one line; what cannot be understood is added to its row's problems."""
        cells = (*row.cells, "")
        texts = dict.fromkeys(PRODUCT_COLUMNS, "")
        texts.update({name: unguard(row.cells[place]) for name, (place, _) in self._product.items()})
        number = _whole(texts["import_row"]) or row.place
        return Carried(
            row=Row(
                number=number,
                cells=tuple(unguard(cells[place]) for place in self._own),
                line=row.place if row.place != number else 0,
                problems=(*row.problems, *self._problems(texts, row)),
                shown=tuple((self._own.index(place), text) for place, text in row.shown if place in self._own),
            ),
            sheet=texts["import_sheet"],
            part=read_part(texts["import_part"]) or texts["import_part"].strip(),
            kind=kind if (kind := _name(texts["import_kind"])) in KINDS else None,
            outcome=_outcome(texts),
            source=texts["import_source"],
            is_numbered=_whole(texts["import_row"]) > 0,
            mapping=texts["import_mapping"].strip(),
            digest=texts.get(DIGEST_COLUMN, "").strip(),
        )

    def _problems(self, texts: Mapping[str, str], row: Row) -> Iterator[Problem]:
        for column, is_understood, hint in _NEEDED:
            text = _name(texts[column])
            if text and not is_understood(text):
                yield Problem(
                    message=f"{column} is {quote(texts[column])}, which cannot be understood.",
                    hint=hint,
                    column=column,
                    cell=cell_name(self._product[column][1], row.place),
                    topic=f"{column} cannot be understood",
                )


def _outcome(texts: Mapping[str, str]) -> Outcome | None:
    status = _STATUSES.get(_name(texts["import_status"]))
    if status is None:
        return None
    # Warnings, which a report appends to the hint, are found anew.
    hint, warning, _ = texts["import_hint"].partition("Warning: ")
    return Outcome(
        status=status,
        id=texts["import_id"],
        http_status=_whole(texts["import_http_status"]),
        error=texts["import_error"],
        cell=texts["import_cell"],
        hint=hint.strip() if warning else hint,
        attempts=_whole(texts["import_attempts"]),
        finished_at=texts["import_finished_at"],
        run=texts["import_run"],
    )


def _whole(text: str) -> int:
    """Read a whole number as a spreadsheet may write it (`7`, `7.0`); 0 if it is not one."""
    text = text.strip()
    return int(text.partition(".")[0]) if _is_whole(text) else 0


def _name(text: str) -> str:
    return text.strip().casefold()
