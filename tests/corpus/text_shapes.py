"""Texts whose rows are odd, and that are read all the same: nothing lost, nothing made up."""

from __future__ import annotations

from .kit import line, odd, reads, reads_rows, refused, table


def _has_remote_id(texts: object) -> bool:
    """Stand in for the normalizer, which knows what a header says."""
    return "remote_id" in texts if isinstance(texts, tuple | list) else False


@odd("newlines.csv", reads_rows(line(2, "PI7DH85", "a\r\nb\n\nc"), line(3, "PABCDEF", "d")))
def quoted_newlines() -> bytes:
    """Newlines inside a cell make no rows."""
    return b'remote_id,note\nPI7DH85,"a\r\nb\n\nc"\nPABCDEF,d\n'


@odd("quotes.csv", reads_rows(line(2, "PI7DH85", 'the "A" team'), line(3, "PABCDEF", '"'), line(4, "P2", "")))
def doubled_quotes() -> bytes:
    """Quotes inside a quoted cell are doubled; an empty quoted cell is empty."""
    return b'remote_id,note\n"PI7DH85","the ""A"" team"\nPABCDEF,""""\nP2,""\n'


@odd("quote-inside.csv", reads_rows(line(2, "PI7DH85", 'the "A" team'), line(3, "PABCDEF", '5"')))
def quotes_in_the_middle_of_a_bare_cell() -> bytes:
    """A quote that does not begin a cell is text."""
    return b'remote_id,note\nPI7DH85,the "A" team\nPABCDEF,5"\n'


@odd(
    "widths.csv",
    reads_rows(
        line(2, "PI7DH85", "", B2="1 cell where the header has 2"),
        line(3, "PABCDEF", "a", C3='4 cells where the header has 2.*"b", "c"'),
        line(4, "PS1A2B3C", "d"),
    ),
)
def rows_too_short_and_too_long() -> bytes:
    """A wrong width is the row's own problem; the other rows are good, and extra empty cells are nothing."""
    return b"remote_id,note\nPI7DH85\nPABCDEF,a,b,c\nPS1A2B3C,d,,,\n"


@odd("blank-lines.csv", reads_rows(line(4, "PI7DH85", "a"), line(8, "PABCDEF", "b")))
def blank_lines() -> bytes:
    """Blank lines are counted and make no row, before the header too."""
    return b"\n,\nremote_id,note\nPI7DH85,a\n\n  \n,\nPABCDEF,b\n"


@odd("trailing.csv", reads_rows(line(2, "PI7DH85", "a")))
def ten_thousands_of_trailing_blank_rows() -> bytes:
    """What a spreadsheet saves when somebody once typed far below."""
    return b"remote_id,note\r\nPI7DH85,a\r\n" + b",\r\n" * 50_000


@odd("wide-blank.csv", reads_rows(line(2, "PI7DH85", "a"), line(3, "PABCDEF", "b")))
def thousands_of_trailing_blank_cells() -> bytes:
    """What a spreadsheet saves when somebody once typed far to the right."""
    blank = b"," * 5000
    return b"remote_id,note" + blank + b"\nPI7DH85,a" + blank + b"\nPABCDEF,b" + blank + b"\n"


@odd("header-only.csv", reads(table()))
def only_a_header() -> bytes:
    """A header and no rows."""
    return b"remote_id,note\n"


@odd("large-cell.csv", reads_rows(line(2, "PI7DH85", "x" * 1_000_000)))
def cell_just_within_the_bound() -> bytes:
    """A cell of a million characters is still read."""
    return b"remote_id,note\nPI7DH85," + b"x" * 1_000_000 + b"\n"


@odd("thousand.csv", reads(table(line(2, *map(str, range(1000))), header=tuple(f"c{n}" for n in range(1000)))))
def thousand_columns() -> bytes:
    """As many columns as are allowed."""
    return ",".join(f"c{n}" for n in range(1000)).encode() + b"\n" + ",".join(map(str, range(1000))).encode() + b"\n"


@odd(
    "titles.csv",
    reads_rows(
        line(5, "PI7DH85", "a"),
        line(6, "PABCDEF", "b"),
        notices=("rows 1 to 2 are above the header in row 4",),
    ),
    is_header=_has_remote_id,
)
def title_rows() -> bytes:
    """A title, a remark and a blank line stand above the header."""
    return b"On-call schedules of ACME\nexported 2027-03-01,by Jo\n\nremote_id,note\nPI7DH85,a\nPABCDEF,b\n"


@odd("commas-above.csv", reads_rows(line(3, "PI7DH85", "a"), notices=("row 1 is above",)), is_header=_has_remote_id)
def title_with_another_delimiter_in_it() -> bytes:
    """The delimiter is that of the header, not of the title."""
    return b"Exported, by Jo, on 2027-03-01, from ACME\nremote_id;note\nPI7DH85;a\n"


@odd("third.csv", reads_rows(line(4, "PI7DH85", "a"), notices=("rows 1 to 2 are above",)), header_row=3)
def header_row_by_number() -> bytes:
    """Where the header stands can be said."""
    return b"remote_id,note\nalso,a header\nremote_id,note\nPI7DH85,a\n"


@odd("bare.csv", reads(table(line(1, "PI7DH85", "a"), line(2, "PABCDEF", "b"), header=("A", "B"))), header_row=0)
def no_header() -> bytes:
    """A table without a header has the letters of its columns, and its first row is a row."""
    return b"PI7DH85,a\nPABCDEF,b\n"


