"""Terminal output: a rich console that distinguishes terminal and file, questions, and progress bars."""

from __future__ import annotations

import json
import math
import os
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import IO, Any, NamedTuple

from rich.console import Console as Terminal
from rich.console import ConsoleOptions
from rich.text import Text

from importer.delivery.queue import Progress
from importer.statuses import Status
from importer.wording import count_of

_PAGE = 40, 160  # lines and characters of a screen if there is no terminal
_FURTHER_IN = 2  # columns by which continuation lines are indented


class Stream(Terminal):
    """Prints to standard output or standard error."""

    def write_line(self, line: Text | str) -> None:
        """Print a whole line fast, because there is one for each row; plain if colours are off."""
        if isinstance(line, Text) and (self.is_screen or self.color_system):
            self.print_wrapped(line)
        else:
            self.file.write(f"{line}\n")

    def write_json(self, value: Mapping[str, object]) -> None:
        """Print an object on a line, at once, in ASCII, whatever the stream's encoding."""
        self.file.write(f"{json.dumps(value)}\n")
        self.file.flush()

    def put(self, text: str, style: str = "") -> None:
        """Print a text to be copied: it is never wrapped."""
        self.print(Text(text, style=style), soft_wrap=True)

    def print_wrapped(self, line: Text) -> None:
        """Print a line: unbroken to a file; on a screen it is wrapped and indented."""
        if not self.is_screen or len(line) <= self.width:
            self.print(line, soft_wrap=not self.is_screen)
            return
        indent = len(line.plain) - len(line.plain.lstrip(" "))
        first, *others = line[indent:].wrap(self, max(20, self.width - indent - _FURTHER_IN))
        self.print(Text(" " * indent) + first)
        for other in others:
            self.print(Text(" " * (indent + _FURTHER_IN)) + other)

    @property
    def is_screen(self) -> bool:
        """True on a terminal; rich's `is_terminal` is also true for a file with forced colours (FORCE_COLOR)."""
        try:
            return self.file.isatty() and self.is_terminal
        except ValueError:  # closed
            return False

    @property
    def page(self) -> tuple[int, int]:
        """How many lines a screen has, and how many characters a line."""
        return (self.height, self.width) if self.is_screen else _PAGE


def is_asking() -> bool:
    """Return whether the user can be asked: only standard input decides that, wherever the output goes."""
    try:
        return sys.stdin.isatty()
    except ValueError:  # closed
        return False


def open_terminal() -> IO[Any] | None:
    """Open the terminal of standard input, to write a question to it; None if that is not possible."""
    for name in ("/dev/tty", _name_of_input()):
        if name:
            try:
                return open(os.open(name, os.O_WRONLY | os.O_NOCTTY), "w", encoding="utf-8", errors="backslashreplace")  # noqa: PTH123
            except OSError:  # no controlling terminal
                continue
    return None


def _name_of_input() -> str:
    try:
        return os.ttyname(sys.stdin.fileno())
    except (OSError, ValueError):
        return ""


# ---- the progress display: a bar and facts for each target, drawn again at each refresh


_ON_ONE_LINE = 110  # columns of a terminal with room for bar and facts side by side
_NARROWEST_BAR = 8
_WIDEST_BAR = 60
_WINDOW = 10.0  # seconds over which the rate is measured
_STEP = 0.25  # seconds between two samples of it
_SOONEST = 0.9  # seconds after which a rate means something
_CREATED = Status.CREATED


class Meter:
    """Measures the progress of one target's work. `add` is called for every record, so it only counts."""

    __slots__ = ("_samples", "done", "name", "problems", "progress", "total")

    def __init__(self, name: str, total: int) -> None:
        self.name = name
        self.total = total
        self.done = 0
        self.problems = 0
        self.progress: Progress | None = None
        self._samples: deque[tuple[float, int]] = deque()

    def add(self, status: Status, number: int) -> None:
        """Count decided records."""
        self.done += number
        if status is not _CREATED and status.needs_attention:
            self.problems += number

    def rate(self, now: float) -> float | None:
        """Return the records a second over the last ten seconds; None while it is not known yet."""
        samples = self._samples
        if not samples or now - samples[-1][0] >= _STEP:
            samples.append((now, self.done))
        while len(samples) > 2 and now - samples[1][0] >= _WINDOW:
            samples.popleft()
        then, before = samples[0]
        return (self.done - before) / (now - then) if now - then >= _SOONEST else None

    @property
    def retries(self) -> int:
        """Requests that were repeated."""
        return 0 if self.progress is None else self.progress.retries


class Facts(NamedTuple):
    """What is shown about a target next to its bar."""

    rate: str
    limit: str
    retries: str
    problems: str
    left: str


