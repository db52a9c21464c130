"""Writes workbooks row by row: texts that stay texts, colours, comments. The only module that knows XlsxWriter.

Rows go through a folder beside the file, so that memory holds only one row of each sheet, and the comments.
"""

from __future__ import annotations

import io
import re
import tempfile
from collections.abc import Callable, Collection, Iterable, Sequence
from enum import Enum
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from importer.cells import ROWS, letters_of
from importer.kinds import kinds_named
from importer.reporter.atomic_file import JOURNAL_HINT, replace_file
from importer.wording import escape_unprintable

# ---- the looks of cells


class Fill(Enum):
    """A cell's background and the colour of its text; the first three are the spreadsheets' styles of these names."""

    GOOD = ("#C6EFCE", "#006100")
    BAD = ("#FFC7CE", "#9C0006")
    NEUTRAL = ("#FFEB9C", "#7F4F00")
    DOUBT = ("#F8CBAD", "#833C0B")
    SAME = ("#DDEBF7", "#1F4E78")
    WAITING = ("#E7E6E6", "#404040")
    EXAMPLE = ("#F2F2F2", "#595959")
    HEADER = ("#44546A", "#FFFFFF")


# ---- the workbook


#: Comments of a workbook, at most. Each is a drawing, which a spreadsheet program makes when it opens the file.
COMMENTS = 10_000
TEXT = "@"  #: the number format under which whatever is typed stays as typed: 00042, 1e5, 3/12
_TEXT_INDEX = 49  # of `TEXT` among the built-in formats of spreadsheet programs
_LONGEST = 32_767  # UTF-16 units, of a cell and of a comment
_LONGEST_TITLE, _LONGEST_MESSAGE = 32, 255  # characters of a drop-down's question
_LONGEST_NAME = 31  # UTF-16 units, of a sheet's name
_BOX, _LINE, _LINES = 340, 14, 24  # pixels of a comment's box and of a line in it; lines that are shown at most
_IN_A_LINE = 58  # characters of a comment's line, about
_A4 = 9
_BUTTON = 4  # characters: room for the filter's button beside a header

