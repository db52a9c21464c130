"""Time zones: their names, and the instant of a local time, also when the clocks change (skipped or doubled times).

Zones have the names of IANA, Windows or Rails, or are offsets from UTC. Names and rules come from the `tzdata` package,
never from the machine: a row means the same instant everywhere. Every zone that is read has an IANA name as its `key`.
Texts of date-times are parsed in `date_times`.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from enum import StrEnum
from functools import cache, lru_cache
from importlib.resources import files
from typing import NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from importer.cells import BLANKS, Unreadable
from importer.errors import SettingsError
from importer.settings.options import DateOrder, Settings
from importer.settings.origins import blame
from importer.wording import as_sentence, quote

FIRST_YEAR = 1970
LAST_YEAR = 2200
WITHOUT_TIME = "date without a time of day"  #: the topic of a date without a time

_DAY = timedelta(days=1)
_NO_OFFSET = timedelta(0)
_FURTHEST = timedelta(hours=14)  # no place on earth is further from UTC


class Choice(StrEnum):
    """Which instant is meant by a local time that a clock change skips or doubles."""

    EARLIER = "earlier"
    LATER = "later"


@dataclass(frozen=True, slots=True)
class TimeRules:
    """The user's choices for ambiguous date-times; None: an ambiguous one is a fault."""

    date_order: DateOrder | None = None
    twice: Choice | None = None  #: for a local time that occurs twice
    skipped: Choice | None = None  #: for a local time that does not exist


class Moment(NamedTuple):
    """A date-time as it was written."""

    local: datetime  #: naive, whole seconds
    offset: timedelta | None  #: None: local in a zone given elsewhere
    place: str = ""  #: beside an offset: "UTC" if a Z or UTC was written, else the name in brackets, if there is one


NO_RULES = TimeRules()

NO_DATE_TIME = Unreadable(
    ", which is not a date-time", "Write date, time of day and offset, such as 2027-03-01T08:00:00Z.", "not a date-time"
)
IMPOSSIBLE = Unreadable(", a date or time that does not exist", topic="date or time that does not exist")
OUTSIDE = Unreadable(f", outside the years {FIRST_YEAR} to {LAST_YEAR}", topic="date outside the accepted years")
_NO_ZONE = Unreadable(
    ", a local time without a time zone",
    "Add an offset, such as +01:00, or name the zone in a column timezone or with --timezone Europe/Berlin.",
    "local time without a time zone",
    is_one=True,
)


def make_moment(
    date: tuple[int, int, int], clock: tuple[int, int, int], offset: timedelta | Unreadable | None, place: str = ""
) -> Moment | Unreadable:
    """Make a moment from year, month, day and hour, minute, second; 24:00:00 is the end of the day, as in ISO 8601."""
    if not is_near(date[0]):
        return OUTSIDE
    if isinstance(offset, Unreadable):
        return offset
    is_end_of_day = clock == (24, 0, 0)
    try:
        local = datetime(*date, *((0, 0, 0) if is_end_of_day else clock))  # noqa: DTZ001  (the zone comes later)
    except ValueError:
        return IMPOSSIBLE
    return Moment(local + _DAY if is_end_of_day else local, offset, place)


def make_offset(sign: str, hours: str, minutes: str | None) -> timedelta | Unreadable:
    """Make an offset from its digits; any `sign` other than `+` is a minus."""
    offset = timedelta(hours=int(hours), minutes=int(minutes or "0"))
    if offset > _FURTHEST or int(minutes or "0") > 59:
        return IMPOSSIBLE
    return offset if sign == "+" else -offset


def without_time(date: str) -> Unreadable:
    """Return the fault of a date without a time; `date` in ISO 8601 becomes the hint's example."""
    return Unreadable(f", a {WITHOUT_TIME}", f"Add the time, such as {date}T08:00:00Z.", WITHOUT_TIME)


def is_near(year: int) -> bool:
    """Return whether a local time of that year may be an instant in the accepted years, give or take a year."""
    return FIRST_YEAR - 1 <= year <= LAST_YEAR + 1


