"""Matches a sheet's header to our columns: by the mapping, by a column's own name, by an alias.

Decides, too, what kinds of records the sheet holds. Looks at a row only to find out whether it is a header.
"""

from __future__ import annotations

import re
from collections import abc
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import PurePath
from typing import Final

from importer.cells import BLANKS, WORKBOOKS, Unreadable, canonical, cell_name
from importer.errors import SourceError
from importer.kinds import (
    CLEAR,
    COMMON,
    IN_SHEETS_OF,
    KINDS,
    KINDS_WITH,
    KNOWN,
    MAYBE_REPEATING,
    OPTIONAL,
    OWN,
    RIGHTS,
    TELLING,
    TELLING_IN_SPITE,
    kind_of_name,
    kinds_of_columns,
    read_kind,
)
from importer.normalizer.fields import JoinedTimes, Places
from importer.normalizer.mapping import NO_HEADER, NO_MAPPING, NOT_USED, TIME_PARTS, Mapping, Matrix
from importer.normalizer.matrix import Across, Grid, find_across, is_across, is_value
from importer.records import PRODUCT_COLUMNS, Sheet
from importer.wording import quote, quote_path


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


#: The report's own columns: a report can be a source.
_OF_REPORTS: Final = frozenset(map(canonical, PRODUCT_COLUMNS))

#: Headers of real exports that are not our columns: beside one of ours they confirm a header.
FAMILIAR: Final = _set(
    "name users escalationpolicies teamnames team teams description enabled userid note notes status email"
)

#: Headers that lists of people, services and so on have, and lists of schedules do not.
OF_OTHER_LISTS: Final = _set(
    "email emailaddress mail phone phonenumber mobile role baserole jobtitle firstname lastname surname username "
    "escalationpolicy integrations service servicename urgency"
)

#: Words in the names of such lists.
NAMES_OF_OTHER_LISTS: Final = _set(
    "user users person people contact contacts member members staff employee employees team teams service services "
    "policy policies engineer engineers developer developers responder responders agent agents"
)


# ---- whether a row is a header


_LONGEST = 200  # characters: no known header is longer
_ENOUGH = 2
_WORD = re.compile(r"[^\W\d_]+")
_ALIASES = [pair for words in (*CLEAR.values(), *IN_SHEETS_OF.values()) for pair in words.items()]
#: Texts that are a header even alone in a row; "Schedule" or "Rotation" alone would be titles.
_ALONE: Final = {name for name, column in OWN.items() if column in TELLING - COMMON} | {
    name for name, column in _ALIASES if column == "remote_id"
}
#: Headers of columns that identify a record's subject, not only its time.
_OF_RECORDS: Final = {
    name for name, column in (*OWN.items(), *_ALIASES) if column in TELLING - {"starts_at", "ends_at"}
}


def is_header(cells: Sequence[str], mapping: Mapping = NO_MAPPING) -> bool:
    """Return whether a row is a header: two of its cells are known, or its only one, or one in the mapping."""
    texts = [text for cell in cells if len(cell) <= _LONGEST and (text := cell.strip(BLANKS))]
    names = [canonical(text) for text in texts]
    mapped = {canonical(header) for header in mapping.headers} - {""}
    if any(text in mapping.columns or name in mapped for text, name in zip(texts, names, strict=True)):
        return True
    known = sum(name in KNOWN or name in _OF_REPORTS for name in names)
    # "From", "2027-01-01" is a line above the table, or one of its rows.
    if not known or any(map(is_value, texts)):
        return False
    if len(texts) == 1:
        return names[0] in _ALONE and sum(bool(cell.strip(BLANKS)) for cell in cells) == 1
    return known + sum(name in FAMILIAR for name in names) >= _ENOUGH


