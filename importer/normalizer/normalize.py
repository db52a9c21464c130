"""One row at a time: decides its kind and makes its record, or tells all its problems."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from importer.normalizer.fields import Fields
from importer.normalizer.kinds import kind_of_columns, kind_of_name, note_undecided, read_kind
from importer.normalizer.layout import plan
from importer.normalizer.providers import check_provider
from importer.normalizer.schedules import read_schedule
from importer.normalizer.shadows import read_shadow
from importer.normalizer.zones import check_timezone
from importer.records import Kind

if TYPE_CHECKING:
    from importer.records import Problem, Record, Row, Sheet


@dataclass(frozen=True, slots=True)
class Normalized:
    """What a row came to: records, or problems, never both."""

    kind: Kind | None  #: None where the row does not say, or says it wrongly
    records: tuple[Record, ...]  #: empty where there are problems
    problems: tuple[Problem, ...]  #: all of the row: first what reading found, then as the columns stand
    warnings: tuple[Problem, ...]  #: worth saying, not stopping


class Normalizer:
    """The rows of one sheet to records.

    Raises:
        SourceError: two headers are the same column of ours.
        SettingsError: `timezone` or `provider` names nothing known.
    """

    def __init__(self, sheet: Sheet, *, timezone: str | None = None, provider: str | None = None) -> None:
        self.layout = plan(sheet)
        self._zone = check_timezone(timezone) if timezone is not None else None
        self._provider = check_provider(provider) if provider is not None else None
        self._sheet_kind = kind_of_name(sheet.name)

    def normalize(self, row: Row, kind: Kind | None = None) -> Normalized:
        """Make a row's records or tell its problems; `kind` counts where the row has no own kind cell."""
        fields = Fields(self.layout, row)
        kind = self._decide(fields, kind)
        record = self._read(fields, kind)
        problems = fields.problems
        # A kind that was guessed beside a wrong cell serves to find the row's other problems only.
        kind = None if problems and fields.has_problem("kind") else kind
        return Normalized(kind, (record,) if record and not problems else (), problems, fields.warnings)

    def _decide(self, fields: Fields, given: Kind | None) -> Kind | None:
        own = fields.optional("kind", read_kind)
        kind = own or given or self._sheet_kind or kind_of_columns(fields)
        if kind is None and not fields.has_problem("kind"):
            note_undecided(fields)
        return kind

    def _read(self, fields: Fields, kind: Kind | None) -> Record | None:
        match kind:
            case Kind.SCHEDULE:
                return read_schedule(fields, self._provider)
            case Kind.SHADOW:
                return read_shadow(fields, self._zone)
            case None:
                return None
