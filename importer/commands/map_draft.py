"""What a mapping for some sources could say: their headers, columns found, what others may mean. Asks nobody."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING

from importer.cells import BLANKS, Unreadable
from importer.kinds import KINDS, KINDS_WITH, kind_of_name
from importer.normalizer.date_times import is_clock, read_moment
from importer.normalizer.layout import plan, rate_header
from importer.normalizer.mapping import TIME_PARTS, Mapping, Matrix
from importer.normalizer.matrix import find_across, find_headers
from importer.normalizer.row import find_total
from importer.normalizer.suggestions import nearest, suggest
from importer.planning.sources import expand_sources
from importer.reader.read import read

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from importer.normalizer.layout import Layout
    from importer.normalizer.suggestions import Suggestion
    from importer.records import Row, Sheet


_SAMPLES = 3  # values of a column that are shown
_MARKS = 40  # of a roster that are asked about
_FEWEST_DATES = 3  # headers that make a table a roster


@dataclass(frozen=True, slots=True)
class SheetDraft:
    """One sheet of a source, as far as it is understood."""

    source: str
    name: str
    layout: Layout
    rows: tuple[Row, ...]  #: the first ones, without totals
    totals: dict[str, tuple[str, ...]]  #: what makes a row a total, by the header that it stands below

    def under(self, mapping: Mapping) -> SheetDraft:
        """Understand it anew, by what a mapping says now."""
        return replace(self, layout=plan(self.layout.sheet, mapping.of_sheet(self.name)))

    @property
    def sheet(self) -> Sheet:
        """Its header, and where that stands."""
        return self.layout.sheet

    @property
    def suggestions(self) -> tuple[Suggestion, ...]:
        """What headers that are not used may mean."""
        return suggest(self.layout)

    @property
    def had(self) -> set[str]:
        """The columns of ours that something gives."""
        places = self.layout.grid.places if self.layout.grid else self.layout
        return {*places.indices, *self.layout.given}

    @property
    def lacking(self) -> list[str]:
        """The columns that rows of this sheet must have and nothing gives; empty where its kind is not known.

        The time zone is among them where no time has an offset.
        """
        columns = KINDS[self.layout.kind].columns if self.layout.kind else ()
        had = self.had
        lacking = [one.name for one in columns if one.is_required and had.isdisjoint({one.name, *one.unless})]
        return [*lacking, *(["timezone"] if "starts_at" in had and "timezone" not in had and self._is_local() else [])]

    @property
    def is_kind_told(self) -> bool:
        """Return whether its name, the mapping, or a column that only one kind has says what it holds."""
        own = any(KINDS_WITH[name] == {self.layout.kind} for name in self.had)
        return own or bool(kind_of_name(self.name) or self.layout.given.get("kind") or "kind" in self.layout.indices)

    @property
    def looks_like_roster(self) -> bool:
        """Return whether dates stand across, and nobody has said what that means."""
        if self.layout.grid is not None:
            return False
        across = find_across(self.sheet, Mapping(columns=self.layout.mapping.columns, matrix=Matrix()))
        return len(across) >= _FEWEST_DATES

    def marks(self) -> tuple[str, ...]:
        """Return the texts of a roster's cells."""
        across = find_across(self.sheet, replace(self.layout.mapping, matrix=self.layout.mapping.matrix or Matrix()))
        return _distinct((row.cells[one.place] for row in self.rows for one in across), _MARKS)

    def samples(self, header: str) -> tuple[str, ...]:
        """Return some values of a column."""
        index = self.sheet.header.index(header)
        return _distinct((row.cells[index] for row in self.rows), _SAMPLES)

    def gaps(self) -> list[str]:
        """List the headers that are used and have empty cells below a text, as merged cells have."""
        used = set(self.layout.indices.values()) | {one.day for one in self.layout.joined.values()}
        filled_down = {
            index for header in self.layout.mapping.fill for index in find_headers(self.sheet.header, header)
        }
        return [self.sheet.header[index] for index in sorted(used - filled_down) if self._has_gaps(index)]

    def find(self, text: str) -> str | None:
        """Return the header that a number or words mean; None where none is, or several are."""
        header = self.sheet.header
        if text.isdecimal() and 1 <= int(text) <= len(header):
            return header[int(text) - 1]
        found = find_headers(header, text.strip(BLANKS)) or [
            index for index, own in enumerate(header) if own.strip(BLANKS) in nearest(text, header)
        ]
        return header[found[0]] if len(found) == 1 else None

    def _has_gaps(self, index: int) -> bool:
        texts = [row.cells[index].strip(BLANKS) for row in self.rows]
        return bool(texts) and bool(texts[0]) and not all(texts)

    def _is_local(self) -> bool:
        if self.layout.grid or self.layout.joined:
            return True
        index = self.layout.indices.get("starts_at")
        texts = [] if index is None else [row.cells[index].strip(BLANKS) for row in self.rows]
        moments = [moment for text in filter(None, texts) if not isinstance(moment := read_moment(text), Unreadable)]
        return any(moment.offset is None for moment in moments) or any(map(is_clock, texts))


def with_column(mapping: Mapping, header: str, column: str) -> Mapping:
    """Return a mapping in which a header is a column of ours."""
    return replace(mapping, columns={**mapping.columns, header.strip(BLANKS): column})


def with_joined(mapping: Mapping, day: str, clock: str, column: str) -> Mapping:
    """Return a mapping in which two headers are the date and the time of day of `starts_at` or `ends_at`."""
    side = "start" if column == "starts_at" else "end"
    is_shared = mapping.columns.get(day.strip(BLANKS), "") in TIME_PARTS
    return with_column(with_column(mapping, day, "date" if is_shared else f"{side}_date"), clock, f"{side}_time")


def draft_sheets(sources: Sequence[str], mapping: Mapping, sheets: Sequence[str] = ()) -> list[SheetDraft]:
    """Look at the headers of sources, of folders and patterns too.

    Raises:
        SourceError: one cannot be read.
    """
    drafts: dict[int, SheetDraft] = {}
    kept = []  # sheets are known by their identity, which their chunks share
    files, _ = expand_sources(sources)
    for source in map(str, files):
        reading = read(
            source, sheets=sheets, is_header=partial(rate_header, mapping=mapping), header_row=mapping.header_row
        )
        for chunk in reading:
            if id(chunk.sheet) in drafts:
                continue
            kept.append(chunk.sheet)
            totals = {row.number: found for row in chunk.rows if (found := find_total(row))}
            below: dict[str, tuple[str, ...]] = {}
            for index, text in totals.values():
                header = chunk.sheet.header[index].strip(BLANKS)
                below[header] = tuple(dict.fromkeys((*below.get(header, ()), text)))
            rows = tuple(row for row in chunk.rows if row.number not in totals)
            layout = plan(chunk.sheet, mapping)
            drafts[id(chunk.sheet)] = SheetDraft(source, chunk.sheet.name, layout, rows, below)
    return list(drafts.values())


def _distinct(cells: Iterable[str], most: int) -> tuple[str, ...]:
    texts = (text for cell in cells if (text := cell.strip(BLANKS)))
    return tuple(islice(dict.fromkeys(texts), most))