def rate_header(cells: Sequence[str], mapping: Mapping = NO_MAPPING) -> int:
    """Return how surely a row is a header: 0 not at all; 1 it has known columns; 2 also a record's subject; 3 a matrix.

    A legend above a table can say "Start" and "End", but no table has only these.
    """
    own = (mapping.of_sheet(name) for name, one in mapping.sheets.items() if one.matrix)
    if any(is_across(cells, one) and any(is_known_header(text, one) for text in cells) for one in (mapping, *own)):
        return 3
    if not is_header(cells, mapping):
        return 0
    texts = [cell.strip(BLANKS) for cell in cells]
    is_of_record = any(canonical(text) in _OF_RECORDS or text in mapping.columns for text in texts)
    return 2 if is_of_record or mapping.constants else 1


def is_known_header(text: str, mapping: Mapping = NO_MAPPING) -> bool:
    """Return whether a text is a known header, or one in the mapping."""
    text = text.strip(BLANKS)
    if not text or len(text) > _LONGEST or is_value(text):
        return False
    return canonical(text) in KNOWN or text in mapping.columns


# ---- which header is which column


_PART_HEADERS: Final = {
    **{canonical(part): part for part in TIME_PARTS},
    "shiftdate": "date",
    "day": "date",
    "fromdate": "start_date",
    "fromtime": "start_time",
    "todate": "end_date",
    "totime": "end_time",
}

#: Sheet names that mean schedules, or nothing at all, such as a program's default names.
_MAY_HOLD_SCHEDULES = re.compile(
    r"(?:.*[\W\d_])?(?:schedules?|rotas?|on[ _-]?call)(?:[\W\d_].*)?"
    r"|(?:sheet|tabelle|feuil|feuille|hoja|foglio|blad|ark|planilha|table|export|data|csv|results?)[ _()-]*\d*[ )]*",
    re.IGNORECASE | re.DOTALL,
)


def is_named(sheet: Sheet, mapping: Mapping) -> bool:
    """Return whether a sheet has a header of its own, not just the columns' letters: `TO` is the 535th column.

    A report of a source without a header has such letters too.
    """
    return NO_HEADER not in (sheet.header_row, mapping.header_row)


