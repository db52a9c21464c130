"""Which columns a report has, one line's cells in them, and a report read again. Pure; it opens nothing.

All forms of the report take their cells from here.

Foreign texts that a spreadsheet would run as a formula are made harmless here, and given back.

A column of the source may be called as one of the product's, such as `import_id`. It keeps its text and stands after
the product's own, which are always the first fifteen; reading back takes the first of that name as the product's.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections import Counter
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from importer.cells import cell_name
from importer.errors import SourceError
from importer.kinds import KINDS, SHIFTS, any_of
from importer.normalizer.zones import find_zone
from importer.records import PRODUCT_COLUMNS, Outcome, Problem, Row, Sheet, read_part
from importer.statuses import RUN_STATUSES, Status
from importer.wording import iso_utc, quote

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from zoneinfo import ZoneInfo

    from importer.records import Key, ReportLine


# What OWASP, "CSV Injection", lists, and the full-width forms, which some spreadsheets take for the same. The
# apostrophes before it count, so that a guarded text can be guarded again and each guard taken off again; without them
# `'=1` of a source and a guarded `=1` would be the same cell.
_SIGNS = "=+-@\t\r\n\uff1d\uff0b\uff0d\uff20"
_is_formula = re.compile(f"'*[{re.escape(_SIGNS)}]").match
_FIRST = frozenset(f"'{_SIGNS}")
_is_guarded = re.compile(f"'+[{re.escape(_SIGNS)}]").match


def guard(text: str) -> str:
    """Put one apostrophe in front of a text that a spreadsheet would run as a formula; leave others alone."""
    return f"'{text}" if _is_formula(text) else text


def unguard(text: str) -> str:
    """Take off the apostrophe that `guard` put there: `unguard(guard(text)) == text` for every text."""
    return text[1:] if _is_guarded(text) else text


#: The header of a workbook's last column: by it a cell that was changed is known where there is no journal.
DIGEST_COLUMN = "import_digest (leave it as it is)"
_NAME_BYTES, _TEXT_BYTES = 2, 4  # of a cell's digest: what it is called, and its text
_LACKING = -1  # the place of a cell that a sheet does not have: the empty text put behind each line's cells


@dataclass(frozen=True, slots=True)
class Columns:
    """The source's columns of a report: the union of its sheets'."""

    header: tuple[str, ...]  #: as they stand in the source, in order of first appearance
    places: tuple[tuple[int, ...], ...]  #: for each sheet, for each column, where in a row its cell is; -1: nowhere


def merge_columns(sheets: Sequence[Sheet]) -> Columns:
    """Unite the sheets' headers.

    The same text in two sheets is one column. A text that a sheet repeats has a column for each time: the second of one
    sheet is the second of another. Empty texts are texts.
    """
    keys = [number_repeats(sheet.header) for sheet in sheets]
    union = tuple(dict.fromkeys(key for sheet_keys in keys for key in sheet_keys))
    found = ({key: place for place, key in enumerate(sheet_keys)} for sheet_keys in keys)
    return Columns(
        header=tuple(text for text, _ in union),
        places=tuple(tuple(place.get(key, _LACKING) for key in union) for place in found),
    )


def number_repeats(header: Iterable[str]) -> list[tuple[str, int]]:
    """Number repeated texts, so that they differ."""
    seen: Counter[str] = Counter()
    keys = []
    for text in header:
        keys.append((text, seen[text]))
        seen[text] += 1
    return keys


def header_cells(sheets: Sequence[Sheet]) -> list[str]:
    """List the report's header, guarded."""
    return [*PRODUCT_COLUMNS, *map(guard, merge_columns(sheets).header)]


