"""Texts whose bytes are odd: encodings, marks, line ends, delimiters."""

from __future__ import annotations

from .kit import line, odd, reads, reads_rows, refused, table

_ZURICH = "remote_id,note\r\nPI7DH85,Zürich €“A”\r\n"
_ONE_ZURICH = reads_rows(line(2, "PI7DH85", "Zürich €“A”"))


@odd("utf8.csv", _ONE_ZURICH)
def utf8() -> bytes:
    """Plain UTF-8."""
    return _ZURICH.encode()


@odd("utf8-with-bom.csv", _ONE_ZURICH)
def utf8_with_mark() -> bytes:
    """A spreadsheet's "CSV UTF-8": the mark is no part of the first header."""
    return _ZURICH.encode("utf-8-sig")


@odd("quoted-after-bom.csv", _ONE_ZURICH)
def utf8_with_mark_before_a_quote() -> bytes:
    """A quote right after the mark still quotes."""
    return ('\ufeff"remote_id",' + _ZURICH.removeprefix("remote_id,")).encode()


@odd("utf16-little.csv", _ONE_ZURICH)
def utf16_little_endian() -> bytes:
    """A spreadsheet's "Unicode text"."""
    return b"\xff\xfe" + _ZURICH.encode("utf-16-le")


@odd("utf16-big.txt", reads_rows(line(2, "PI7DH85", "Zürich €“A”")))
def utf16_big_endian_with_tabs() -> bytes:
    """Unicode text of an old Macintosh: tabs, and the high byte first."""
    return b"\xfe\xff" + _ZURICH.replace(",", "\t").encode("utf-16-be")


@odd("cut.csv", refused(r"begins as UTF-16, but .*offset \d+ \(line 2\) is not UTF-16", "CSV UTF-8"))
def utf16_cut_in_a_character() -> bytes:
    """A download that broke off in the middle of a character."""
    return (b"\xff\xfe" + _ZURICH.encode("utf-16-le"))[:-5]


@odd("windows.csv", reads_rows(line(2, "PI7DH85", "Zürich €“A”"), notices=(r"is read as Windows-1252 \(line 2",)))
def windows_1252() -> bytes:
    """The CSV of a spreadsheet on Windows."""
    return _ZURICH.encode("cp1252")


@odd("latin.csv", refused(r"byte 0x81 at offset 32 \(line 3\) is not Windows-1252", "--encoding"))
def latin_1_with_a_control() -> bytes:
    """Latin-1 has characters where Windows-1252 has holes: no guess is made."""
    return b"remote_id,note\nPI7DH85,Z\xfcrich\nx,\x81\n"


@odd("one-broken-byte.csv", refused(r"byte 0x9D at offset \d+ \(line 3\)|byte 0x9D .*line 3", "CSV UTF-8"))
def utf8_with_one_broken_byte() -> bytes:
    """One lone byte in the middle of good UTF-8, that is in no other encoding either."""
    return "remote_id,note\nPI7DH85,Zürich\nPABCDEF,".encode() + b"\x9d\n"


@odd("nul.csv", refused("NUL character is in line 3", "CSV"))
def text_with_a_nul() -> bytes:
    """What a crashed disk leaves: a text that turns into zeros."""
    return b"remote_id,note\nPI7DH85,a\n" + bytes(600)


@odd("zeros.csv", refused("NUL|blank|no text", "CSV"))
def nothing_but_zeros() -> bytes:
    """The size of a file and none of its contents."""
    return bytes(4096)


_THREE = reads_rows(line(2, "PI7DH85", "a"), line(3, "PABCDEF", "b"), line(4, "PS1A2B3C", "c"))
_ROWS = ("remote_id,note", "PI7DH85,a", "PABCDEF,b", "PS1A2B3C,c")


@odd("unix.csv", _THREE)
def line_feeds() -> bytes:
    """Lines end with LF."""
    return "\n".join([*_ROWS, ""]).encode()


@odd("macintosh.csv", _THREE)
def carriage_returns() -> bytes:
    """Lines end with CR."""
    return "\r".join([*_ROWS, ""]).encode()


@odd("mixed.csv", _THREE)
def mixed_line_ends() -> bytes:
    """Every line ends in another way, the last one in none: no row is lost and none made."""
    return "{}\r\n{}\n{}\r{}".format(*_ROWS).encode()


@odd("no-end.csv", _THREE)
def no_last_line_end() -> bytes:
    """The last line is not ended."""
    return "\r\n".join(_ROWS).encode()


@odd("semicolons.csv", _THREE)
def semicolons() -> bytes:
    """The CSV of a country where the comma parts the decimals."""
    return "\n".join(_ROWS).replace(",", ";").encode()


@odd("tabs.tsv", _THREE)
def tabs() -> bytes:
    """Cells copied out of a spreadsheet."""
    return "\n".join(_ROWS).replace(",", "\t").encode()


@odd("pipes.txt", _THREE)
def pipes() -> bytes:
    """The output of a database."""
    return "\n".join(_ROWS).replace(",", "|").encode()


@odd("commas-inside.csv", reads_rows(line(2, "PI7DH85", "a, b, c"), line(3, "PABCDEF", "d, e")))
def semicolons_around_commas() -> bytes:
    """The delimiter is what parts the header, not what is seen most."""
    return b"remote_id;note\nPI7DH85;a, b, c\nPABCDEF;d, e\n"


@odd("sep.csv", _THREE)
def sep_line() -> bytes:
    """Excel's `sep=;` names the delimiter and is no row: a spreadsheet shows the header in row 1."""
    return "\r\n".join(["sep=;", *_ROWS]).replace(",", ";").encode()


@odd("sep-tab.csv", reads_rows(line(2, "PI7DH85", "a;b|c,d")))
def quoted_sep_line_with_a_tab() -> bytes:
    """`"sep=<tab>"`, quoted and after a byte order mark."""
    return '\ufeff"sep=\t"\r\nremote_id\tnote\r\nPI7DH85\ta;b|c,d\r\n'.encode()


@odd("one-column.csv", reads(table(line(2, "PI7DH85"), line(3, "PABCDEF"), header=("remote_id",))))
def one_column() -> bytes:
    """A bare list of ids has no delimiter."""
    return b"remote_id\nPI7DH85\nPABCDEF\n"