class _Claims:
    """The meanings of a sheet's headers; a sheet whose kind only `provider` decides holds schedules.

    `is_known`: an earlier run read the sheet, so it does not merely look like schedules.
    """

    def __init__(self, sheet: Sheet, mapping: Mapping, provider: str | None, *, is_known: bool) -> None:
        self._sheet = sheet
        self._mapping = mapping
        self._names = tuple(map(canonical, sheet.header))
        self._is_named = is_named(sheet, mapping)
        # Index of a header -> its column, by how that was decided: the mapping, the column's own name, another name.
        self._mapped = self._map()
        self._own = self._lead(OWN) if self._is_named else {}
        self._alias: dict[int, str] = {}
        given = {*mapping.constants, *mapping.defaults}
        #: what the sheet holds; None if that is undecided
        self.kind = self._decide(given | ({"third_party_provider"} if provider else set()), is_known=is_known)
        if self._is_named:
            self._leave_common()
            self._apply_aliases()
            self._turn_own_headers(given)
            self._turn_until(given)
        self.columns = self._winners()  #: our column -> its headers: more than one is an error
        self.joined = self._join_times()  #: our column -> the separate cells of date and time of day
        #: headers that are one of our columns, or not used on purpose
        self.used = {
            *(index for indices in self.columns.values() for index in indices),
            *(joined.day for joined in self.joined.values()),
            *(index for index, column in self._mapped.items() if column == NOT_USED),
        }

    def _map(self) -> dict[int, str]:
        found: set[str] = set()
        mapped: dict[int, str] = {}
        texts = tuple(text.strip(BLANKS) for text in self._sheet.header)
        # An exact match wins over one that is only spelled alike.
        for spell, spelled in ((str, texts), (canonical, self._names)):
            for header, column in self._mapping.columns.items():
                if header in found or not (wanted := spell(header)):
                    continue
                for index in [index for index, text in enumerate(spelled) if text == wanted]:
                    found.add(header)
                    mapped.setdefault(index, column)
        return mapped

    def _lead(self, words: dict[str, str]) -> dict[int, str]:
        """Return the columns of the headers that are among `words`, except those that the mapping assigns."""
        places = ((index, words.get(name)) for index, name in enumerate(self._names) if index not in self._mapped)
        return {index: column for index, column in places if column}

    def _claimed(self) -> set[str]:
        return {*self._mapped.values(), *self._own.values(), *self._alias.values()}

    def _decide(self, given: set[str], *, is_known: bool) -> str | None:
        """Decide the kind by the mapping, the sheet's name and its headers; only then by what holds for every row."""
        mapping, sheet = self._mapping, self._sheet
        constant, default = (_kind(texts.get("kind", "")) for texts in (mapping.constants, mapping.defaults))
        if constant:
            return constant
        sure, clear = self._deciding_columns()
        kinds = kinds_of_columns(sure | clear)
        if named := default or kind_of_name(sheet.name):
            # A file called "on-call schedule" that holds shadows: its rows say what they are.
            decisive = sure | (clear & TELLING_IN_SPITE)
            is_contradicted = bool(kinds_of_columns(decisive) - {named}) and named not in kinds
            has_foreign = any(named not in KINDS_WITH[column] for column in decisive & TELLING)
            return None if is_contradicted and has_foreign else named
        if not kinds and not self._is_of_others():
            # A provider alone does not make schedules of a workbook's other sheets: what is sent cannot be taken back.
            is_provider_alone = given & TELLING == {"third_party_provider"}
            if is_known or not is_provider_alone or _may_hold_schedules(sheet):
                kinds = kinds_of_columns(given)
        return next(iter(kinds)) if len(kinds) == 1 else None

    def _deciding_columns(self) -> tuple[set[str], set[str]]:
        """Return the columns that are certain, and those that aliases may mean."""
        words = CLEAR.values() if self._is_named else ()
        clear = {column for each in words for column in self._lead(each).values()}
        sure = {*self._mapped.values(), *self._own.values()}
        sure |= {column for part in sure & TIME_PARTS.keys() for column in TIME_PARTS[part]}
        if "remote_id" not in sure | clear and "schedule_id" not in self._mapped.values():
            sure.discard("schedule_id")  # "Schedule ID" in a list of schedules is the schedules' own id
        return sure, clear

    def _is_of_others(self) -> bool:
        """Return whether a sheet lists people or services, whose `ID` must never be sent as a schedule's."""
        words = {word.casefold() for word in _WORD.findall(self._sheet.name)}
        return not (OF_OTHER_LISTS.isdisjoint(self._names) and NAMES_OF_OTHER_LISTS.isdisjoint(words))

    def _leave_common(self) -> None:
        """Ignore headers that are common words in a sheet of another kind: `Group` is somebody's team there."""
        kinds = {self.kind} if self.kind else kinds_of_columns(self._claimed())
        if kinds and "kind" not in self._claimed():
            foreign = {column for column in COMMON if KINDS_WITH[column].isdisjoint(kinds)}
            self._own = {index: column for index, column in self._own.items() if column not in foreign}

    def _apply_aliases(self) -> None:
        """Apply aliases: in any sheet, in sheets of the kind, or only in rows of another kind."""
        is_open = "kind" in self._claimed()
        words: dict[str, str] = {}
        for each in KINDS:
            words |= CLEAR[each] if is_open or self.kind in (None, each) else {}
        words |= IN_SHEETS_OF[self.kind] if self.kind else {}
        self._alias = self._lead(words)
        if self.kind and is_open:
            self._alias |= self._of_other_kinds()

    def _of_other_kinds(self) -> dict[int, str]:
        """Return what headers mean in rows whose kind only their own cell decides: `User` beside `override`.

        Only columns that rows of other kinds do not read, and only if a single header can be it.
        """
        free = {
            column: [index for index, one in self._lead(words).items() if one == column and index not in self._alias]
            for words in IN_SHEETS_OF.values()
            for column in COMMON & set(words.values()) - self._claimed()
        }
        return {places[0]: column for column, places in free.items() if len(places) == 1}

    def _turn_own_headers(self, given: set[str]) -> None:
        """Make `Schedule ID` in a sheet of schedules the schedules' own id, unless another column is."""
        taken = {*self._mapped.values(), *self._own.values(), *given}
        for theirs, own in KINDS[self.kind].own_headers.items() if self.kind else ():
            if own not in taken:
                self._turn(theirs, own)

    def _turn_until(self, given: set[str]) -> None:
        """Make `until` the end of the shift if nothing repeats and nothing else is the end.

        A header that may mean repetition, such as `Frequency`, is enough to leave it alone.
        """
        free = (name for index, name in enumerate(self._names) if index not in self._mapped)
        is_doubtful = not MAYBE_REPEATING.isdisjoint(free)
        may_repeat = self.kind is None or self.kind in KINDS_WITH["until"]
        others = {"repeat", "rotation", "ends_at", "duration"}
        if may_repeat and not is_doubtful and others.isdisjoint(self._claimed() | given):
            self._turn("until", "ends_at")

    def _turn(self, own: str, other: str) -> None:
        for index in [index for index, column in self._own.items() if column == own]:
            del self._own[index]
            self._alias[index] = other

    def _winners(self) -> dict[str, tuple[int, ...]]:
        winners: dict[str, tuple[int, ...]] = {}
        for tier in (self._mapped, self._own, self._alias):
            columns = set(tier.values()) - winners.keys() - self._mapping.constants.keys() - {NOT_USED}
            for index, column in tier.items():
                if column in columns:
                    winners[column] = (*winners.get(column, ()), index)
        return winners

    def _join_times(self) -> dict[str, JoinedTimes]:
        """Find date-times with separate columns for date and time of day; `columns` keeps the time of day."""
        parts = {name: self.columns.pop(name)[0] for name in TIME_PARTS if name in self.columns}
        places = {name: index for index, name in reversed([*enumerate(self._names)]) if index not in self._mapped}
        for name, part in _PART_HEADERS.items() if self._is_named else ():  # "Day" may be a weekday beside "Date"
            if name in places:
                parts.setdefault(part, places[name])
        joined = {}
        for column, side in (("starts_at", "start"), ("ends_at", "end")):
            day, clock = parts.get(f"{side}_date"), parts.get(f"{side}_time")
            claimed = self.columns.get(column, ())
            if day is not None and clock is not None and {day, clock}.issuperset(claimed):
                joined[column] = JoinedTimes(day, clock, is_shared=False)
            elif len(alone := [index for index in claimed or (clock, day) if index is not None]) == 1:
                shared = parts.get("date", parts.get("start_date") if parts.get("start_time") is not None else None)
                if shared is not None and alone[0] not in (day, shared):
                    joined[column] = JoinedTimes(shared, alone[0], is_shared=True)
                self.columns[column] = (alone[0],)
            if column in joined:
                self.columns[column] = (joined[column].clock,)
        return joined


