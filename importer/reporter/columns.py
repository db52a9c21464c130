"""Which columns a report has, and one line's cells in them. Pure; it opens nothing.

All forms of the report take their cells from here.

A column of the source may have the name of one of the product's, such as `import_id`. It keeps its text and comes after
the product's own, which are always the first fifteen; reading back takes the first of that name as the product's.
"""

from __future__ import annotations

import base64
import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from importer.kinds import SHIFTS
from importer.normalizer.zones import find_zone
from importer.records import PRODUCT_COLUMNS, Key, ReportLine, Sheet
from importer.reporter.formula_guard import FIRST_SIGNS, guard
from importer.wording import iso_utc

#: The header of a workbook's last column, by which changed cells are recognized without the journal.
DIGEST_COLUMN = "import_digest (leave it as it is)"
_NAME_BYTES, _TEXT_BYTES = 2, 4  # of a cell's digest: of its header, and of its text
_LACKING = -1  # the place of a cell that a sheet does not have: the empty text put behind each line's cells


@dataclass(frozen=True, slots=True)
class Columns:
    """The source's columns of a report: the union of its sheets'."""

    header: tuple[str, ...]  #: as in the source, in order of first appearance
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
        # Most texts need no guard.
        guarded = [guard(text) if text[:1] in FIRST_SIGNS else text for text in texts]
        part, id_, error, cell, hint, finished_at, run, *own = guarded
        where = (line.row, names[line.sheet], part, line.kind or "")
        product_cells = (status.value, id_, http_status or "", error, cell, hint, attempts, finished_at, run)
        yield [*where, *product_cells, sources[line.sheet], mapping_id, *own]


def digest_cells(header: Iterable[str], cells: Iterable[str]) -> str:
    """Return the digests of a line's cells, one after the other; blanks that a spreadsheet changes do not count."""
    names = number_repeats(map(str.strip, header))
    digests = (
        _digest(f"{number} {name}", _NAME_BYTES) + _digest(text, _TEXT_BYTES)
        for (name, number), text in zip(names, cells, strict=True)
    )
    return base64.b64encode(b"".join(digests)).decode()


def changed_cells(header: Iterable[str], cells: Iterable[str], digest: str) -> list[int]:
    """Return the places of the cells that differ from a digest; columns may have been moved, deleted and added."""
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


#: Each column with its width in characters; the ids, which people rarely need, are folded away.
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
    """Yield each shift's cells, guarded; local times have the offset of that moment.

    `shifts` are as the journal has them: sheet, row, part, kind, key and zone. Without a zone local times are in UTC.
    """
    for sheet, row, part, kind, key, named in shifts:
        timezone = named or "UTC"
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
    except OverflowError:  # before year 1 or after 9999
        return ""


# ---- what people correct


#: The workbook's sheet with the rows to correct, and the one with all rows.
TO_MEND, ALL_ROWS = "To mend", "All rows"
#: Plain headers of two of the product's columns, in the sheet To mend.
PLAIN_HEADERS = {"What is wrong": "import_error", "What to do": "import_hint"}
#: The workbook's sheet with the mapping by which the sources were read.
MAPPING_SHEET = "Mapping"


def mapping_header(mapping_id: str, mapping: str) -> tuple[str, str, str]:
    """Return the header above the lines of a mapping: its id, and a digest that shows an edit."""
    return "line", f"mapping {mapping_id}", f"text {hashlib.sha256(mapping.encode()).hexdigest()[:12]}"


def join_mapping(mapping_id: str, header: Sequence[str], lines: Mapping[int, str]) -> str:
    """Join a mapping's lines, by their numbers; empty if they are not those that were written."""
    text = "\n".join(lines.get(number, "") for number in range(1, max(lines, default=0) + 1))
    return text if tuple(header[:3]) == mapping_header(mapping_id, text) else ""
