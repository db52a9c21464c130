"""Compares two calendars: every interval in which they differ. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import NamedTuple, TypeAlias

from importer.calendars import Calendar, Interval, Note, Role, Schedule, Window, clip, gaps

#: Who does what: (person, role).
People: TypeAlias = frozenset[tuple[str, Role]]
_NOBODY: People = frozenset()
#: A schedule of the left side and its partner on the right side.
Pair: TypeAlias = tuple[Schedule, Schedule]


class Difference(NamedTuple):
    """One interval in which two paired schedules differ: half-open, whole epoch seconds."""

    start: int
    end: int
    left: People
    right: People

    @property
    def minutes(self) -> float:
        """Its length in minutes."""
        return (self.end - self.start) / 60


@dataclass(frozen=True, slots=True)
class Compared:
    """The comparison of one pair of schedules."""

    left: Schedule
    right: Schedule
    differences: tuple[Difference, ...]
    left_gaps: tuple[Window, ...]  #: nobody is on call on the left; empty if a side does not know who is on call
    right_gaps: tuple[Window, ...]
    left_unknown: tuple[Window, ...]  #: unknown on the left
    right_unknown: tuple[Window, ...]

    @property
    def name(self) -> str:
        """The names of both schedules."""
        return self.left.name if self.left.name == self.right.name else f"{self.left.name} = {self.right.name}"

    @property
    def zone(self) -> str:
        """The zone in which times are shown; empty if neither side has one."""
        return self.left.zone or self.right.zone

    @property
    def unknown(self) -> tuple[Window, ...]:
        """Spans of the window that are unknown on one side or both."""
        return tuple(sorted({*self.left_unknown, *self.right_unknown}))

    @property
    def minutes(self) -> float:
        """How many minutes the two differ in total."""
        return sum(difference.minutes for difference in self.differences)


@dataclass(frozen=True, slots=True)
class Comparison:
    """The comparison of two calendars."""

    left: Calendar
    right: Calendar
    window: Window
    compared: tuple[Compared, ...]
    only_left: tuple[Schedule, ...]  #: schedules without a partner
    only_right: tuple[Schedule, ...]

    @property
    def is_same(self) -> bool:
        """True if nothing differs, every schedule has a partner, and no row of a source was left out."""
        is_paired = not self.only_left and not self.only_right and not self.left.left_out and not self.right.left_out
        return is_paired and not any(one.differences or one.unknown for one in self.compared)

    @property
    def minutes(self) -> float:
        """How many minutes all schedules differ."""
        return sum(one.minutes for one in self.compared)

    @property
    def notes(self) -> list[tuple[str, Note]]:
        """The notes of both sides, each with its side."""
        return [(side.label, note) for side in (self.left, self.right) for note in side.notes]

    def name(self, person: str) -> str:
        """Return a person's full name if a side knows it, else the person's identifier."""
        return self.left.names.get(person) or self.right.names.get(person) or person


def describe_people(found: People, name: Callable[[str], str] = str) -> str:
    """Return the people and their roles in words, or `nobody`."""
    named = (name(person) + ("" if role is Role.ON_CALL else f" ({role})") for person, role in sorted(found))
    return ", ".join(named) or "nobody"


def pair_schedules(
    left: Calendar, right: Calendar, pairs: Mapping[str, str]
) -> tuple[list[Pair], list[Schedule], list[Schedule]]:
    """Pair the schedules of two calendars; also return those of either side that have no partner.

    `pairs` has pairs of left and right schedules, each by id or exact name. The others are paired by equal ids, or by
    exact name if that is unique on both sides.

    Raises:
        ValueError: a pair names a schedule that does not exist, or one of several that share its name.
    """
    lefts, rights = list(left.schedules), list(right.schedules)
    chosen = [
        (find_schedule(lefts, one, left.label), find_schedule(rights, other, right.label))
        for one, other in pairs.items()
    ]
    for of_pair in (attrgetter("id"), attrgetter("name")):
        free_left, free_right = _free(lefts, rights, chosen)
        number_left, number_right = Counter(map(of_pair, free_left)), Counter(map(of_pair, free_right))
        partners = {of_pair(one): one for one in free_right if number_right[of_pair(one)] == 1}
        single = (one for one in free_left if number_left[of_pair(one)] == 1)
        chosen += [(one, partners[of_pair(one)]) for one in single if of_pair(one) in partners]
    return sorted(chosen, key=lambda pair: (pair[0].name, pair[0].id)), *_free(lefts, rights, chosen)


def _free(
    lefts: Sequence[Schedule], rights: Sequence[Schedule], chosen: Sequence[Pair]
) -> tuple[list[Schedule], list[Schedule]]:
    """Return the schedules of either side that have no partner yet."""
    taken = {one.id for one, _ in chosen}, {one.id for _, one in chosen}
    return [one for one in lefts if one.id not in taken[0]], [one for one in rights if one.id not in taken[1]]


def find_schedule(schedules: Sequence[Schedule], wanted: str, label: str) -> Schedule:
    """Find a schedule by its id or its exact name; `label` is the calendar's name.

    Raises:
        ValueError: there is none, or there are several.
    """
    found = [one for one in schedules if one.id == wanted] or [one for one in schedules if one.name == wanted]
    if len(found) == 1:
        return found[0]
    why = f"has no schedule {wanted!r}" if not found else f"has {len(found)} schedules named {wanted!r}: use the id"
    raise ValueError(f"{label} {why}")


def compare(left: Calendar, right: Calendar, window: Window, pairs: Mapping[str, str] | None = None) -> Comparison:
    """Compare two calendars over a window. Intervals must be merged; people are equal if their texts are.

    Only roles that both sides know are compared. If both know who is on call, an override counts as being on call: that
    person is paged, and systems differ in what they call an override.

    Raises:
        ValueError: as `pair_schedules`.
    """
    paired, only_left, only_right = pair_schedules(left, right, pairs or {})
    aliases = left.aliases | right.aliases
    roles = left.roles & right.roles
    folded = {role: Role.ON_CALL if role is Role.OVERRIDE and Role.ON_CALL in roles else role for role in roles}
    of_left, of_right = (
        by_schedule(
            one._replace(person=aliases.get(one.person, one.person), role=folded[one.role])
            for one in side.intervals
            if one.role in roles
        )
        for side in (left, right)
    )
    compared = []
    for one, other in paired:
        known_left, known_right = left.known(one.id), right.known(other.id)
        both = clip(clip(known_left, window), clip(known_right, window))
        lefts, rights = of_left.get(one.id, []), of_right.get(other.id, [])
        outside = _outside(known_left, window), _outside(known_right, window)
        free = [tuple(gaps(side, both)) if Role.ON_CALL in roles else () for side in (lefts, rights)]
        differences = tuple(_differences(lefts, rights, both))
        compared.append(Compared(one, other, differences, free[0], free[1], *outside))
    alone = _alone(only_left, of_left, left, right), _alone(only_right, of_right, right, left)
    return Comparison(left, right, window, tuple(compared), *alone)


def _alone(
    schedules: Sequence[Schedule], intervals: Mapping[str, Sequence[Interval]], side: Calendar, other: Calendar
) -> tuple[Schedule, ...]:
    """Return the schedules that are missing on the other side.

    Records do not list all schedules: of a system's, none is missing in them; of other records', those with shifts are.
    """
    if Role.ON_CALL in other.roles:
        return tuple(schedules)
    return tuple(one for one in schedules if Role.ON_CALL not in side.roles and intervals.get(one.id))


def _outside(known: Window, window: Window) -> tuple[Window, ...]:
    """Return the parts of the window outside the known span."""
    inside = clip(known, window)
    if inside.end <= inside.start:
        return (window,)
    spans = (Window(window.start, inside.start), Window(inside.end, window.end))
    return tuple(span for span in spans if span.end > span.start)


def _differences(lefts: Sequence[Interval], rights: Sequence[Interval], window: Window) -> list[Difference]:
    """Walk over all changes of both sides in order, and note each span in which the two differ."""
    changes: dict[int, list[tuple[bool, bool, tuple[str, Role]]]] = defaultdict(list)
    for is_left, intervals in ((True, lefts), (False, rights)):
        for one in intervals:
            span = clip(Window(one.start, one.end), window)
            if span.end > span.start and one.person:
                who = (one.person, one.role)
                changes[span.start].append((is_left, True, who))
                changes[span.end].append((is_left, False, who))
    found: list[Difference] = []
    present: dict[bool, dict[tuple[str, Role], int]] = {True: defaultdict(int), False: defaultdict(int)}
    before = window.start
    people = {True: _NOBODY, False: _NOBODY}
    for moment in sorted(changes):
        _note(found, Window(before, moment), people[True], people[False])
        for is_left, is_start, who in changes[moment]:
            present[is_left][who] += 1 if is_start else -1
        people = {side: frozenset(who for who, count in counts.items() if count) for side, counts in present.items()}
        before = moment
    return found


def _note(found: list[Difference], span: Window, left: People, right: People) -> None:
    if span.end <= span.start or left == right:
        return
    last = found[-1] if found else None
    if last and last.end == span.start and (last.left, last.right) == (left, right):
        found[-1] = last._replace(end=span.end)
    else:
        found.append(Difference(span.start, span.end, left, right))


def by_schedule(intervals: Iterable[Interval]) -> dict[str, list[Interval]]:
    """Group intervals by their schedules' ids."""
    sorted_out: dict[str, list[Interval]] = defaultdict(list)
    for one in intervals:
        sorted_out[one.schedule].append(one)
    return sorted_out