# Texts that would not be read back as they were written: two `_x005F_` escapes that share an underscore, what XML
# cannot hold, and what XlsxWriter takes for the XML of a rich text.
_is_unholdable = re.compile(
    r"_x[0-9a-fA-F]{4}_x[0-9a-fA-F]{4}_ | [\ud800-\udfff\ufffe\uffff] | \A<r>.*</r>\Z",
    re.VERBOSE | re.DOTALL,
).search
# In a row whose cells are joined by `|`: what must be escaped or refused, or needs an attribute.
_is_intricate = re.compile(
    r'["&<>\x00-\x1f\ud800-\udfff\ufffe\uffff] | _x | (?:\A|\|)\s | \s(?:\Z|\|)', re.VERBOSE
).search
_around_names = re.compile(r"\A[\s']+|[\s']+\Z")
_not_in_names = re.compile(r"[\[\]:*?/\\\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


class UnholdableError(Exception):
    """A workbook cannot hold this so that it is read back unchanged."""


class CellStyle(NamedTuple):
    """How a cell looks."""

    fill: Fill | None = None
    number_format: str = TEXT
    is_bold: bool = False
    is_wrapped: bool = False
    is_top: bool = False  #: at the top of a high row
    is_left: bool = False  #: even if it holds a number


#: A header, and one that stands out.
BOLD, HEADER = CellStyle(is_bold=True), CellStyle(Fill.HEADER, is_bold=True)


class Book:
    """One workbook: sheets by name, styles that are made once, and a limited number of comments."""

    comments_left_out: int  #: those that `comment` did not write: there were `COMMENTS` already

    def __init__(self, book: Any) -> None:
        self.comments_left_out = 0
        self._book = book
        self._styles: dict[CellStyle, Any] = {}
        self._names: set[str] = set()
        self._comments = 0

    def add_sheet(self, name: str) -> Any:
        """Add a worksheet under a valid and unique name: cut, and numbered if necessary."""
        plain = _around_names.sub("", _not_in_names.sub("_", name))
        if plain.casefold() in {"", "history"}:  # Excel reserves the second
            plain = f"{plain} sheet".strip()
        title, number = _cut_name(plain, _LONGEST_NAME), 1
        while title.casefold() in self._names:
            number += 1
            title = _cut_name(plain, _LONGEST_NAME - len(f" ({number})")).rstrip() + f" ({number})"
        self._names.add(title.casefold())
        sheet = self._book.add_worksheet(title)
        sheet.ignore_errors({"number_stored_as_text": "A1:XFD1048576"})  # ids are texts: no green corner for them
        return sheet

    def style(self, look: CellStyle) -> Any:
        """Return the format for `put` that makes a cell look so."""
        if look not in self._styles:
            facts: dict[str, Any] = {
                "num_format": _TEXT_INDEX if look.number_format == TEXT else look.number_format,
                "bold": look.is_bold,
                "text_wrap": look.is_wrapped,
            }
            if look.is_left:
                facts["align"] = "left"
            if look.is_top:
                facts["valign"] = "top"
            if look.fill:
                facts["bg_color"], facts["font_color"] = look.fill.value
            self._styles[look] = self._book.add_format(facts)
        return self._styles[look]

    def add_table(
        self,
        name: str,
        header: Sequence[str],
        rows: Iterable[Sequence[str | int]],
        widths: Sequence[int],
        *,
        look: CellStyle = BOLD,
        closed: Collection[int] = (),
    ) -> Any:
        """Write a sheet with one table of texts and whole numbers; return it. `closed` are the folded columns."""
        sheet, text = self.add_sheet(name), self.style(CellStyle())
        set_columns(sheet, [(width, text) for width in widths], closed)
        put_cells(sheet, 0, header, self.style(look))
        number = 0
        for number, cells in enumerate(rows, start=1):
            put_row(sheet, number, cells, text)
        finish_table(sheet, number, len(header))
        return sheet

    def name_range(self, name: str, sheet: Any, column: int, rows: int) -> None:
        """Name the first rows of a column, for a drop-down to take its choices from."""
        letters = letters_of(column)
        self._book.define_name(name, f"='{sheet.get_name()}'!${letters}$2:${letters}${rows + 1}")

    def comment(self, sheet: Any, row: int, column: int, text: str) -> None:
        """Put a comment on a cell, with unprintable characters as escapes, cut if it is too long."""
        if self._comments == COMMENTS:
            self.comments_left_out += 1
            return
        self._comments += 1
        text = _cut(escape_unprintable(text, keep="\n"), _LONGEST)
        lines = sum(1 + len(line) // _IN_A_LINE for line in text.split("\n"))
        options = {"author": "oncall-importer", "width": _BOX, "height": _LINE * (2 + min(lines, _LINES))}
        sheet.write_comment(row, column, text, options)


def write_book(path: Path, fill: Callable[[Book], object], *, hint: str = JOURNAL_HINT) -> Path:
    """Write the workbook that `fill` fills; return the file's final path.

    Rows of a sheet are filled in ascending order: cells of earlier rows are lost. Whatever `fill` raises, the older
    file is still there.

    Raises:
        ReportError: the file could not be written; `hint` is its hint.
    """
    return replace_file(path, lambda file: _write(file, path.parent, fill), hint=hint)


def put(sheet: Any, row: int, column: int, cell: str | int, style: Any = None) -> None:
    """Write one cell, a text as a text; an empty one is not written.

    Raises:
        UnholdableError: it would not be read back unchanged.
    """
    if cell == "":
        return
    if isinstance(cell, int):
        refused = sheet.write_number(row, column, cell, style)
    else:
        refused = _is_unholdable(cell) or sheet.write_string(row, column, cell, style)
    if refused:  # -1: outside of the sheet, -2: too long
        raise UnholdableError


def put_cells(sheet: Any, row: int, cells: Iterable[str | int], style: Any = None, *, first: int = 0) -> None:
    """Write cells side by side, from the column `first` on, as `put` does."""
    for column, cell in enumerate(cells, start=first):
        put(sheet, row, column, cell, style)


def put_row(sheet: Any, row: int, cells: Sequence[str | int], style: Any) -> None:
    """Write a row from its first column on, below all others: like `put`, but six times as fast.

    A row of texts without anything to escape is written as XML, because XlsxWriter looks at each cell six times.

    Raises:
        UnholdableError: a cell would not be read back unchanged.
    """
    text = "|".join(map(str, cells))
    has_number = not all(isinstance(cell, str) for cell in cells)
    if has_number or _is_intricate(text) or len(text) > _LONGEST // 2 or row >= ROWS or not text.strip("|"):
        for column, cell in enumerate(cells):
            put(sheet, row, column, cell, None if isinstance(cell, int) else style)
        return
    sheet._write_single_row(row)  # the one before
    sheet._check_dimensions(row, len(cells) - 1)
    head = f'{row + 1}" s="{style._get_xf_index()}" t="inlineStr"><is><t>'
    written = [f'<c r="{letters_of(column)}{head}{cell}</t></is></c>' for column, cell in enumerate(cells) if cell]
    sheet.fh.write(f'<row r="{row + 1}">{"".join(written)}</row>')


def set_columns(sheet: Any, looks: Sequence[tuple[int, Any]], closed: Collection[int] = ()) -> None:
    """Set the columns' widths and styles, and fold those away that people do not need."""
    for column, (width, style) in enumerate([*looks, (None, None)]):
        options = {"level": 1, "hidden": True} if column in closed else {}
        options |= {"collapsed": True} if column - 1 in closed and column not in closed else {}
        if width or options:
            sheet.set_column(column, column, width, style, options)


def finish_table(sheet: Any, last_row: int, width: int) -> None:
    """Freeze the header, with a filter button in each cell; print on few pages, each with the header."""
    sheet.freeze_panes(1, 0)
    sheet.autofilter(0, 0, last_row, width - 1)
    sheet.repeat_rows(0)
    fit_to_width(sheet)


def fit_to_width(sheet: Any) -> None:
    """Print a sheet on pages as wide as it is."""
    sheet.set_landscape()
    sheet.hide_gridlines(0)  # shown on paper too
    sheet.set_paper(_A4)
    sheet.set_margins(left=0.4, right=0.4, top=0.5, bottom=0.6)
    sheet.fit_to_pages(1, 0)
    sheet.set_footer("&L&A&RPage &P of &N")


def put_marked(sheet: Any, row: int, column: int, cell: str, style: Any) -> None:
    """Write one cell that must be visible: also an empty one, which stays empty."""
    if cell == "":
        sheet.write_blank(row, column, None, style)
    else:
        put(sheet, row, column, cell, style)


def offer(
    sheet: Any,
    rows: tuple[int, int],
    column: int,
    source: str | list[str],
    words: tuple[str, str],
    *,
    is_asked: bool = True,
) -> None:
    """Offer choices in the cells of a column from one row to another; `words` are the title and the text of a question.

    The program asks about another text and does not refuse it, because not everything may be known.
    """
    title, message = words
    facts = {
        "validate": "list",
        "source": source,
        "show_error": is_asked,
        "error_type": "warning",
        "error_title": title[:_LONGEST_TITLE],
        "error_message": message[:_LONGEST_MESSAGE],
    }
    sheet.data_validation(rows[0], column, rows[1], column, facts)


def header_width(text: str, narrowest: int = 14, widest: int = 40) -> int:
    """Return a column's width in characters by its header, the filter's button included."""
    return min(max(len(text) + _BUTTON, narrowest), widest)


class _Archive(io.BytesIO):
    """The packed workbook, in memory and open to the end.

    A ZipFile that failed because the disk is full closes itself when it is collected. If its file cannot be written, or
    is closed already, it would print a traceback on standard error.
    """

    def close(self) -> None:
        """Stay open."""


def _write(file: BinaryIO, folder: Path, fill: Callable[[Book], object]) -> None:
    import xlsxwriter

    archive = _Archive()
    # The unpacked parts go through a folder beside the report, readable by its owner only: they hold names.
    with tempfile.TemporaryDirectory(prefix=".report-", dir=folder) as scratch:
        try:
            with xlsxwriter.Workbook(archive, {"constant_memory": True, "tmpdir": scratch}) as book:
                book.use_zip64()
                fill(Book(book))
        except xlsxwriter.exceptions.FileCreateError as error:
            raise error.args[0] from None  # the OSError that it wraps
    file.write(archive.getbuffer())


def _cut(text: str, units: int) -> str:
    """Cut to a number of UTF-16 units, which is what spreadsheets count; no character is halved."""
    if len(text) * 2 <= units or len(text.encode("utf-16-le")) <= 2 * units:
        return text
    return text.encode("utf-16-le")[: 2 * (units - 1)].decode("utf-16-le", "ignore") + "…"


def _cut_name(name: str, units: int) -> str:
    """Cut a sheet's name; words that say what the sheet holds are kept, because the workbook can be a source again."""
    kinds = kinds_named(name)
    cut = _cut(name, units)
    if kinds_named(cut).keys() == kinds.keys():
        return cut
    end = "".join(f" {word}" for word in kinds.values())
    # The cut must not make such a word, as from the beginning of "shadowing": then cut more.
    cuts = (_cut(name, length).rstrip() + end for length in range(units - len(end), 0, -1))
    return next((cut for cut in cuts if kinds_named(cut).keys() == kinds.keys()), cut)