@odd("far-header.csv", refused("nothing in row 9", "."), header_row=9)
def header_row_that_is_not_there() -> bytes:
    """The row that is said to be the header is not in the file."""
    return b"remote_id,note\nPI7DH85,a\n"


@odd("shifted.csv", reads(table(line(2, "", "", "PI7DH85", "a"), header=("", "", "remote_id", "note"))))
def blank_leading_columns() -> bytes:
    """The table begins in column C: its cells keep their names."""
    return b",,remote_id,note\n,,PI7DH85,a\n"


@odd("same-names.csv", reads(table(line(2, "PI7DH85", "a", "b"), header=("remote_id", "note", "note"))))
def repeated_names_in_a_header() -> bytes:
    """Two columns of one name are both kept."""
    return b"remote_id,note,note\nPI7DH85,a,b\n"


@odd("blanks.csv", reads(table(line(2, "PI7DH85", "a"), header=("\u200b remote\u00a0id ", "no\u00adte\ufeff"))))
def invisible_characters_in_a_header() -> bytes:
    """A header's no-break spaces and zero-width characters arrive as they stand; the normalizer sees through them."""
    return "\u200b remote\u00a0id ,no\u00adte\ufeff\nPI7DH85,a\n".encode()


_FORMULAS = ("=1+1", "@SUM(A1)", "+49 30 1234", "-5", '=HYPERLINK("http://a.example","x")', "'quoted", "\tx")


@odd("formulas.csv", reads_rows(*(line(n, f"P{n}", text) for n, text in enumerate(_FORMULAS, 2))))
def cells_like_formulas() -> bytes:
    """Text that a spreadsheet would run is text."""
    rows = (f'P{n},"{text.replace(chr(34), chr(34) * 2)}"' for n, text in enumerate(_FORMULAS, 2))
    return "\n".join(["remote_id,note", *rows]).encode()


@odd(
    "as-text.csv",
    reads_rows(
        *(
            line(n, text, "")
            for n, text in enumerate(
                ("00042", "NA", "null", "None", "nan", "TRUE", "1e5", "12345678901234567890", "1.0", "1,5", " x "), 2
            )
        )
    ),
)
def texts_that_other_programs_change() -> bytes:
    """Zeros, missing-value words, exponents and long numbers arrive unchanged."""
    return b'remote_id,note\n00042,\nNA,\nnull,\nNone,\nnan,\nTRUE,\n1e5,\n12345678901234567890,\n1.0,\n"1,5",\n x ,\n'


_HARMFUL = "\x1b[31mred\x1b[0m \x07\x08 \x1b]0;title\x07 \x9b2J"


@odd(
    "escapes.csv",
    reads(table(line(2, "PI7DH85", _HARMFUL), line(3, _HARMFUL, "b"), header=("remote_id", f"n{_HARMFUL}"))),
)
def control_characters() -> bytes:
    """ANSI escapes in cells and a header arrive as text, and never reach a terminal as they are."""
    return f"remote_id,n{_HARMFUL}\nPI7DH85,{_HARMFUL}\n{_HARMFUL},b\n".encode()


@odd("bidi.csv", reads_rows(line(2, "PI7DH85\u202e", "\u2066a\u2069\u2028b\u0085c")))
def marks_that_turn_the_line_round() -> bytes:
    """Bidi controls and Unicode's own line ends are text: no row ends at them."""
    return "remote_id,note\nPI7DH85\u202e,\u2066a\u2069\u2028b\u0085c\n".encode()


@odd("breaks.csv", reads_rows(line(2, "PI7DH85", "a\x0bb\x0cc\x1cd\x1ee")))
def old_line_breaks() -> bytes:
    """Vertical tabs, form feeds and separators end no row."""
    return b"remote_id,note\nPI7DH85,a\x0bb\x0cc\x1cd\x1ee\n"


@odd("emoji.csv", reads_rows(line(2, "PI7DH85", "👩‍🚒 مناوبة 当番 e\u0301")))
def scripts_of_the_world() -> bytes:
    """Joined emoji, right-to-left and combining characters arrive as they stand, not normalized."""
    return "remote_id,note\nPI7DH85,👩‍🚒 مناوبة 当番 e\u0301\n".encode()


@odd(
    "again.csv",
    reads_rows(line(2, "PI7DH85", "a"), line(4, "PABCDEF", "b"), notices=("row 3 repeats the header",)),
    is_header=_has_remote_id,
)
def header_repeated_between_rows() -> bytes:
    """Two files put together: the second header is no row of data, and is told."""
    return b"remote_id,note\nPI7DH85,a\nremote_id,note\nPABCDEF,b\n"


@odd("empty.csv", refused("is empty$", "."))
def empty() -> bytes:
    """Not a byte."""
    return b""


@odd("only-a-mark.csv", refused("only blank lines|is empty", "header"))
def only_a_byte_order_mark() -> bytes:
    """Three bytes that mean nothing."""
    return b"\xef\xbb\xbf"


@odd("only-blanks.csv", refused("only blank lines", "header"))
def only_blanks() -> bytes:
    """Blanks, delimiters and line ends."""
    return b"\n \n,\n , \n\t\n"


@odd("a" * 240 + ".csv", reads(table(line(2, "PI7DH85", "a"), name="a" * 240)))
def very_long_name() -> bytes:
    """A file's name may be as long as the file system lets it."""
    return b"remote_id,note\nPI7DH85,a\n"


@odd("\x1b[2J\u202evsc.csv", refused(r"\\x1b\[2J\\u202evsc\.csv.* is empty", "."))
def name_that_commands_the_terminal() -> bytes:
    """Escapes in a file's own name are shown as escapes."""
    return b""
