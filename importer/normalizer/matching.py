"""Which header of a sheet is which column of ours: by the mapping, by its own name, by an alias. Looks at no row."""

from __future__ import annotations

import re
from pathlib import PurePath
from typing import TYPE_CHECKING, NamedTuple

from importer.cells import BLANKS
from importer.normalizer.aliases import (
    CLEAR,
    IN_SHEETS_OF,
    MAYBE_REPEATING,
    NAMES_OF_OTHER_LISTS,
    OF_OTHER_LISTS,
    OWN,
    canonical,
)
from importer.normalizer.columns import BY_NAME, TELLING
from importer.normalizer.mapping import NO_HEADER, NOT_USED
from importer.normalizer.row_kind import kind_of_name, read_kind
from importer.normalizer.unreadable import Unreadable
from importer.records import Kind

if TYPE_CHECKING:
    from importer.normalizer.mapping import Mapping
    from importer.records import Sheet


#: Aliases of these say what a sheet holds, whatever its name; a list of schedules may have a start, too.
_TELLING_IN_SPITE = frozenset({"remote_id", "shadowable_id", "shadow_user_id"})
_WORKBOOKS = frozenset({".xlsx", ".xlsm", ".xlsb", ".xls", ".ods"})
_WORD = re.compile(r"[^\W\d_]+")
#: Names of sheets that say schedules, or nothing at all: what programs call a sheet that nobody named.
_MAY_HOLD_SCHEDULES = re.compile(
    r"(?:.*[\W\d_])?(?:schedules?|rotas?|on[ _-]?call)(?:[\W\d_].*)?"
    r"|(?:sheet|tabelle|feuil|feuille|hoja|foglio|blad|ark|planilha|table|export|data|csv|results?)[ _()-]*\d*[ )]*",
    re.IGNORECASE | re.DOTALL,
)


class Claims(NamedTuple):
    """What the headers of a sheet stand for."""

    kind: Kind | None  #: what the sheet holds; None where it does not say, or says both
    columns: dict[str, tuple[int, ...]]  #: column of ours -> the headers that are it: more than one is one too many
    ignored: frozenset[int]  #: headers that are not used on purpose
    mapped: frozenset[str]  #: the mapping's headers that the sheet has


class _Headers:
    """The headers of one sheet, sorted by how they came to their columns."""

    def __init__(self, sheet: Sheet, mapping: Mapping) -> None:
        self.texts = tuple(text.strip(BLANKS) for text in sheet.header)
        self.names = tuple(map(canonical, sheet.header))
        self.found: set[str] = set()
        self.mapped: dict[int, str] = {}
        self._map(mapping)
        self.is_named = is_named(sheet, mapping)
        self.own = self.lead(OWN) if self.is_named else {}
        self.alias: dict[int, str] = {}

    def lead(self, words: dict[str, str]) -> dict[int, str]:
        """Give the columns of the headers that are among words, apart from those that have one."""
        places = ((index, words.get(name)) for index, name in enumerate(self.names) if index not in self.mapped)
        return {index: column for index, column in places if column}

    def columns(self) -> set[str]:
        return {*self.mapped.values(), *self.own.values(), *self.alias.values()}

    def _map(self, mapping: Mapping) -> None:
        # What stands there exactly wins over what is only spelled alike.
        for spell, spelled in ((str, self.texts), (canonical, self.names)):
            for header, column in mapping.columns.items():
                if header in self.found or not (wanted := spell(header)):
                    continue
                places = [index for index, text in enumerate(spelled) if text == wanted]
                if places:
                    self.found.add(header)
                for index in places:
                    self.mapped.setdefault(index, column)


def is_named(sheet: Sheet, mapping: Mapping) -> bool:
    """Tell a sheet with a header from one where the letters of the columns stand for it: `TO` is the 535th.

    A report of a source without a header has such letters above it, too.
    """
    return NO_HEADER not in (sheet.header_row, mapping.header_row)


def claim(sheet: Sheet, mapping: Mapping, provider: str | None, *, is_known: bool = False) -> Claims:
    """Find out what the headers stand for; a sheet that `provider` alone tells the kind of is one of schedules.

    `is_known`: an earlier run took the sheet in, so it is none that only looks like schedules.
    """
    headers = _Headers(sheet, mapping)
    given = {*mapping.constants, *mapping.defaults} | ({"third_party_provider"} if provider else set())
    # A provider alone makes no schedules of the other sheets of a workbook: what is sent cannot be taken back.
    if given & TELLING == {"third_party_provider"} and not (is_known or _may_hold_schedules(sheet)):
        given = set()
    kind = _decide(headers, sheet, mapping, _kinds(given))
    if headers.is_named:
        _leave_group(headers, kind)
        _apply_aliases(headers, kind)
        given = mapping.constants.keys() | mapping.defaults.keys()
        _turn_schedule_id(headers, kind, given)
        _turn_until(headers, kind, given)
    return Claims(
        kind,
        _winners(headers, mapping),
        frozenset(index for index, column in headers.mapped.items() if column == NOT_USED),
        frozenset(headers.found),
    )


