"""The drop-downs of a workbook: what is known of people, schedules and groups, the nearest to a wrong text first.

Their choices stand on a sheet of their own under defined names: a list in the cell itself is lost beyond 255
characters, and torn apart at commas. Each choice is a text that is read again as what it stands for.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

from importer.kinds import COLUMNS
from importer.normalizer.references import Directory, Group, Person, is_schedule_reference
from importer.reporter.xlsx_writer import ROWS, CellStyle, Fill
from importer.wording import as_sentence

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from importer.records import KnownName, Problem
    from importer.reporter.xlsx_writer import Book


LISTS = "Lists"
_TITLES = {"user": "People", "schedule": "Schedules", "group": "Groups"}
_MOST_CELLS = 20_000  # of all lists with the nearest first: beyond, such a list holds the nearest alone
_MOST_CELLS_OF_THEIR_OWN = 2_000  # with a list; the others have that of their column
_ROOM = 200  # rows below the last line in which rows may be added


class DropDowns:
    """The choices of one table's cells, gathered while its lines are written."""

    def __init__(self, book: Book, known: Sequence[KnownName] = ()) -> None:
        self._book = book
        self._known = known
        self._choices: dict[str, dict[str, str]] = {}  # what -> id -> what is chosen
        self._directory: Directory | None = None
        self._lists: dict[str, Sequence[str]] = {}  # by their names
        self._names: dict[tuple[str, str], str] = {}  # what, wrong text -> list
        self._cells: defaultdict[int, dict[int, str]] = defaultdict(dict)  # column -> row -> list
        self._columns: dict[int, str] = {}  # column -> the list of its other cells
        self._size = 0
        self._marked = 0

    def offer(self, row: int, column: int, problem: Problem, text: str) -> str:
        """Offer what a bad cell may mean; give the words for what to do, empty where there is nothing to choose."""
        what = self._subject(problem)
        choices = self._choices_of(what)
        if not choices:
            return ""
        self._columns.setdefault(column, self._name(what, "", choices.values()))
        is_small = self._marked < _MOST_CELLS_OF_THEIR_OWN
        nearest = self._nearest(what, text) if text and what in _TITLES and is_small else []
        words = f"{as_sentence(problem.hint)}\nOr choose from the list in the cell."
        if nearest:
            first = choices[nearest[0]]
            self._marked += 1
            self._cells[column][row] = self._name(what, text, self._with_others(nearest, choices))
            if first != nearest[0]:  # an id alone tells nobody anything
                words = f"Choose from the list in the cell, where {first} stands first, or write another one."
        return words

    def offer_column(self, column: int, name: str) -> None:
        """Offer who and what is known in all cells of a column, where `name`, a column of ours, takes one of these."""
        of = COLUMNS.get(name)
        if of is None or of.is_list:  # of several, a choice would take the others' place
            return
        if of.ids_of and (choices := self._choices_of(of.ids_of)):
            self._columns.setdefault(column, self._name(of.ids_of, "", choices.values()))

    def _subject(self, problem: Problem) -> str:
        """Return what a problem's cell names: one that was looked up says so itself."""
        told = problem.topic.partition(" ")[0]
        if told in _TITLES:
            return told
        return (problem.column in COLUMNS and COLUMNS[problem.column].ids_of) or problem.column

    def _choices_of(self, what: str) -> Mapping[str, str]:
        if what not in self._choices:
            own = [one for one in self._known if one.what == what]
            names = Counter(one.name for one in own)
            self._choices[what] = {one.id: _choice(one, is_only=names[one.name] == 1) for one in own}
            if what in COLUMNS and not own and not COLUMNS[what].is_open:
                self._choices[what] = {word: word for word in COLUMNS[what].choices}
        return self._choices[what]

    def _nearest(self, what: str, text: str) -> list[str]:
        if self._directory is None:
            of = {what: [one for one in self._known if one.what == what] for what in _TITLES}
            self._directory = Directory(
                [Person(one.id, one.name, one.email) for one in of["user"]],
                [(one.id, one.name) for one in of["schedule"]],
                [Group(one.id, one.name, "", is_refusing=False) for one in of["group"]],
            )
        return self._directory.nearest(what, text)

    def _with_others(self, nearest: Sequence[str], choices: Mapping[str, str]) -> list[str]:
        first = [choices[id_] for id_ in nearest if id_ in choices]
        self._size += len(choices)
        return first if self._size > _MOST_CELLS else list(dict.fromkeys((*first, *choices.values())))

    def _name(self, what: str, text: str, choices: Iterable[str]) -> str:
        if (what, text) not in self._names:
            title = _TITLES.get(what, f"Words_{what}")
            name = f"{title}_{len(self._names)}" if text else title
            self._names[what, text] = name
            self._lists[name] = list(choices)
        return self._names[what, text]

    def finish(self, sheet: Any, lines: int) -> None:
        """Put the drop-downs into a table's cells, and their choices on a sheet of their own."""
        for column, general in self._columns.items():
            own = self._cells[column]
            for row, name in own.items():
                _validate(sheet, row, row, column, name)
            start = 1
            for row in (*sorted(own), min(lines + _ROOM, ROWS)):
                if start < row:
                    _validate(sheet, start, row - 1, column, general)
                start = row + 1

    def write(self) -> None:
        """Write the choices, if there are any, on a sheet of their own."""
        if not self._lists:
            return
        widths = [max(map(len, (f"{name}  ", *choices))) + 2 for name, choices in self._lists.items()]
        rows = zip_longest(*self._lists.values(), fillvalue="")
        look = CellStyle(Fill.HEADER, is_bold=True)
        sheet = self._book.add_table(LISTS, list(self._lists), rows, [min(width, 50) for width in widths], look=look)
        for column, (name, choices) in enumerate(self._lists.items()):
            self._book.name_range(name, sheet, column, len(choices))


def _choice(one: KnownName, *, is_only: bool) -> str:
    """Return a text by which a person, a schedule or a group is found again."""
    if one.what == "user":
        is_plain = one.name != one.email and not set(one.name) & set("<>@")
        if one.email:
            return f"{one.name} <{one.email}>" if is_plain else one.email
        return one.id
    if not is_only:
        return one.id
    return one.name if one.what != "schedule" or is_schedule_reference(one.name) else f"name:{one.name}"


def _validate(sheet: Any, first: int, last: int, column: int, name: str) -> None:
    """Offer the choices under a name; another text is asked about and not refused, for not all may be known."""
    facts = {
        "validate": "list",
        "source": f"={name}",
        "error_type": "warning",
        "error_title": "Not in the list",
        "error_message": "This is not in the list. Is it right all the same?",
    }
    sheet.data_validation(first, column, last, column, facts)