def line_cells(sheets: Sequence[Sheet], lines: Iterable[ReportLine], mapping_id: str = "") -> Iterator[list[str | int]]:
    """Yield each line's cells, guarded, as wide as `header_cells`; the row, HTTP status and attempts are numbers."""
    places = merge_columns(sheets).places
    names = [guard(sheet.name) for sheet in sheets]
    sources = [guard(sheet.original) for sheet in sheets]
    for line in lines:
        cells = (*line.cells, "")
        status, id_, http_status, error, cell, hint, attempts, finished_at, run = line.outcome
        cell = sheets[line.sheet].name_cells(cell)
        texts = (line.part, id_, error, cell, hint, finished_at, run, *map(cells.__getitem__, places[line.sheet]))
        # Most begin with nothing odd.
        guarded = [guard(text) if text[:1] in _FIRST else text for text in texts]
        part, id_, error, cell, hint, finished_at, run, *own = guarded
        where = (line.row, names[line.sheet], part, line.kind or "")
        told = (status.value, id_, http_status or "", error, cell, hint, attempts, finished_at, run)
        yield [*where, *told, sources[line.sheet], mapping_id, *own]


def digest_cells(header: Iterable[str], cells: Iterable[str]) -> str:
    """Return a digest for each cell of a line, one behind the other; blanks that a spreadsheet changes do not count."""
    names = number_repeats(map(str.strip, header))
    digests = (
        _digest(f"{number} {name}", _NAME_BYTES) + _digest(text, _TEXT_BYTES)
        for (name, number), text in zip(names, cells, strict=True)
    )
    return base64.b64encode(b"".join(digests)).decode()


def changed_cells(header: Iterable[str], cells: Iterable[str], digest: str) -> list[int]:
    """Return the places of the cells that are not those of a digest; columns may have been moved, deleted and added."""
    before, now = (_split(one) for one in (digest, digest_cells(header, cells)))
    known, empty = dict(before), _digest("", _TEXT_BYTES)
    return [place for place, (name, text) in enumerate(now) if known.get(name, empty) != text] if known else []


def _digest(text: str, size: int) -> bytes:
    return hashlib.blake2b(" ".join(text.split()).encode("utf-8", "surrogatepass"), digest_size=size).digest()


def _split(digest: str) -> list[tuple[bytes, bytes]]:
    size = _NAME_BYTES + _TEXT_BYTES
    try:
        content = base64.b64decode(digest, validate=True)
    except ValueError:
        return []
    parts = [content[start : start + size] for start in range(0, len(content), size)]
    return [(part[:_NAME_BYTES], part[_NAME_BYTES:]) for part in parts]


# ---- the sheet "Shadow times"


#: Each column with its width in characters; the ids, which people need less, are closed.
SHADOW_TIMES_COLUMNS = {
    "row": 8,
    "sheet": 16,
    "part": 9,
    "schedule": 24,
    "shadowed": 20,
    "user": 20,
    "starts_at (local)": 26,
    "ends_at (local)": 26,
    "timezone": 20,
    "starts_at (UTC)": 21,
    "ends_at (UTC)": 21,
    "schedule_id": 20,
    "shadowable": 20,
    "shadow_user_id": 16,
}


def shadow_cells(
    sheets: Sequence[Sheet],
    shifts: Iterable[tuple[int, int, str, str, Key, str]],
    names: Mapping[tuple[str, str], str],
) -> Iterator[list[str | int]]:
    """Yield each shift's cells, guarded; local times with the offset that holds then.

    `shifts` are as the journal has them: sheet, row, part, kind, key and zone.
    """
    for sheet, row, part, kind, key, timezone in shifts:
        one, zone = SHIFTS[kind](key), find_zone(timezone)
        what, _, id_ = one.shadowed.partition(" ")
        ids = (one.schedule, one.shadowed, one.user)
        subjects = (("schedule", one.schedule), (what.lower(), id_), ("user", one.user))
        start, end = (datetime.fromtimestamp(at, UTC) for at in (one.starts_at, one.ends_at))
        yield [
            row,
            guard(sheets[sheet].name),
            guard(part),
            *(guard(names.get(subject) or words) for subject, words in zip(subjects, ids, strict=True)),
            _local(start, zone),
            _local(end, zone),
            guard(timezone),
            iso_utc(start),
            iso_utc(end),
            *map(guard, ids),
        ]


def _local(moment: datetime, zone: ZoneInfo | None) -> str:
    try:
        return moment.astimezone(zone).isoformat(timespec="seconds") if zone else ""
    except OverflowError:  # on the other side of year 1 or 9999
        return ""