def _decide(headers: _Headers, sheet: Sheet, mapping: Mapping, given: set[Kind | None]) -> Kind | None:
    """Decide by the mapping's kind, the sheet's name and its headers; only then by what holds for every row."""
    constant, default = (_kind(texts.get("kind", "")) for texts in (mapping.constants, mapping.defaults))
    if constant:
        return constant
    sure, clear = _telling_columns(headers)
    if told := default or kind_of_name(sheet.name):
        # A file called "on-call schedule" that holds shadows: its rows say what they are.
        is_contradicted = bool(_kinds(sure | (clear & _TELLING_IN_SPITE)) - {told}) and told not in _kinds(sure | clear)
        return None if is_contradicted else told
    kinds = _kinds(sure | clear) or (set() if _is_of_others(sheet, headers) else given)
    return next(iter(kinds)) if len(kinds) == 1 else None


def _may_hold_schedules(sheet: Sheet) -> bool:
    file = PurePath(sheet.source)
    if file.suffix.casefold() not in _WORKBOOKS or file.stem == sheet.name:
        return True
    return bool(_MAY_HOLD_SCHEDULES.fullmatch(sheet.name))


def _kind(text: str) -> Kind | None:
    kind = read_kind(text)
    return None if isinstance(kind, Unreadable) else kind


def _kinds(columns: set[str]) -> set[Kind | None]:
    return {BY_NAME[column].kind for column in columns & TELLING}


def _telling_columns(headers: _Headers) -> tuple[set[str], set[str]]:
    """Give the columns that are there for sure, and those that aliases stand for."""
    words = CLEAR.values() if headers.is_named else ()
    clear = {column for each in words for column in headers.lead(each).values()}
    sure = {*headers.mapped.values(), *headers.own.values()}
    if "remote_id" not in sure | clear and "schedule_id" not in headers.mapped.values():
        sure.discard("schedule_id")  # "Schedule ID" in a list of schedules is their own
    return sure, clear


def _is_of_others(sheet: Sheet, headers: _Headers) -> bool:
    """Tell a list of people or services, of which `ID` must never be sent as a schedule's."""
    words = {word.casefold() for word in _WORD.findall(sheet.name)}
    return not (OF_OTHER_LISTS.isdisjoint(headers.names) and NAMES_OF_OTHER_LISTS.isdisjoint(words))


def _leave_group(headers: _Headers, kind: Kind | None) -> None:
    """In a sheet of shadows `Group` is somebody's team: no shadow has an Opal group."""
    if kind is Kind.SHADOW and "kind" not in headers.columns():
        headers.own = {index: column for index, column in headers.own.items() if column != "group"}


def _apply_aliases(headers: _Headers, kind: Kind | None) -> None:
    has_both = kind is None or "kind" in headers.columns()
    words: dict[str, str] = {}
    for each in Kind:
        words |= CLEAR[each] if has_both or each is kind else {}
    words |= IN_SHEETS_OF[kind] if kind else {}
    headers.alias = headers.lead(words)


def _turn_schedule_id(headers: _Headers, kind: Kind | None, given: set[str]) -> None:
    """In a sheet of schedules `Schedule ID` is the schedules' own id, unless another column is."""
    taken = {*headers.mapped.values(), *headers.own.values(), *given}
    if kind is Kind.SCHEDULE and "remote_id" not in taken:
        _turn(headers, "schedule_id", "remote_id")


def _turn_until(headers: _Headers, kind: Kind | None, given: set[str]) -> None:
    """Where nothing repeats, and nothing else says the end, `until` is the end of the shift.

    A header that may say how often, such as `Frequency`, is enough for it to be neither.
    """
    others = {"repeat", "rotation", "ends_at", "duration"}
    is_doubtful = any(
        name in MAYBE_REPEATING for index, name in enumerate(headers.names) if index not in headers.mapped
    )
    if kind is not Kind.SCHEDULE and not is_doubtful and others.isdisjoint(headers.columns() | given):
        _turn(headers, "until", "ends_at")


def _turn(headers: _Headers, own: str, other: str) -> None:
    for index in [index for index, column in headers.own.items() if column == own]:
        del headers.own[index]
        headers.alias[index] = other


def _winners(headers: _Headers, mapping: Mapping) -> dict[str, tuple[int, ...]]:
    winners: dict[str, tuple[int, ...]] = {}
    for tier in (headers.mapped, headers.own, headers.alias):
        columns = set(tier.values()) - winners.keys() - mapping.constants.keys() - {NOT_USED}
        winners |= {column: tuple(index for index, one in tier.items() if one == column) for column in columns}
    return winners