def _kind(text: str) -> str | None:
    kind = read_kind(text)
    return None if isinstance(kind, Unreadable) else kind


def _may_hold_schedules(sheet: Sheet) -> bool:
    file = PurePath(sheet.source)
    if file.suffix.casefold() not in WORKBOOKS or file.stem == sheet.name:
        return True
    return bool(_MAY_HOLD_SCHEDULES.fullmatch(sheet.name))


# ---- the sheet's layout


FIRST_ROW = 1
_BESIDE = frozenset({"kind", "timezone", *COMMON})  # these alone make no record, whatever the mapping gives


@dataclass(frozen=True, slots=True)
class Layout(Places):
    """The layout of a sheet: its columns, what it holds, and what the mapping gives."""

    not_used: tuple[str, ...] = ()  #: headers that are not used, unchanged, each once; without blank ones
    kind: str | None = None  #: what the sheet holds; None if that is undecided
    mapping: Mapping = NO_MAPPING
    grid: Grid | None = None  #: for a matrix: the cells that make the records

    @property
    def is_usable(self) -> bool:
        """True if some column can make a record, perhaps together with what the mapping gives."""
        indices = (self.grid.places if self.grid else self).indices
        if kinds_of_columns(indices.keys()):
            return True
        return not (_BESIDE.issuperset(indices) or TELLING.isdisjoint(self.given))


