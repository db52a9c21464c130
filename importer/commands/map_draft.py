"""What a mapping for some sources could say: their headers, columns found, what others may mean. Asks nobody."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING

from importer.cells import BLANKS
from importer.kinds.registry import KINDS
from importer.normalizer.layout import plan, rate_header
from importer.normalizer.mapping import Mapping
from importer.normalizer.suggestions import suggest
from importer.reader.read import read

if TYPE_CHECKING:
    from collections.abc import Sequence

    from importer.normalizer.layout import Layout
    from importer.normalizer.suggestions import Suggestion


_SAMPLES = 3  # values of a column that are shown


@dataclass(frozen=True, slots=True)
class SheetDraft:
    """One sheet of a source, as far as it is understood."""

    source: str
    name: str
    layout: Layout
    samples: dict[str, tuple[str, ...]]  #: some values by header, of headers that were not used at first

    def under(self, mapping: Mapping) -> SheetDraft:
        """Understand it anew, by what a mapping says now."""
        return replace(self, layout=plan(self.layout.sheet, mapping))

    @property
    def suggestions(self) -> tuple[Suggestion, ...]:
        """What headers that are not used may mean."""
        return suggest(self.layout)

    @property
    def lacking(self) -> list[str]:
        """The columns that rows of this sheet must have and nothing gives; empty where its kind is not known."""
        had = self.layout.indices.keys() | self.layout.given.keys()
        columns = KINDS[self.layout.kind].columns if self.layout.kind else ()
        return [one.name for one in columns if one.is_required and had.isdisjoint({one.name, *one.unless})]


def draft_sheets(sources: Sequence[str], mapping: Mapping, sheets: Sequence[str] = ()) -> list[SheetDraft]:
    """Look at the headers of sources.

    Raises:
        SourceError: one cannot be read.
    """
    drafts: dict[int, SheetDraft] = {}
    kept = []  # sheets are known by their identity, which their chunks share
    for source in sources:
        reading = read(
            source, sheets=sheets, is_header=partial(rate_header, mapping=mapping), header_row=mapping.header_row
        )
        for chunk in reading:
            if id(chunk.sheet) in drafts:
                continue
            kept.append(chunk.sheet)
            layout = plan(chunk.sheet, mapping)
            samples = {
                header: _samples(chunk.sheet.header.index(header), [row.cells for row in chunk.rows])
                for header in layout.not_used
            }
            drafts[id(chunk.sheet)] = SheetDraft(source, chunk.sheet.name, layout, samples)
    return list(drafts.values())


def _samples(index: int, rows: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    texts = (text for cells in rows if (text := cells[index].strip(BLANKS)))
    return tuple(islice(dict.fromkeys(texts), _SAMPLES))
