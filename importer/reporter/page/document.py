"""A page's contents -> one HTML file: template, styles, scripts and data together, and a policy that allows no more.

Rows are data, in JSON, that the page's script shows; they pass through here in chunks, so that memory stays flat.
"""

from __future__ import annotations

from base64 import b64encode
from datetime import UTC, datetime
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import TYPE_CHECKING

import orjson

from importer.quoting import escape
from importer.records import name_table
from importer.reporter.atomic_file import JOURNAL_HINT, replace_file
from importer.statuses import Status

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from jinja2 import Environment

    from importer.records import Sheet
    from importer.reporter.page.contents import Contents, Line


# ---- words, numbers and times of a page


def say_moment(moment: datetime | int, form: str = "%Y-%m-%d %H:%M:%S UTC") -> str:
    """Write a moment, or an epoch second, in UTC."""
    moment = datetime.fromtimestamp(moment, UTC) if isinstance(moment, int) else moment
    return moment.astimezone(UTC).strftime(form)


def say_number(number: float) -> str:
    """Write a number with its thousands apart; below ten with one digit behind the point where it has one."""
    return f"{number:,.0f}" if number >= 10 or number == int(number) else f"{number:.1f}"


def say_duration(seconds: float) -> str:
    """Write a duration in the unit that fits it."""
    if seconds < 1:
        milliseconds = seconds * 1000
        return f"{milliseconds:.1f} ms" if milliseconds < 10 else f"{milliseconds:.0f} ms"
    return f"{seconds:.2f} s" if seconds < 10 else f"{seconds:.0f} s"


def initials(people: Iterable[str], names: Mapping[tuple[str, str], str]) -> dict[str, str]:
    """Return a short sign for each person, by id: the initials of the name, with a number where two have the same."""
    signs: dict[str, str] = {}
    for user in people:
        name = names.get(("user", user), "")
        sign = "".join(word[0] for word in name.split()[:3]).upper() if name else user[-4:]
        number = 2
        while sign in signs.values():
            sign, number = f"{sign.rstrip('0123456789') or sign}{number}", number + 1
        signs[user] = sign
    return signs


# ---- the HTML file


_LONGEST = 2000  # characters of a text outside the table of rows


def write_page(path: Path, contents: Contents) -> Path:
    """Write the page; give the path the file has in the end.

    Raises:
        ReportError: the file could not be written; an older one is still there.
    """
    script, style = load("report.js"), load("report.css")
    template = environment().get_template("report.html.jinja")
    pieces = template.generate(
        contents=contents,
        statuses=[status for status in Status if any(own is status for _, own in contents.counts)],
        policy=policy(script, style),
        script=script,
        style=style,
        data=_data(contents),
        chunks=_chunks(contents.sheets, contents.lines),
    )

    return write_pieces(path, pieces)


def write_pieces(path: Path, pieces: Iterable[str], *, hint: str = JOURNAL_HINT) -> Path:
    """Write the pieces of a page as they come; give the path the file has in the end.

    Raises:
        ReportError: the file could not be written; an older one is still there.
    """
    encoded = (piece.encode("utf-8", "backslashreplace") for piece in pieces)
    return replace_file(path, lambda file: file.writelines(encoded), hint=hint)


@cache
def environment() -> Environment:
    """Return what compiles the templates, the same each time: a compiled template is kept."""
    from jinja2 import Environment, PackageLoader, StrictUndefined  # a tenth of a second that only a report pays

    environment = Environment(
        autoescape=True,
        loader=PackageLoader("importer.reporter", "page"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_show,
    )
    environment.filters |= {"moment": say_moment, "number": say_number, "duration": say_duration, "initials": initials}
    return environment


def _show(value: object) -> object:
    """Show what cannot be seen, such as a change of direction, as an escape; markup of ours passes as it is."""
    return escape(value, _LONGEST) if type(value) is str else value


def policy(script: str, style: str) -> str:
    """Return the content security policy: nothing but the script and the styles of this very file, and no address."""
    return (
        f"default-src 'none'; script-src {_hash(script)}; style-src {_hash(style)}; base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"


@cache
def load(name: str) -> str:
    """Read a file of this package."""
    return files(__package__).joinpath(name).read_text(encoding="utf-8")


def _data(contents: Contents) -> str:
    """Return what the script needs to know beside the rows."""
    is_of_several = len({sheet.original for sheet in contents.sheets}) > 1
    names = [
        {"name": name_table(sheet.original, sheet.name) if is_of_several else sheet.name, "header": sheet.header}
        for sheet in contents.sheets
    ]
    attention = [status.value for status in Status if status.needs_attention]
    tones = {status.value: status.tone.value for status in Status}
    return _harmless(orjson.dumps({"run": contents.run, "sheets": names, "tones": tones, "attention": attention}))


def _chunks(sheets: Sequence[Sheet], lines: Iterable[Sequence[Line]]) -> Iterator[str]:
    """Yield the rows as the inside of a JSON array."""
    comma = ""
    for chunk in lines:
        packed = orjson.dumps(
            [
                (sheet, *told, sheets[sheet].name_cells(cells), reason, hint, orjson.Fragment(content))
                for _, sheet, *told, cells, reason, hint, content in chunk
            ]
        )
        yield comma + _harmless(packed[1:-1])
        comma = ",\n"


def _harmless(packed: bytes) -> str:
    """Write JSON so that nothing in it can end the element that it stands in."""
    return packed.replace(b"<", rb"\u003c").decode()
