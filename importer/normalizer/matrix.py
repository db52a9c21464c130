"""A roster (matrix): which headers are across, and what each filled cell below them means. Makes no records."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Final, NamedTuple

from importer.cells import BLANKS, Unreadable, canonical, cell_name, shown_text
from importer.errors import SourceError
from importer.normalizer.date_times import WEEKDAY_OF, read_date
from importer.normalizer.fields import Places
from importer.normalizer.mapping import Mapping as UserMapping
from importer.normalizer.mapping import Matrix, Texts
from importer.records import Problem, Row, Sheet
from importer.settings.options import DateOrder
from importer.wording import quote, quote_path

_WORD = re.compile(r"[^\W\d_]+")
_MONTHS: Final = "jan feb mar apr may jun jul aug sep oct nov dec"
#: Words of numbers, dates, times and durations.
_OF_VALUES: Final = "st nd rd th of at t z am pm a p m h d w s e x min utc gmt hours hour days day weeks week"

_WEEKDAYS: Final = WEEKDAY_OF | {
    word: number
    for number, words in enumerate(
        (
            "mo montag",
            "tu di dienstag",
            "we mi mittwoch",
            "th do donnerstag",
            "fr freitag",
            "sa samstag sonnabend",
            "su so sonntag",
        )
    )
    for word in words.split()
}
_DAY = re.compile(r"0?([1-9][0-9]?)(?:\.|st|nd|rd|th)?", re.IGNORECASE | re.ASCII)
_NUMBERED = re.compile(r"[0-9]{1,2}(?P<mark>[./-])[0-9]{1,2}(?P=mark)?", re.ASCII)
_FEWEST = 2  # headers across that make a row a header row
_MOST_DAYS, _MOST_DATES = 7, 31  # between two headers without a month, without a year: with more, one is out of order

_NO_FIRST = Unreadable(
    ", which does not say its year or month", "Write below [matrix] when the roster begins: first = 2027-03-01."
)
_NOT_NEXT = Unreadable(
    ", which does not follow the date before it", "Write whole dates into the header, or correct first below [matrix]."
)
UNKNOWN_MARK: Final = "mark that [matrix.marks] does not have"


class Across(NamedTuple):
    """A header across the top."""

    place: int  #: index into the sheet's header
    text: str  #: the text for our column; a date in ISO 8601


def is_value(text: str) -> bool:
    """Return whether the whole text is a number, a date or a time, also in words; `2nd line` is not."""
    if not text[0].isdigit():
        return False
    return all(
        word.casefold() in _OF_VALUES.split() or word.casefold()[:3] in _MONTHS.split() for word in _WORD.findall(text)
    )


def find_headers(header: Sequence[str], wanted: str) -> list[int]:
    """Return the indices of the headers equal to a text: exactly, or else ignoring case and signs."""
    exact = [index for index, text in enumerate(header) if text.strip(BLANKS) == wanted]
    name = canonical(wanted)
    return exact or [index for index, text in enumerate(header) if name and canonical(text) == name]


def find_across(sheet: Sheet, mapping: UserMapping) -> tuple[Across, ...]:
    """Find the headers across; none if the sheet is not a matrix.

    Raises:
        SourceError: one of them cannot be read as a date.
    """
    matrix = mapping.matrix
    if matrix is None:
        return ()
    listed = [index for text in matrix.headers for index in find_headers(sheet.header, text)]
    if not matrix.is_of_dates:
        return tuple(Across(index, sheet.header[index].strip(BLANKS)) for index in sorted(listed))
    found = list(_dates(sheet.header, mapping, matrix))
    across = tuple(Across(index, day.isoformat()) for index, day in found if isinstance(day, date))
    for index, day in found if across or listed else ():
        if isinstance(day, Unreadable):
            cell = cell_name(sheet.positions[index], sheet.header_row)
            raise SourceError(
                f"{quote_path(sheet.source)}, sheet {quote(sheet.name)}, header cell {cell}: "
                f"{quote(sheet.header[index].strip(BLANKS))} is among dates{day.reason}",
                hint=f'{day.hint} A header that is none: "{sheet.header[index].strip(BLANKS)}" = "" below [columns].',
            )
    return across


def is_across(cells: Sequence[str], mapping: UserMapping) -> bool:
    """Return whether a row has headers across."""
    matrix = mapping.matrix
    if matrix is None:
        return False
    if not matrix.is_of_dates:
        return sum(bool(find_headers(cells, text)) for text in matrix.headers) >= min(_FEWEST, len(matrix.headers))
    return sum(isinstance(day, date) for _, day in _dates(cells, mapping, matrix)) >= _FEWEST


def _dates(header: Sequence[str], mapping: UserMapping, matrix: Matrix) -> Iterator[tuple[int, date | Unreadable]]:
    """Yield the headers that are dates, or look like one, read in order."""
    listed = {index for text in matrix.headers for index in find_headers(header, text)}
    mapped = {index for text in mapping.columns for index in find_headers(header, text)}
    last = date.fromisoformat(matrix.first) if matrix.first else None
    for index, text in enumerate(header):
        words = text.strip(BLANKS).split()
        if not words or index in mapped or (listed and index not in listed):
            continue
        weekday, plain = _without_weekday(words)
        day = _read(plain, last, mapping.times.date_order)
        if isinstance(day, date):
            if weekday is not None and day.weekday() != weekday:
                day = Unreadable(f", and {day} is a {day:%A}", "Correct the header, or first below [matrix].")
            else:
                last = day if last else None
        elif not (index in listed or is_value(plain)):
            continue
        yield index, day


def _without_weekday(words: list[str]) -> tuple[int | None, str]:
    for word, others in ((words[0], words[1:]), (words[-1], words[:-1])):
        weekday = _WEEKDAYS.get(word.strip(".,()").casefold())
        if weekday is not None and others:
            return weekday, " ".join(others)
    return None, " ".join(words)


def _read(text: str, last: date | None, order: DateOrder | None) -> date | Unreadable:
    whole = read_date(text, order)
    day, numbered = _DAY.fullmatch(text), _NUMBERED.fullmatch(text)
    if isinstance(whole, date) or not (day or numbered or is_value(text) or len(text.split()) == 2):
        return whole
    if last is None:
        return _NO_FIRST if day or numbered else whole
    if day:
        days = (last + timedelta(days=ahead) for ahead in range(_MOST_DAYS + 1))
        return next((one for one in days if one.day == int(day[1])), _NOT_NEXT)
    for year in (last.year, last.year + 1):
        mark = numbered["mark"] if numbered else " "
        found = read_date(f"{text.rstrip('./-')}{mark}{year}", order)
        if isinstance(found, Unreadable):
            return found
        if last <= found <= last + timedelta(days=_MOST_DATES):
            return found
    return _NOT_NEXT


class Grid:
    """The cells of one sheet that make records, each as a row with the columns that the cell gives.

    `places` are those of the sheet's header, followed by the columns that a cell gives.
    """

    def __init__(self, places: Places, across: Sequence[Across], matrix: Matrix, width: int) -> None:
        self.places = places
        self._across = across
        self._matrix = matrix
        self._width = width
        self._marks: Mapping[str, Texts] = {mark.casefold(): meant for mark, meant in matrix.marks.items()} | dict(
            matrix.marks
        )
        self._made: dict[int, Places] = {}

    def is_empty(self, row: Row) -> bool:
        """Return whether no cell of a row makes a record: all are empty, or mean nobody."""
        return all(self._meant(text) == {} for one in self._across if (text := shown_text(row.cells[one.place])))

    def rows(self, row: Row, header: Sequence[str]) -> Iterator[tuple[Places, Row, str] | Problem]:
        """Yield places, row and cell name for each filled cell; or its problem."""
        unreadable = {problem.cell for problem in row.problems}
        for one in self._across:
            text = shown_text(row.cells[one.place])
            cell = cell_name(self.places.sheet.positions[one.place], row.place)
            meant = self._meant(text) if text and cell not in unreadable else {}
            if meant is None:
                name = quote(header[one.place].strip(BLANKS))
                yield Problem(
                    f"below {name} is {quote(text)}, which is not a mark that the mapping knows",
                    f"Correct the cell, or add {quote(text)} below [matrix.marks]: what it means, or {{}} for nobody.",
                    cell=cell,
                    topic=UNKNOWN_MARK,
                )
            elif meant:
                own = tuple(meant.get(name, "") for name in self._matrix.columns)
                cells = (*row.cells, one.text, *own[1:])
                yield self._places(one.place, header), row._replace(cells=cells), cell

    def _meant(self, text: str) -> Texts | None:
        """Return the meaning of a cell's text, by column; {} means nobody, None that it is not known."""
        mark = self._marks.get(text, self._marks.get(text.casefold()))
        if mark is None and self._matrix.cells:
            mark = {self._matrix.cells: text}
        return {**self._matrix.every, **mark} if mark else mark

    def _places(self, index: int, header: Sequence[str]) -> Places:
        """Return the columns' places for the cells of one header: what a cell gives is in that cell."""
        if index not in self._made:
            sheet = self.places.sheet
            columns = enumerate(self._matrix.columns)
            names = [header[index] if not place or name == self._matrix.cells else "" for place, name in columns]
            positions = (*sheet.positions[: self._width], *(sheet.positions[index] for _ in names))
            own = replace(sheet, header=(*sheet.header[: self._width], *names), positions=positions)
            self._made[index] = replace(self.places, sheet=own)
        return self._made[index]