# ---- a report read again: the product's columns taken off, what they say made into words
# A person may have had it in a spreadsheet: columns moved or deleted, lines added, numbers written as `7.0`. What is
# not understood becomes a problem of its row and is never guessed, for a wrong guess could send a record twice.


_STATUSES = {status.value: status for status in Status}
_is_whole = re.compile(r"[0-9]{1,15}(?:\.0*)?").fullmatch  # as many digits as a spreadsheet's number keeps

# What a rerun depends on: the column, whether its text (without blanks around it, casefolded) is understood, the hint.
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


#: The sheets of a workbook that hold what a person may mend, and all rows.
TO_MEND, ALL_ROWS = "To mend", "All rows"
#: What a person may mend; all else is done, or a technical matter.
MENDABLE = frozenset({Status.INVALID, Status.REJECTED})
#: The headers that stand for two of the product's columns where people mend.
PLAIN_HEADERS = {"What is wrong": "import_error", "What to do": "import_hint"}
_PRODUCT = {name: name for name in PRODUCT_COLUMNS} | {
    header.casefold(): column for header, column in PLAIN_HEADERS.items()
}


def product_column(text: str) -> str:
    """Return the product's column that a header names, also in plain words; empty where it names none."""
    return _PRODUCT.get(_name(text), "")


#: The sheet of a workbook that holds the mapping which its report was read by.
MAPPING_SHEET = "Mapping"


def mapping_header(mapping_id: str, mapping: str) -> tuple[str, str, str]:
    """Return the header above the lines of a mapping: its id, and a digest by which an edit is known."""
    return "line", f"mapping {mapping_id}", f"text {hashlib.sha256(mapping.encode()).hexdigest()[:12]}"


def join_mapping(mapping_id: str, header: Sequence[str], lines: Mapping[int, str]) -> str:
    """Put a mapping's lines, by their numbers, together; empty where they are not those that were written."""
    text = "\n".join(lines.get(number, "") for number in range(1, max(lines, default=0) + 1))
    return text if tuple(header[:3]) == mapping_header(mapping_id, text) else ""


@dataclass(frozen=True, slots=True)
class Carried:
    """One line of a report read again."""

    row: Row  #: the source's own cells under the source's own number; `line` is its place in the report
    sheet: str  #: the sheet it came from; empty where the line was added by hand
    part: str  #: "3 of 12" where the row makes several records, else empty
    kind: str | None  #: None where the line does not say
    outcome: Outcome | None  #: None where the line has no status: never attempted, or a problem says why
    source: str = ""  #: the source it came from; empty where the line does not say
    is_numbered: bool = True  #: it says which row of its source it is
    mapping: str = ""  #: what its report calls the mapping that it was read by; empty where there was none
    digest: str = ""  #: of the source's own cells as its report was written; empty where the report has none


def is_report(header: Sequence[str]) -> bool:
    """Return whether a table is a report: it has `import_row` and `import_status`."""
    return {"import_row", "import_status"} <= {_name(text) for text in header}


def is_of_mender(sheet: Sheet) -> bool:
    """Return whether a report's table is the one in which people mend, by its name or by its plain headers."""
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
            f"{quote(sheet.source)} is no report: it lacks the columns import_row and import_status.",
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
    """How the lines of one report are taken apart."""

    header: tuple[str, ...]  #: the source's own columns, unguarded
    positions: tuple[int, ...]  #: for each of them the 0-based column of the report it stands in
    places: tuple[int, ...]  #: the same in this very table, where two were united; -1: nowhere
    is_of_mender: bool  #: it is the table in which people mend
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
        """Take one line apart; what in it cannot be understood joins its row's problems."""
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
                )


def _outcome(texts: Mapping[str, str]) -> Outcome | None:
    status = _STATUSES.get(_name(texts["import_status"]))
    if status is None:
        return None
    # What a row is warned of, which stands behind its hint, is found anew.
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
    """Read a whole number as a spreadsheet may write it (`7`, `7.0`); 0 where it is none."""
    text = text.strip()
    return int(text.partition(".")[0]) if _is_whole(text) else 0


def _name(text: str) -> str:
    return text.strip().casefold()