@lru_cache(maxsize=16384)  # many rows start or end at the same time
def to_instant(moment: Moment, zone: ZoneInfo | None, rules: TimeRules = NO_RULES) -> datetime | Unreadable:
    """Return the instant of a moment, in UTC; `zone` is used if it has no offset of its own.

    A local time that its zone skips or has twice is a fault unless `rules` choose.
    """
    if not is_near(moment.local.year):
        return OUTSIDE
    if moment.offset is not None:
        instant = (moment.local - moment.offset).replace(tzinfo=UTC)
    elif zone is not None:
        found = _instant_in(moment.local.replace(tzinfo=zone), rules)
        if isinstance(found, Unreadable):
            return found
        instant = found
    else:
        return _NO_ZONE
    return instant if FIRST_YEAR <= instant.year <= LAST_YEAR else OUTSIDE


def _instant_in(first: datetime, rules: TimeRules) -> datetime | Unreadable:
    """Find the instant of a local time in its zone; `first` has no fold: it takes the offset before a clock change."""
    second = first.replace(fold=1)
    before, after = first.utcoffset() or _NO_OFFSET, second.utcoffset() or _NO_OFFSET
    if before == after:
        return first.replace(tzinfo=UTC) - before
    is_twice = before > after
    choice = rules.twice if is_twice else rules.skipped
    if choice is None:
        return _twice(first, second) if is_twice else _never(first, second)
    choose = min if choice is Choice.EARLIER else max
    return choose(first.astimezone(UTC), second.astimezone(UTC))


def _twice(earlier: datetime, later: datetime) -> Unreadable:
    return Unreadable(
        f", which occurs twice in {earlier.tzinfo}, because the clock is put back: {_iso(earlier)} and {_iso(later)}",
        f"Write the one that is meant, such as {_iso(earlier)}, or set twice below [times] in a mapping file.",
        "local time that occurs twice",
    )


def _never(earlier: datetime, later: datetime) -> Unreadable:
    # To UTC and back: what the zone's clock showed at the two possible instants.
    readings = [moment.astimezone(UTC).astimezone(moment.tzinfo) for moment in (later, earlier)]
    first, second = map(_iso, readings)
    return Unreadable(
        f", which does not exist in {earlier.tzinfo}, because the clock is put forward: it means {first} or {second}",
        f"Write the one that is meant, such as {second}, or set skipped below [times] in a mapping file.",
        "local time that does not exist",
    )