def facts_of(meter: Meter, now: float) -> Facts:
    """Return the facts about a target at the moment, in words."""
    rate, limit = meter.rate(now), None if meter.progress is None else meter.progress.rate
    rest = max(0, meter.total - meter.done)
    return Facts(
        "" if rate is None or not rest else _rate(rate),
        "" if limit is None else "no limit" if math.isinf(limit) else f"limit {_rate(limit)}",
        count_of(meter.retries, "retry", "retries"),
        count_of(meter.problems, "problem"),
        "done" if not rest else f"{_clock(rest / rate)} left" if rate else "",
    )


def _rate(rate: float) -> str:
    return f"{rate:,.0f}/s" if rate >= 10 else f"{rate:.1f}/s"


def _clock(seconds: float) -> str:
    minutes, rest = divmod(math.ceil(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


class ReadingMeter:
    """Measures the progress of reading."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._first: tuple[float, float] | None = None  # the time, and the share at that time
        self._share = 0.0
        self.rows = 0  #: read so far

    def advance(self, share: float) -> None:
        """Note how much of all sources has been read, from 0 to 1."""
        self._share = share
        self._first = self._first or (self._clock(), share)

    def describe(self) -> str:
        """Return the rows read, and the share and time left if they are known."""
        words = f"{self.rows:,} rows read"
        began, before = self._first or (self._clock(), 0.0)
        seconds, done = self._clock() - began, self._share - before
        if not 0 < self._share < 1 or done <= 0:
            return words
        left = f", {_clock(seconds * (1 - self._share) / done)} left" if seconds >= _SOONEST else ""
        return f"{words}, {self._share:.0%}{left}"


class Display:
    """The bottom of the terminal during a run."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._meters: list[Meter] = []
        self.reading = ReadingMeter(clock)

    def show(self, meters: Sequence[Meter]) -> None:
        """Show these targets from now on."""
        self._meters = list(meters)

    def __rich_console__(self, console: Terminal, options: ConsoleOptions) -> Iterator[Text]:
        """Return the lines, none wider than the terminal."""
        if not self._meters and self.reading.rows:
            yield Text(self.reading.describe(), no_wrap=True, overflow="crop")
        for line in lines_of(self._meters, self._clock(), options.max_width, is_ascii=options.ascii_only):
            yield Text(no_wrap=True, overflow="crop") + line


def lines_of(meters: Sequence[Meter], now: float, width: int, *, is_ascii: bool = False) -> Iterator[Text]:
    """Draw each target's bar: beside its facts if there is room, else above them."""
    if not meters:
        return
    heads = [f"{meter.name:<6} " for meter in meters]
    counts = [f" {meter.done:,}/{meter.total:,}" for meter in meters]
    facts = [facts_of(meter, now) for meter in meters]
    is_wide = width >= _ON_ONE_LINE
    tails = _in_columns(facts) if is_wide else [""] * len(meters)
    widest = max(map(len, counts))
    room = width - 1 - max(map(len, heads)) - widest - max(map(len, tails))
    bar = min(_WIDEST_BAR, room) if room >= _NARROWEST_BAR else 0
    for meter, head, count, own, tail in zip(meters, heads, counts, facts, tails, strict=True):
        line = Text(head) + _bar(meter, bar, is_ascii=is_ascii) + Text(count.rjust(widest))
        yield line + Text(tail, style="dim")
        if not is_wide:
            yield from _wrapped(own, width - 1)


def _in_columns(facts: Sequence[Facts]) -> list[str]:
    """Align the facts of all targets in columns."""
    widths = [max(map(len, column)) for column in zip(*facts, strict=True)]
    return ["  " + "  ".join(text.rjust(width) for text, width in zip(one, widths, strict=True)) for one in facts]


def _wrapped(facts: Facts, width: int) -> Iterator[Text]:
    """Wrap the facts onto as many lines as they need; a fact is never broken."""
    line = ""
    for fact in filter(None, facts):
        longer = f"{line}, {fact}" if line else f"  {fact}"
        if line and len(longer) > width:
            yield Text(line, style="dim")
            longer = f"  {fact}"
        line = longer
    yield Text(line, style="dim")


def _bar(meter: Meter, width: int, *, is_ascii: bool) -> Text:
    """Draw done and left with different characters, because a terminal may have no colours."""
    share = min(1.0, meter.done / meter.total) if meter.total else 1.0
    full = int(share * width)
    done, rest = ("#", ".") if is_ascii else ("━", "─")
    style = "yellow" if meter.problems else "green"
    return Text.assemble((done * full, style), (rest * (width - full), "dim"))
