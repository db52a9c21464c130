"""Workbooks whose cells are odd: how a value is stored, and how its text must arrive."""

from __future__ import annotations

from .kit import line, odd, reads, reads_rows, refused, table
from .ooxml import (
    HEAD,
    STRICT_MAIN,
    STRINGS,
    STYLES,
    book,
    book_parts,
    number,
    row,
    strings,
    styles,
    text,
    worksheet,
    zipped,
)


def _shared(*indices: int) -> str:
    cells = "".join(f'<c r="{letter}2" t="s"><v>{index}</v></c>' for letter, index in zip("AB", indices, strict=False))
    return row(2, cells)


@odd("shared.xlsx", reads_rows(line(2, "PI7DH85", " two  words\n")))
def shared_strings() -> bytes:
    """Texts in a part of their own, blanks kept."""
    items = strings("<t>PI7DH85</t>", '<t xml:space="preserve"> two  words\n</t>')
    return book(HEAD, _shared(0, 1), parts={STRINGS: items})


@odd("inline.xlsx", reads_rows(line(2, "PI7DH85", "a & b")))
def inline_strings() -> bytes:
    """Texts inside their cells, one of them in runs."""
    cells = (
        '<c r="A2" t="inlineStr"><is><t>PI7DH85</t></is></c>'
        '<c r="B2" t="inlineStr"><is><r><t xml:space="preserve">a </t></r><r><t>&amp; b</t></r></is></c>'
    )
    return book(HEAD, row(2, cells))


@odd("rich.xlsx", reads_rows(line(2, "PI7DH85", "東京 on call")))
def rich_text_and_phonetic_runs() -> bytes:
    """Runs in several fonts are one text; how it is pronounced is no part of it."""
    rich = "<r><rPr><b/></rPr><t>PI7</t></r><r><t>DH85</t></r>"
    phonetic = '<t>東京 on call</t><rPh sb="0" eb="2"><t>トウキョウ</t></rPh><phoneticPr fontId="1"/>'
    return book(HEAD, _shared(0, 1), parts={STRINGS: strings(rich, phonetic)})


@odd("runs.xlsx", reads_rows(line(2, "PI7DH85", "東京当番")))
def rich_text_with_phonetic_runs_between() -> bytes:
    """Phonetic runs after runs of text."""
    mixed = (
        '<r><t>東京</t></r><rPh sb="0" eb="2"><t>トウキョウ</t></rPh>'
        '<r><t>当番</t></r><rPh sb="2" eb="4"><t>トウバン</t></rPh>'
    )
    return book(HEAD, _shared(0, 1), parts={STRINGS: strings("<t>PI7DH85</t>", mixed)})


@odd("booleans.xlsx", reads_rows(line(2, "TRUE", "FALSE")))
def booleans() -> bytes:
    """Booleans as a spreadsheet shows them in English."""
    return book(HEAD, row(2, '<c r="A2" t="b"><v>1</v></c>', '<c r="B2" t="b"><v>0</v></c>'))


@odd(
    "numbers.xlsx",
    reads_rows(
        line(2, "00042", "42"),
        line(3, "1234567", "100000"),
        line(4, "12345678901234567890", "0.0000001"),
        line(5, "0.5", "42"),
        line(6, "-00042", "0.1"),
        line(7, "12345678901234567890", "1e5"),
    ),
)
def numbers() -> bytes:
    """Formats of zeros count, exponents and `.0` do not; 20 digits stored in full keep them; text stays text."""
    rows = [
        row(2, number("A2", 42, 1), number("B2", "42.0")),
        row(3, number("A3", 1234567, 1), number("B3", "1E5")),
        row(4, number("A4", "12345678901234567890"), number("B4", "1.0000000000000000E-7")),
        row(5, number("A5", 0.5, 2), number("B5", 42, 3)),
        row(6, number("A6", -42, 1), number("B6", 0.1)),
        row(7, text("A7", "12345678901234567890"), text("B7", "1e5")),
    ]
    return book(HEAD, *rows, parts={STYLES: styles("00000", "0%", "0.00")})


