"""A comparison of two calendars as one HTML file: a timeline of each schedule, one lane a side, differences marked.

Also the section of a run's page that says what verifying the run came to.
"""

from __future__ import annotations

from collections import defaultdict
from hashlib import sha256
from typing import TYPE_CHECKING, NamedTuple

from importer.calendars import Interval, Role, Window, clip, clock, local_time
from importer.reporter.atomic_file import ROOM_HINT, replace_file
from importer.reporter.page.document import environment, load, policy, write_pieces

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from importer.calendars.comparison import Compared, Comparison

_WIDTH = 1160  # of a timeline, in units of its picture
_MOST_TICKS = 15
_MOST_PICTURES = 200  # timelines; a page of more is slow to open, and the CSV has them all
_DAY = 86_400
_NARROWEST = 1.5
_WIDE_ENOUGH = 46  # for a name inside its bar
_PER_LETTER = 7.0
_DATE_WIDTH = 70


class LaneBar(NamedTuple):
    """Somebody's time in a lane."""

    left: float
    width: float
    row: int  #: people at the same time stand below each other
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


def write_comparison_page(
    path: Path,
    comparison: Comparison,
    labels: tuple[str, str],
    sides: tuple[Sequence[Interval], Sequence[Interval]],
    names: Mapping[str, str],
    notes: Sequence[tuple[str, str, str]],
) -> Path:
    """Write the page; return the path the file has in the end. Schedules that differ stand first.

    Raises:
        ReportError: the file could not be written; an older one is still there.
    """
    lefts, rights = (_by_schedule(side) for side in sides)
    ordered = sorted(comparison.compared, key=lambda one: (-one.minutes, not one.unknown, one.pair.left.name))
    pictures = [
        _picture(one, comparison.window, labels, lefts[one.pair.left.id], rights[one.pair.right.id], names)
        for one in ordered[:_MOST_PICTURES]
    ]
    style = load("comparison.css")
    pieces = (
        environment()
        .get_template("comparison.html.jinja")
        .generate(
            comparison=comparison,
            labels=labels,
            pictures=pictures,
            differing=sum(bool(one.minutes) for one in ordered),
            left_out=len(ordered) - len(pictures),
            notes=notes,
            minutes=sum(one.minutes for one in comparison.compared),
            begins=local_time(comparison.window.start, "").strftime("%Y-%m-%d %H:%M UTC"),
            ends=local_time(comparison.window.end, "").strftime("%Y-%m-%d %H:%M UTC"),
            width=_WIDTH,
            style=style,
            policy=policy("", style),
        )
    )

    return write_pieces(path, pieces, hint=ROOM_HINT)


#: Where a run's page takes the section of what verifying the run came to.
_BEGIN, _END = b"<!--verified-->", b"<!--/verified-->"
_MOST_ROWS = 1000


def add_verified(path: Path, total: int, shown: int, rows: Sequence[Sequence[str]], moment: str) -> bool:
    """Put what verifying a run came to into its page, in the place of what an earlier look said.

    `rows` are the records that are not as they were made. Returns False where there is no page that takes it.

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


def _by_schedule(intervals: Sequence[Interval]) -> defaultdict[str, list[Interval]]:
    found: defaultdict[str, list[Interval]] = defaultdict(list)
    for one in intervals:
        found[one.schedule].append(one)
    return found


def _picture(
    compared: Compared,
    window: Window,
    labels: tuple[str, str],
    lefts: Sequence[Interval],
    rights: Sequence[Interval],
    names: Mapping[str, str],
) -> Picture:
    pair = compared.pair
    zone = pair.left.zone or pair.right.zone

    def place(start: int, end: int) -> tuple[float, float]:
        scale = _WIDTH / (window.end - window.start)
        return (start - window.start) * scale, max(_NARROWEST, (end - start) * scale)

    def told(people: frozenset[tuple[str, Role]]) -> str:
        return ", ".join(sorted(names.get(person) or person for person, _ in people)) or "nobody"

    return Picture(
        pair.left.name if pair.left.name == pair.right.name else f"{pair.left.name} = {pair.right.name}",
        zone or "UTC",
        compared.minutes,
        [_lane(label, side, window, zone, names) for label, side in zip(labels, (lefts, rights), strict=True)],
        [
            (*place(one.start, one.end), f"{clock(one.start, zone)} to {clock(one.end, zone)}")
            for one in compared.differences
        ],
        [place(start, end) for start, end in compared.unknown],
        _ticks(window, zone),
        [
            (clock(one.start, zone), clock(one.end, zone), told(one.left), told(one.right))
            for one in compared.differences
        ],
    )


def _lane(label: str, side: Sequence[Interval], window: Window, zone: str, names: Mapping[str, str]) -> Lane:
    scale = _WIDTH / (window.end - window.start)
    bars: list[LaneBar] = []
    ends: list[int] = []  # of each row, where its last bar ends
    for one in sorted(side, key=lambda one: (one.start, one.end, one.person)):
        span = clip(Window(one.start, one.end), window)
        if span.end <= span.start or not one.person:
            continue
        row = next((number for number, end in enumerate(ends) if end <= span.start), len(ends))
        ends[row : row + 1] = [span.end]
        name = names.get(one.person) or one.person
        width = (span.end - span.start) * scale
        letters = int(width / _PER_LETTER)
        shown = name if len(name) <= letters else f"{name[: letters - 1]}…" if width > _WIDE_ENOUGH else ""
        role = "" if one.role is Role.ON_CALL else f" ({one.role})"
        title = f"{name}{role}: {clock(span.start, zone)} to {clock(span.end, zone)}"
        left = (span.start - window.start) * scale
        bars.append(LaneBar(left, max(_NARROWEST, width), row, _fill(one.person), shown, title))
    return Lane(label, bars, max(1, len(ends)))


def _fill(person: str) -> str:
    """Return a colour that is the same for a person wherever the page shows them."""
    return f"hsl({sha256(person.encode('utf-8', 'backslashreplace')).digest()[0] * 360 // 256} 55% 78%)"


def _ticks(window: Window, zone: str) -> list[tuple[float, str]]:
    """Return where days begin, in local time, and their dates: every day, or so many that they can be read."""
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