def _iso(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds")


# ---- time zones


_LONGEST_NAME = 64
_NO_PLACES = frozenset({"Factory", "Etc/Unknown"})  # IANA's names for a zone that was not set

_OFFSET = re.compile(r"(?:(?:UTC|GMT) ?([+-]\d{1,2})|([+-]\d\d))(?::?(\d\d))?", re.IGNORECASE | re.ASCII)
# IANA has these too: some with summer time, some without, which people who write them do not think of.
_ABBREVIATIONS_OF_IANA = frozenset({"cet", "eet", "est", "hst", "met", "mst", "wet"})
_FURTHEST_WEST, _FURTHEST_EAST = -12, 14  # IANA has a zone for every whole hour between
_ANY_YEAR = 2027
_ABBREVIATION = re.compile(r"[A-Z]{2,4}T", re.IGNORECASE | re.ASCII)  # PST, BST, AEST: all end in "time"
_WITH_OFFSET = re.compile(r"\((?:UTC|GMT)(?:([+-]\d\d?):?(\d\d)?)?\) ?(.*)", re.IGNORECASE | re.ASCII)
_WORD = re.compile(r"[^\W\d_]+(?:[ _'-][^\W\d_]+)*")

_UNKNOWN = ", which is not a time zone that IANA, Windows or Rails knows"
_NO_WHOLE_HOURS = Unreadable(
    ", an offset that no zone is named after",
    "Write the zone of the place, such as Asia/Kolkata.",
    "offset that is not a time zone",
)
_AMBIGUOUS = Unreadable(
    ", an abbreviation that means different zones in different places",
    "Write the zone of the place, such as Europe/Berlin or America/New_York.",
    "abbreviation of a time zone",
)


ZONE_RIGHT = "write an IANA time zone, such as Europe/Berlin"  #: what to write into the column `timezone`


@cache
def load_zone(key: str) -> ZoneInfo:
    """Return the zone of an IANA name, with the rules of the `tzdata` package.

    `ZoneInfo(key)` would prefer the machine's files, and machines differ.

    Raises:
        ZoneInfoNotFoundError: there is no such zone.
    """
    if key not in _names():
        raise ZoneInfoNotFoundError(f"no time zone found with key {key}")
    with files("tzdata").joinpath("zoneinfo", *key.split("/")).open("rb") as file:
        return ZoneInfo.from_file(file, key=key)


def read_zone(text: str) -> ZoneInfo | Unreadable:
    """Read a cell of the column `timezone`; case is ignored, and a blank counts as an underscore.

    Windows names (`W. Europe Standard Time`) are mapped as in CLDR, names of Rails (`Eastern Time (US & Canada)`) as in
    Rails. An offset (`UTC+2`, `+02:00`) is a zone without summer time, positive to the east: IANA's `Etc/GMT-2` is
    `UTC+2`.
    """
    if len(text) > _LONGEST_NAME:
        return _unknown("")
    if text.casefold() in _ABBREVIATIONS_OF_IANA:
        return _AMBIGUOUS
    if name := _named(text):
        return load_zone(name)
    plain = text.replace("\u2212", "-").replace("\u2013", "-")  # a real minus, and what Word makes of a hyphen
    if with_offset := _WITH_OFFSET.fullmatch(plain):
        return _confirmed(text, *with_offset.groups())
    offset = _OFFSET.fullmatch(plain)
    return _fixed(int(offset[1] or offset[2]), offset[3]) if offset else _unknown(text)


@lru_cache
def zone_in(header: str) -> ZoneInfo | None:
    """Return the time zone that a column of times has in its header, as in `Start (UTC)`; None if none or several."""
    zones = {zone for word in re.split(r"[\s()\[\],;]+", header) if isinstance(zone := read_zone(word), ZoneInfo)}
    return zones.pop() if len(zones) == 1 else None


def describe_other_zone(moment: Moment, zone: ZoneInfo | None, named: ZoneInfo | None) -> Unreadable | None:
    """Return what is odd about a local time read in `zone`, if its header `named` another; None if nothing is."""
    here, there = (each.utcoffset(moment.local) if each else None for each in (zone, named))
    if there is None or here is None or moment.offset is not None or there == here:
        return None
    instant, other = ((moment.local - offset).isoformat(" ", "minutes") for offset in (here, there))
    return Unreadable(
        f", in a column that names another time zone: it is read as {instant}Z, in {zone}, but in {named} it would "
        f"be {other}Z",
        "Write the zone that the header names into a column timezone, or an offset after each time, or rename it.",
        "local time in a column that names another zone",
    )


def find_zone(name: str) -> ZoneInfo | None:
    """Return the zone of an IANA name from a journal; None if there is no such zone."""
    try:
        return load_zone(name) if name else None
    except (ZoneInfoNotFoundError, ValueError):
        return None


def contradicted_zone(moment: Moment, own: ZoneInfo | None) -> ZoneInfo | None:
    """Return the zone that a moment's offset contradicts: the one beside it, or its row's `own` one; None if neither.

    RFC 9557 (4.2) calls the two inconsistent. A Z names no place and contradicts none; neither does +00:00, as programs
    write UTC, in a zone that never has this offset. In an hour that the clock leaves out, the offset before it is fine.
    """
    offset, local = moment.offset, moment.local
    if offset is None or moment.place == "UTC":
        return None
    named = read_zone(moment.place) if moment.place else None
    for zone in (named, own):
        if not isinstance(zone, ZoneInfo):
            continue
        there = zone.utcoffset(local) or _NO_OFFSET
        if offset == there or (offset < there and offset == zone.utcoffset(local.replace(fold=1))):
            continue  # the second is that of a time that the clock shows twice
        if not offset and all(datetime(local.year, month, 1, tzinfo=zone).utcoffset() for month in range(1, 13)):
            continue
        return zone
    return None


def describe_contradiction(moment: Moment, zone: ZoneInfo) -> Unreadable:
    """Return what is odd about a moment whose offset contradicts a zone."""
    there = zone.utcoffset(moment.local) or _NO_OFFSET
    instant = (moment.local - (moment.offset or _NO_OFFSET)).isoformat(" ", "minutes")  # strftime takes twice as long
    other = (moment.local - there).isoformat(" ", "minutes")
    return Unreadable(
        f", whose offset {quote(zone.key)} does not have then: it is read as {instant}Z, "
        f"but with that zone's {_write_offset(there)} it would be {other}Z",
        "Write the offset of that zone, or none if local time is meant; otherwise correct the time zone.",
        "offset that contradicts the time zone",
    )


@lru_cache
def _write_offset(offset: timedelta) -> str:
    return datetime(FIRST_YEAR, 1, 1, tzinfo=timezone(offset)).isoformat()[len("2000-01-01T00:00:00") :]


def zone_of(settings: Settings) -> ZoneInfo | None:
    """Return the zone that the settings name; None if they name none.

    Raises:
        SettingsError: there is no such zone.
    """
    try:
        return None if settings.timezone is None else check_timezone(settings.timezone)
    except SettingsError as error:
        raise blame(settings.origins.get("timezone"), error) from None


def check_timezone(name: str) -> ZoneInfo:
    """Find the zone that a setting or option names, in the forms that cells may have.

    Raises:
        SettingsError: there is no such zone.
    """
    zone = read_zone(name.strip(BLANKS))
    if isinstance(zone, Unreadable):
        raise SettingsError(f"the time zone is {quote(name)}{zone.reason}", hint=as_sentence(zone.hint or ZONE_RIGHT))
    return zone


def _named(text: str) -> str | None:
    """Return the IANA name of a zone for any unambiguous name."""
    folded = _folded(text)
    return (
        _names().get(text)
        or _names().get(text.replace(" ", "_").casefold())
        or next((table[folded] for table in map(_table, ("windows", "rails", "spelled_out")) if folded in table), None)
    )


def _confirmed(text: str, hours: str | None, minutes: str | None, words: str) -> ZoneInfo | Unreadable:
    """Return the zone that words name, if it has the offset before them in winter or in summer."""
    name = _named(words)
    if name is None or words.casefold() in _ABBREVIATIONS_OF_IANA:
        return _unknown(text)
    zone = load_zone(name)
    offset = timedelta(hours=int(hours or "0"), minutes=int(f"{(hours or '+')[0]}{minutes or '0'}"))
    if offset in {datetime(_ANY_YEAR, month, 1, tzinfo=zone).utcoffset() for month in (1, 7)}:
        return zone
    return Unreadable(
        f", but {zone.key} does not have this offset",
        f"Write {zone.key} if that is meant, without an offset.",
        "offset that is not the time zone's",
    )


def _fixed(hours: int, minutes: str | None) -> ZoneInfo | Unreadable:
    if int(minutes or "0") or not _FURTHEST_WEST <= hours <= _FURTHEST_EAST:
        return _NO_WHOLE_HOURS
    return load_zone(f"Etc/GMT{-hours:+}" if hours else "UTC")  # in these IANA names positive is west, as in POSIX


def _unknown(text: str) -> Unreadable:
    if _ABBREVIATION.fullmatch(text):
        return _AMBIGUOUS
    with_offset = _WITH_OFFSET.fullmatch(text)
    words = with_offset[3] if with_offset else text
    places = [_places()[word] for word in map(_folded, (words, *_WORD.findall(words))) if word in _places()]
    hint = f"Write {places[0]} if that is meant." if places else ""
    if with_offset:
        reason = ", which is what Windows shows for a zone, in words that change"
        return Unreadable(reason, hint or ZONE_RIGHT, "time zone as Windows shows it")
    return Unreadable(_UNKNOWN, hint, "unknown time zone")


def _folded(text: str) -> str:
    return " ".join(text.replace("_", " ").casefold().split())


@cache
def _names() -> dict[str, str]:
    # tzdata's own list, not the machine's, in which "localtime" and "right/Europe/Berlin" are zones too.
    listed = files("tzdata").joinpath("zones").read_text(encoding="utf-8").split()
    names = [name for name in listed if name not in _NO_PLACES]
    return {name.casefold(): name for name in names} | {name: name for name in names}


@cache
def _table(name: str) -> dict[str, str]:
    """Return a table of zone_names.toml: from names, folded by `_folded`, to IANA's."""
    listed = files("importer.normalizer").joinpath("zone_names.toml").read_text(encoding="utf-8")
    return {_folded(words): zone for words, zone in tomllib.loads(listed)[name].items()}


@cache
def _places() -> dict[str, str]:
    """Return the zones by the place in their names, and by common names; only for hints."""
    areas = ("Africa/", "America/", "Asia/", "Atlantic/", "Australia/", "Europe/", "Indian/", "Pacific/")
    ends = {_folded(name.rpartition("/")[2]): name for name in _names().values() if name.startswith(areas)}
    return ends | _table("hints")