@odd("lost.xlsx", reads_rows(line(2, "12345678901234500000", ""), notices=("cell A2: .*more than 15 digits",)))
def number_that_lost_its_digits() -> bytes:
    """An id of 20 digits typed as a number: what the spreadsheet forgot is told."""
    return book(HEAD, row(2, number("A2", "1.2345678901234499E+19")))


_FORMATS = styles(
    "yyyy-mm-dd hh:mm", "dd/mm/yyyy", "hh:mm", "[h]:mm:ss", "[$-F800]dddd\\,\\ mmmm\\ dd\\,\\ yyyy", '0" days"'
)


@odd(
    "dates.xlsx",
    reads_rows(
        line(2, "2026-03-29T09:00:00", "2026-03-29T00:00:00"),
        line(3, "09:00:00", "30:00:00"),
        line(4, "2026-03-29T00:00:00", "5 days"),
        line(5, "2026-03-29T09:20:00", "46110.5"),
    ),
)
def dates() -> bytes:
    """Dates, times of day and durations are told by their format; noise of the last digits is rounded away."""
    rows = [
        row(2, number("A2", 46110.375, 1), number("B2", 46110, 2)),
        row(3, number("A3", 0.375, 3), number("B3", 1.25, 4)),
        row(4, number("A4", 46110, 5), number("B4", 5, 6)),
        row(5, number("A5", 46110.38888888889, 1), number("B5", 46110.5)),
    ]
    return book(HEAD, *rows, parts={STYLES: _FORMATS})


@odd("1904.xlsx", reads_rows(line(2, "2026-03-29T09:00:00", "09:00:00")))
def dates_of_the_1904_calendar() -> bytes:
    """Workbooks of an old Macintosh count from 1904."""
    rows = row(2, number("A2", 44648.375, 1), number("B2", 0.375, 3))
    return book(HEAD, rows, parts={STYLES: _FORMATS}, properties='<workbookPr date1904="1"/>')


@odd("before-1900.xlsx", reads_rows(line(2, "-5", "-0.25"), line(3, "1900-01-01T00:00:00", "1899-12-30")))
def dates_before_1900() -> bytes:
    """A spreadsheet shows ##### where a date would be before 1900: the number arrives as it is stored."""
    rows = [
        row(2, number("A2", -5, 1), number("B2", -0.25, 1)),
        row(3, number("A3", 1, 1), text("B3", "1899-12-30")),
    ]
    return book(HEAD, *rows, parts={STYLES: _FORMATS})


@odd("iso-dates.xlsx", reads_rows(line(2, "2026-03-29T09:00:00", "2026-03-29T00:00:00")))
def dates_stored_as_iso_text() -> bytes:
    """Cells of type d, which ISO-strict workbooks have."""
    rows = row(2, '<c r="A2" t="d"><v>2026-03-29T09:00:00</v></c>', '<c r="B2" t="d"><v>2026-03-29T00:00:00</v></c>')
    return book(HEAD, rows)


_ERRORS = ("#N/A", "#REF!", "#DIV/0!", "#VALUE!", "#NAME?", "#NULL!", "#NUM!")


@odd(
    "errors.xlsx",
    reads_rows(
        *(
            line(n, "PI7DH85", text, **{f"B{n}": f"holds the error {text.replace('?', '[?]')}"})
            for n, text in enumerate(_ERRORS, 2)
        )
    ),
)
def error_cells() -> bytes:
    """An error keeps its text and is a problem of its cell."""
    rows = (row(n, text(f"A{n}", "PI7DH85"), f'<c r="B{n}" t="e"><v>{e}</v></c>') for n, e in enumerate(_ERRORS, 2))
    return book(HEAD, *rows)


@odd("new-error.xlsx", reads_rows(line(2, "PI7DH85", "#BUSY!", B2="holds the error #BUSY!")))
def error_that_nobody_knows() -> bytes:
    """An error of a later spreadsheet program is a problem of its cell, as any error."""
    return book(HEAD, row(2, text("A2", "PI7DH85"), '<c r="B2" t="e"><v>#BUSY!</v></c>'))


@odd("no-number.xlsx", reads_rows(line(2, "forty-two", "a")))
def number_that_is_none() -> bytes:
    """A cell of type number that holds a word: the word is what stands there."""
    return book(HEAD, row(2, number("A2", "forty-two"), text("B2", "a")))


