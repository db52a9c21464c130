"""Texts that cannot be read: each has a sentence that names the line."""

from __future__ import annotations

from importer.reader.limits import Bounds

from .kit import odd, refused

_QUOTE = "quote"


@odd("unclosed.csv", refused("line 3: the row that begins here has a quote that is never closed", _QUOTE))
def unclosed_quote() -> bytes:
    """A quote that swallows the rest of the file."""
    return b'remote_id,note\nPI7DH85,a\nPABCDEF,"b\n' + b"PS1A2B3C,c\n" * 5000


@odd("stray.csv", refused("line 2: .*text after a closing quote", _QUOTE))
def stray_quote() -> bytes:
    """Text goes on after a closing quote."""
    return b'remote_id,note\nPI7DH85,"a" b\n'


@odd("swallowed.csv", refused("lines 2 to 3: a quoted cell runs over these lines", "line 2"))
def quote_that_swallows_a_row() -> bytes:
    """Two stray quotes that make a row disappear in a cell: told by the width of what is left."""
    return b'remote_id,note,x\nPI7DH85,"a,1\nPABCDEF",b,2,3\nPS1A2B3C,c,3\n'


@odd("pagerduty.csv", refused("line 4: .*text after a closing quote", _QUOTE))
def malformed_export_of_pagerduty_cli() -> bytes:
    """`pd schedule list --csv` doubles only the first quote of a cell."""
    return b'ID,Name,Users,Escalation policies\nPI7DH85,Primary,"Jo\nKim",Default\nPABCDEF,"The ""A" team",Jo,Default\n'


@odd("huge-cell.csv", refused("line 2: .*cell holds more than 1,048,576 characters", "."))
def huge_cell() -> bytes:
    """A cell of two million characters."""
    return b"remote_id,note\nPI7DH85," + b"x" * 2_000_000 + b"\n"


@odd("one-line.csv", refused("line 2: .*(more|longer) than [0-9,]+ characters", "."))
def file_without_line_ends() -> bytes:
    """Seventeen megabytes in one line."""
    return b"remote_id,note\n" + b"PI7DH85,a " * 1_800_000


@odd("wide.csv", refused("cell ALM1 lies beyond column 1,000", "."))
def one_column_too_many() -> bytes:
    """A column more than is allowed."""
    return ",".join(f"c{n}" for n in range(1001)).encode() + b"\n" + b"1," * 1000 + b"1\n"


@odd("rows.csv", refused("has more than 3 rows", "IMPORTER_MAX_ROWS"), bounds=Bounds(rows=3))
def one_row_too_many() -> bytes:
    """A row more than is allowed; blank ones do not count."""
    return b"remote_id\n\n\n\nP1\nP2\nP3\nP4\n"


@odd("bytes.csv", refused("is more than 1 kB", "IMPORTER_MAX_BYTES"), bounds=Bounds(bytes=1000))
def one_byte_too_many() -> bytes:
    """A file larger than is allowed."""
    return b"remote_id\n" + b"P1\n" * 331