def plan(sheet: Sheet, mapping: Mapping = NO_MAPPING, provider: str | None = None, *, is_known: bool = False) -> Layout:
    """Find our columns in a sheet's header; `provider` is for schedules that name none.

    `is_known`: an earlier run read the sheet.

    Raises:
        SourceError: two headers are the same column, and choosing one would be a guess; or a header of a matrix is not
            a date.
    """
    if mapping.matrix and (across := find_across(sheet, mapping)):
        return _plan_matrix(sheet, mapping, mapping.matrix, across, provider)
    claims = _Claims(sheet, mapping, provider, is_known=is_known)
    _refuse_repeats(sheet, claims.columns)
    return Layout(
        sheet,
        {column: indices[0] for column, indices in claims.columns.items()},
        RIGHTS,
        optional=OPTIONAL - mapping.defaults.keys(),  # a dash there may mean the default, or nothing
        values=mapping.lookup(),
        joined=claims.joined,
        given={**mapping.defaults, **mapping.constants},
        defaults=mapping.defaults,
        not_used=_not_used(sheet, claims.used),
        kind=claims.kind,
        mapping=mapping,
    )


def _plan_matrix(
    sheet: Sheet, mapping: Mapping, matrix: Matrix, across: tuple[Across, ...], provider: str | None
) -> Layout:
    """Plan a sheet whose cells make the records: as if the columns that a cell gives followed its own."""
    given = {f"[matrix] {name}": name for name in matrix.columns}
    outside, width = {one.place for one in across}, len(sheet.header)
    own = tuple("" if index in outside else text for index, text in enumerate(sheet.header))
    first = sheet.positions[across[0].place]
    wide = replace(sheet, header=(*own, *given), positions=(*sheet.positions, *(first for _ in given)))
    layout = plan(wide, replace(mapping, columns={**mapping.columns, **given}, matrix=None), provider, is_known=True)
    return replace(
        layout,
        sheet=sheet,
        indices={name: index for name, index in layout.indices.items() if index < width},
        joined={},
        mapping=mapping,
        grid=Grid(layout, across, matrix, width),
    )


def repeats(
    sheet: Sheet, mapping: Mapping = NO_MAPPING, provider: str | None = None, *, is_known: bool = False
) -> tuple[tuple[int, ...], ...]:
    """Find the headers that are the same column: for each such column the indices into the header."""
    columns = _Claims(sheet, mapping, provider, is_known=is_known).columns
    return tuple(indices for indices in columns.values() if len(indices) > 1)


def _not_used(sheet: Sheet, used: set[int]) -> tuple[str, ...]:
    headers = (text for index, text in enumerate(sheet.header) if index not in used)
    return tuple(dict.fromkeys(text for text in headers if any(c.isprintable() and not c.isspace() for c in text)))


def _refuse_repeats(sheet: Sheet, columns: abc.Mapping[str, tuple[int, ...]]) -> None:
    row = sheet.header_row or FIRST_ROW
    repeats = [
        f"{column}: {', '.join(f'{cell_name(sheet.positions[at], row)} {quote(sheet.header[at])}' for at in indices)}"
        for column, indices in columns.items()
        if len(indices) > 1
    ]
    if repeats:
        raise SourceError(
            f"{quote_path(sheet.source)}, sheet {quote(sheet.name)}, has more than one column for {'; '.join(repeats)}",
            hint='Keep one of them: rename or delete the others, or write "their header" = "" below [columns] '
            "in a mapping file.",
        )