@odd("header-error.xlsx", reads(table(line(2, "PI7DH85", ""), header=("remote_id", "#REF!"))))
def error_in_the_header() -> bytes:
    """A header that is an error names no column, which is for who knows the columns to judge."""
    return book(row(1, text("A1", "remote_id"), '<c r="B1" t="e"><v>#REF!</v></c>'), row(2, text("A2", "PI7DH85")))


_NEVER = "formula whose result was never stored"


@odd("formulas.xlsx", reads_rows(line(2, "PI7DH85", "42"), line(3, "", "b", A3=_NEVER), line(4, "PABCDEF", "")))
def formulas() -> bytes:
    """A stored result counts, also an empty text; none stored is a problem of the cell."""
    rows = [
        row(2, '<c r="A2" t="str"><f>"PI7"&amp;"DH85"</f><v>PI7DH85</v></c>', '<c r="B2"><f>6*7</f><v>42</v></c>'),
        row(3, '<c r="A3"><f>B3</f></c>', text("B3", "b")),
        row(4, text("A4", "PABCDEF"), '<c r="B4" t="str"><f>""</f><v></v></c>'),
    ]
    return book(HEAD, *rows)


@odd("shared-formula.xlsx", reads_rows(line(2, "PI7DH85", "1"), line(3, "PABCDEF", "2"), line(4, "PS1A2B3C", "3")))
def shared_and_array_formulas() -> bytes:
    """A formula that is stored once for many cells, and one for a range."""
    rows = [
        row(2, text("A2", "PI7DH85"), '<c r="B2"><f t="shared" ref="B2:B3" si="0">ROW()-1</f><v>1</v></c>'),
        row(3, text("A3", "PABCDEF"), '<c r="B3"><f t="shared" si="0"/><v>2</v></c>'),
        row(4, text("A4", "PS1A2B3C"), '<c r="B4"><f t="array" ref="B4">SUM(A1:A3)</f><v>3</v></c>'),
    ]
    return book(HEAD, *rows)


@odd(
    "escapes.xlsx", reads_rows(line(2, "PI7DH85", "\x1b[31mred"), line(3, "PABCDEF", "_x001B_"), line(4, "P4", "a\rb"))
)
def control_characters_in_escapes() -> bytes:
    """`_x001B_` is a control character, `_x005F_x001B_` the text itself, ECMA-376 22.9.2.19."""
    items = strings("<t>_x001B_[31mred</t>", "<t>_x005F_x001B_</t>", "<t>a_x000D_b</t>")
    rows = [
        row(n, text(f"A{n}", id_), f'<c r="B{n}" t="s"><v>{n - 2}</v></c>')
        for n, id_ in enumerate(("PI7DH85", "PABCDEF", "P4"), 2)
    ]
    return book(HEAD, *rows, parts={STRINGS: items})


@odd("bidi.xlsx", reads_rows(line(2, "PI7DH85", "\u202ea\u2066b\u2028c")))
def bidi_in_a_cell() -> bytes:
    """Marks that turn the line round arrive as text."""
    return book(HEAD, row(2, text("A2", "PI7DH85"), text("B2", "\u202ea\u2066b\u2028c")))


@odd("long-string.xlsx", refused("cell.* more than 1,048,576 characters", "."))
def long_shared_string() -> bytes:
    """One text of 2 MB."""
    numbers = " ".join(map(str, range(300_000)))
    return book(HEAD, _shared(0), parts={STRINGS: strings(f"<t>{numbers}</t>")})


@odd("huge-string.xlsx", refused("unpacks to more than", "."))
def huge_shared_string() -> bytes:
    """One text of 40 MB, packed small."""
    return book(HEAD, _shared(0), parts={STRINGS: strings(f"<t>{'x' * 40_000_000}</t>")})


@odd("strict.xlsx", reads_rows(line(2, "PI7DH85", "2026-03-29T09:00:00")))
def iso_strict() -> bytes:
    """A workbook saved as "Strict Open XML": other namespaces all over."""
    cells = row(2, text("A2", "PI7DH85"), '<c r="B2" t="d"><v>2026-03-29T09:00:00</v></c>')
    return zipped(book_parts(("S", worksheet(HEAD, cells, main=STRICT_MAIN)), is_strict=True))
