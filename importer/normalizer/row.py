"""One row at a time: decides its kind and makes its records, or tells all its problems."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from importer.cells import BLANKS
from importer.normalizer.aliases import canonical
from importer.normalizer.fast_path import Straight
from importer.normalizer.fields import Fields
from importer.normalizer.layout import plan
from importer.normalizer.row_kind import kind_of_columns, note_undecided, read_kind
from importer.normalizer.rules import NO_RULES
from importer.normalizer.schedules import Schedules, read_schedule
from importer.normalizer.shadows import Shadows, read_shadows
from importer.records import Kind

if TYPE_CHECKING:
    from importer.normalizer.references import Reference
    from importer.normalizer.rules import Rules
    from importer.records import Problem, Record, Row, Sheet


#: What the column `kind` begins with, in a row that a template shows how to fill in: this whole word.
EXAMPLE: Final = "example"
_is_example = re.compile(rf"{EXAMPLE}(?![^\W_])", re.IGNORECASE).match


class Normalized(NamedTuple):
    """What a row came to: records, problems, or references that must be looked up first; only one of them."""

    kind: Kind | None  #: None where the row does not say, or says it wrongly
    records: tuple[Record, ...]  #: empty where there are problems or references
    problems: tuple[Problem, ...]  #: all of the row: first what reading found, then as the columns stand
    warnings: tuple[Problem, ...]  #: worth saying, not stopping
    references: tuple[Reference, ...] = ()  #: what it names by something else than its id; also beside problems
    zone: str = ""  #: the zone that a shadow's times were written in; empty where none was named
    groups: tuple[str, ...] = ()  #: ids of the Opal groups that a schedule is to be added to


class Normalizer:
    """The rows of one sheet to records.

    Raises:
        SourceError: two headers are the same column of ours.
    """

    def __init__(self, sheet: Sheet, rules: Rules = NO_RULES) -> None:
        self.layout = plan(sheet, rules.mapping, rules.provider, is_known=rules.is_repeated)
        self._rules = rules
        self._sheet_kind = self.layout.kind
        # Whatever the mapping makes of a template's column `kind`: its examples are never sent.
        places = {index for index, header in enumerate(sheet.header) if canonical(header) == "kind"}
        self._kinds = tuple(places | ({self.layout.indices["kind"]} if "kind" in self.layout.indices else set()))
        self._straight = Straight(self.layout, rules) if Straight.can_read(self.layout) else None

    def is_example(self, row: Row) -> bool:
        """Tell a row that a template shows how to fill in; it makes nothing."""
        return any(_is_example(row.cells[index].strip(BLANKS)) for index in self._kinds)

    def normalize(self, row: Row, kind: Kind | None = None) -> Normalized:
        """Make a row's records or tell its problems; `kind` counts where the row has no own kind cell."""
        if self._straight is not None and kind is not Kind.SCHEDULE and (read := self._straight.read(row)):
            record, zone = read
            return Normalized(Kind.SHADOW, (record,), (), (), zone=zone)
        fields = Fields(self.layout, row)
        kind = self._decide(fields, kind)
        made = self._read(fields, kind)
        problems, references = fields.problems, fields.references
        # A kind that was guessed beside a wrong cell serves to find the row's other problems only.
        kind = None if problems and fields.has_problem("kind") else kind
        if made is None or problems or references:
            return Normalized(kind, (), problems, fields.warnings, references)
        if isinstance(made, Schedules):
            return Normalized(kind, made.records, problems, fields.warnings, groups=made.groups)
        return Normalized(kind, made.records, problems, fields.warnings, zone=made.zone)

    def _decide(self, fields: Fields, given: Kind | None) -> Kind | None:
        own = fields.optional("kind", read_kind)
        kind = own or given or self._sheet_kind or kind_of_columns(fields)
        if kind is None and not fields.has_problem("kind"):
            note_undecided(fields)
        return kind

    def _read(self, fields: Fields, kind: Kind | None) -> Schedules | Shadows | None:
        match kind:
            case Kind.SCHEDULE:
                return read_schedule(fields, self._rules.provider, self._rules.references)
            case Kind.SHADOW:
                return read_shadows(fields, self._rules)
            case None:
                return None
