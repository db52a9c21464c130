"""Writes report.html and the page of a comparison: one self-contained HTML file each, with a strict content policy.

A run's page has its rows as JSON, which the page's script shows; they are written in chunks, so that memory stays
flat. A comparison's page has a timeline of each schedule, one lane for each side, with the differences marked.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import orjson

from importer.calendars import Interval, Role, Window, clip, clock, local_time
from importer.calendars.comparison import Compared, Comparison, People, by_schedule
from importer.journal.view import ShownRecord
from importer.records import Sheet, name_table
from importer.reporter.atomic_file import JOURNAL_HINT, ROOM_HINT, replace_file
from importer.reporter.page_contents import Contents
from importer.statuses import Status
from importer.wording import escape

if TYPE_CHECKING:
    from jinja2 import Environment

# ---- words, numbers and times of a page


def write_moment(moment: int, form: str = "%Y-%m-%d %H:%M:%S UTC") -> str:
    """Write an epoch second in UTC."""
    return datetime.fromtimestamp(moment, UTC).strftime(form)


def write_number(number: float) -> str:
    """Write a number with thousands separators; below ten with one decimal if it has any."""
    return f"{number:,.0f}" if number >= 10 or number == int(number) else f"{number:.1f}"


def write_duration(seconds: float) -> str:
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


def _write(path: Path, name: str, facts: Mapping[str, object], *, script: str = "", hint: str = JOURNAL_HINT) -> Path:
    """Write a page piece by piece; `facts` are the values in its template."""
    style, script = _load(f"{name}.css"), script and _load(script)
    pieces = (
        environment()
        .get_template(f"{name}.html.jinja")
        .generate(style=style, script=script, policy=_policy(script, style), **facts)
    )
    encoded = (piece.encode("utf-8", "backslashreplace") for piece in pieces)
    return replace_file(path, lambda file: file.writelines(encoded), hint=hint)


@cache
def environment() -> Environment:
    """Return the environment of the templates, always the same one, because it caches compiled templates."""
    from jinja2 import Environment, PackageLoader, StrictUndefined  # a tenth of a second that only reports need

    environment = Environment(
        autoescape=True,
        loader=PackageLoader("importer.reporter", "templates"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_show,
    )
    writers = {"moment": write_moment, "number": write_number, "duration": write_duration}
    environment.filters |= writers | {"initials": initials}
    return environment


def _show(value: object) -> object:
    """Show invisible characters, such as a change of direction, as escapes; our own markup passes unchanged."""
    return escape(value, _LONGEST) if type(value) is str else value


def _policy(script: str, style: str) -> str:
    """Return the content security policy: only the script and the styles of this file, and no address."""
    return (
        f"default-src 'none'; script-src {_hash(script)}; style-src {_hash(style)}; base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"


def _load(name: str) -> str:
    """Read a file from the templates' folder."""
    return files("importer.reporter").joinpath("templates", name).read_text(encoding="utf-8")


# ---- a run's page


def write_page(path: Path, contents: Contents) -> Path:
    """Write the page of a run; return the file's final path.

    Raises:
        ReportError: the file could not be written; an older one is still there.
    """
    facts = {
        "contents": contents,
        "statuses": [status for status in Status if any(own is status for _, own in contents.counts)],
        "data": _data(contents),
        "chunks": _chunks(contents.sheets, contents.lines),
    }
    return _write(path, "report", facts, script="report.js")


def _data(contents: Contents) -> str:
    """Return what the script needs besides the rows."""
    is_of_several = len({sheet.original for sheet in contents.sheets}) > 1
    names = [
        {"name": name_table(sheet.original, sheet.name) if is_of_several else sheet.name, "header": sheet.header}
        for sheet in contents.sheets
    ]
    attention = [status.value for status in Status if status.needs_attention]
    tones = {status.value: status.tone.value for status in Status}
    return _harmless(orjson.dumps({"run": contents.run, "sheets": names, "tones": tones, "attention": attention}))


def _chunks(sheets: Sequence[Sheet], lines: Iterable[Sequence[ShownRecord]]) -> Iterator[str]:
    """Yield the rows as the elements of a JSON array."""
    comma = ""
    for chunk in lines:
        packed = orjson.dumps(
            [
                (sheet, *place, sheets[sheet].name_cells(cells), reason, hint, orjson.Fragment(content))
                for _, sheet, *place, cells, reason, hint, content in chunk
            ]
        )
        yield comma + _harmless(packed[1:-1])
        comma = ",\n"


def _harmless(packed: bytes) -> str:
    """Write JSON so that nothing in it can close the element around it."""
    return packed.replace(b"<", rb"\u003c").decode()


# ---- the section of `verify` in a run's page


#: Where a run's page has room for the section of `verify`.
_BEGIN, _END = b"<!--verified-->", b"<!--/verified-->"
_MOST_ROWS = 1000


def add_verified(path: Path, total: int, shown: int, rows: Sequence[Sequence[str]], moment: str) -> bool:
    """Put the result of `verify` into a run's page, replacing an earlier one.

    `rows` are the records that are not as they were made. Returns False if there is no page with room for it.

    Raises:
        ReportError: the page could not be written; the older one is still there.
    """
    if not path.is_file():
        return False
    page = path.read_bytes()
    begin = page.find(_BEGIN)
    end = page.find(_END, begin)
    if begin < 0 or end < 0:
        return False
    template = environment().get_template("verified.html.jinja")
    section = template.render(total=total, shown=shown, rows=rows, moment=moment, most=_MOST_ROWS)
    inside = section.encode("utf-8", "backslashreplace")
    replace_file(path, lambda file: file.writelines((page[:begin], _BEGIN, inside, page[end:])))
    return True


# ---- a comparison's page


_WIDTH = 1160  # of a timeline, in SVG units
_MOST_TICKS = 15
_MOST_PICTURES = 200  # timelines; a page with more is slow to open, and the CSV has all differences
_DAY = 86_400
_NARROWEST = 1.5
_WIDE_ENOUGH = 46  # for a name inside its bar
_PER_LETTER = 7.0
_DATE_WIDTH = 70


class LaneBar(NamedTuple):
    """One person's time in a lane."""

    left: float
    width: float
    row: int  #: people on at the same time are below each other
    fill: str
    label: str  #: what fits into it
    title: str


class Lane(NamedTuple):
    """One side of a schedule."""

    label: str
    bars: list[LaneBar]
    rows: int


class Picture(NamedTuple):
    """The timeline of one pair of schedules."""

    name: str
    zone: str
    minutes: float
    lanes: list[Lane]
    marks: list[tuple[float, float, str]]  #: where the two differ: left, width, words
    unknown: list[tuple[float, float]]
    ticks: list[tuple[float, str]]
    rows: list[tuple[str, str, str, str]]  #: from, to, left, right


def write_comparison_page(path: Path, comparison: Comparison) -> Path:
    """Write the page of a comparison, schedules that differ first; return the file's final path.

    Raises:
        ReportError: the file could not be written; an older one is still there.
    """
    lanes = [(side.label, by_schedule(side.intervals)) for side in (comparison.left, comparison.right)]
    ordered = sorted(comparison.compared, key=lambda one: (-one.minutes, not one.unknown, one.left.name))
    pictures = [_picture(comparison, one, lanes) for one in ordered[:_MOST_PICTURES]]
    facts = {"comparison": comparison, "pictures": pictures, "width": _WIDTH}
    return _write(path, "comparison", facts, hint=ROOM_HINT)


def _picture(
    comparison: Comparison, compared: Compared, lanes: Sequence[tuple[str, Mapping[str, Sequence[Interval]]]]
) -> Picture:
    window, zone, name = comparison.window, compared.zone, comparison.name

    def named(people: People) -> str:
        return ", ".join(sorted(name(person) for person, _ in people)) or "nobody"

    return Picture(
        compared.name,
        zone or "UTC",
        compared.minutes,
        [
            _lane(label, side.get(schedule.id, ()), window, zone, name)
            for (label, side), schedule in zip(lanes, (compared.left, compared.right), strict=True)
        ],
        [
            (*_place(one.start, one.end, window), f"{clock(one.start, zone)} to {clock(one.end, zone)}")
            for one in compared.differences
        ],
        [_place(start, end, window) for start, end in compared.unknown],
        _ticks(window, zone),
        [
            (clock(one.start, zone), clock(one.end, zone), named(one.left), named(one.right))
            for one in compared.differences
        ],
    )


def _place(start: int, end: int, window: Window) -> tuple[float, float]:
    """Return how far from the left a span begins, and how wide it is."""
    scale = _WIDTH / (window.end - window.start)
    return (start - window.start) * scale, max(_NARROWEST, (end - start) * scale)


def _lane(label: str, side: Sequence[Interval], window: Window, zone: str, name_of: Callable[[str], str]) -> Lane:
    bars: list[LaneBar] = []
    ends: list[int] = []  # of each row, where its last bar ends
    for one in sorted(side, key=lambda one: (one.start, one.end, one.person)):
        span = clip(Window(one.start, one.end), window)
        if span.end <= span.start or not one.person:
            continue
        row = next((number for number, end in enumerate(ends) if end <= span.start), len(ends))
        ends[row : row + 1] = [span.end]
        name = name_of(one.person)
        left, width = _place(*span, window)
        letters = int(width / _PER_LETTER)
        shown = name if len(name) <= letters else f"{name[: letters - 1]}…" if width > _WIDE_ENOUGH else ""
        role = "" if one.role is Role.ON_CALL else f" ({one.role})"
        title = f"{name}{role}: {clock(span.start, zone)} to {clock(span.end, zone)}"
        bars.append(LaneBar(left, width, row, _fill(one.person), shown, title))
    return Lane(label, bars, max(1, len(ends)))


def _fill(person: str) -> str:
    """Return a person's colour, which is the same everywhere in the page."""
    return f"hsl({sha256(person.encode('utf-8', 'backslashreplace')).digest()[0] * 360 // 256} 55% 78%)"


def _ticks(window: Window, zone: str) -> list[tuple[float, str]]:
    """Return where days begin, in local time, and their dates: every day, or as many as are readable."""
    days = max(1, (window.end - window.start) // _DAY)
    step = -(-days // _MOST_TICKS)
    found: list[tuple[float, str]] = []
    moment = window.start
    while moment < window.end:
        there = local_time(moment, zone)
        midnight = moment - (there.hour * 3600 + there.minute * 60 + there.second)
        if midnight >= window.start or not found:
            left = max(0, midnight - window.start) * _WIDTH / (window.end - window.start)
            found.append((left, there.strftime("%a %d %b")))
        moment += step * _DAY
    if len(found) > 1 and found[1][0] < _DATE_WIDTH:  # the window does not begin at midnight
        del found[0]
    return found
