"""Time zones by their IANA or Windows names, or as offsets from UTC. Knows no zone of this machine only.

Whatever is read is a zone with an IANA name, so that its `key` names it anywhere.
"""

from __future__ import annotations

import re
import tomllib
from functools import cache
from importlib.resources import files
from zoneinfo import ZoneInfo

from importer.cells import BLANKS
from importer.errors import SettingsError
from importer.normalizer.columns import BY_NAME
from importer.normalizer.unreadable import Unreadable
from importer.quoting import quote

_LONGEST_NAME = 64
_NO_PLACES = frozenset({"Factory", "Etc/Unknown"})  # IANA's marks of a zone that was not set

_OFFSET = re.compile(r"(?:(?:UTC|GMT) ?([+-]\d{1,2})|([+-]\d\d))(?::?(\d\d))?", re.IGNORECASE | re.ASCII)
# IANA has these, too: some of them with summer time, some without, which nobody who writes them thinks of.
_ABBREVIATIONS_OF_IANA = frozenset(
    {"cet", "eet", "est", "hst", "met", "mst", "wet", "cst6cdt", "est5edt", "mst7mdt", "pst8pdt"}
)
_FURTHEST_WEST, _FURTHEST_EAST = -12, 14  # IANA has a zone for every whole hour between
_ABBREVIATION = re.compile(r"[A-Z]{2,4}T", re.IGNORECASE | re.ASCII)  # PST, BST, AEST: all end in "time"
_SHOWN_BY_WINDOWS = re.compile(r"\((?:UTC|GMT)[^)]*\).*", re.IGNORECASE)
_WORD = re.compile(r"[^\W\d_]+(?:[ _'-][^\W\d_]+)*")

_UNKNOWN = ", which is no time zone that IANA or Windows knows"
_NO_WHOLE_HOURS = Unreadable(
    ", an offset that no zone is named after",
    "name the place's zone, such as Asia/Kolkata",
    "offset that is no time zone",
)
_AMBIGUOUS = Unreadable(
    ", an abbreviation, which means different zones in different places",
    "name the place's zone, such as Europe/Berlin or America/New_York",
    "abbreviation of a time zone",
)


def read_zone(text: str) -> ZoneInfo | Unreadable:
    """Read a cell of the column `timezone`; case does not count, and a blank stands for an underscore.

    Windows names (`W. Europe Standard Time`) are what CLDR says they are. An offset (`UTC+2`, `+02:00`) is a zone
    without summer time, and counts to the east: the `Etc/GMT-2` of IANA is `UTC+2`.
    """
    if len(text) > _LONGEST_NAME:
        return _unknown("")
    if text.casefold() in _ABBREVIATIONS_OF_IANA:
        return _AMBIGUOUS
    name = _names().get(text) or _names().get(text.replace(" ", "_").casefold()) or _windows_names().get(_folded(text))
    if name:
        return ZoneInfo(name)
    offset = _OFFSET.fullmatch(text.replace("\u2212", "-"))
    return _fixed(int(offset[1] or offset[2]), offset[3]) if offset else _unknown(text)


def check_timezone(name: str) -> ZoneInfo:
    """Find the zone that a setting or option names, as a cell may name it.

    Raises:
        SettingsError: there is no such zone.
    """
    zone = read_zone(name.strip(BLANKS))
    if isinstance(zone, Unreadable):
        raise SettingsError(f"the time zone is {quote(name)}{zone.reason}", hint=zone.hint or BY_NAME["timezone"].right)
    return zone


def _fixed(hours: int, minutes: str | None) -> ZoneInfo | Unreadable:
    if int(minutes or "0") or not _FURTHEST_WEST <= hours <= _FURTHEST_EAST:
        return _NO_WHOLE_HOURS
    return ZoneInfo(f"Etc/GMT{-hours:+}" if hours else "UTC")  # IANA counts these to the west, as POSIX does


def _unknown(text: str) -> Unreadable:
    if _ABBREVIATION.fullmatch(text):
        return _AMBIGUOUS
    places = [_places()[word] for word in map(_folded, _WORD.findall(text)) if word in _places()]
    hint = f"write {places[0]} if that is meant" if places else ""
    if _SHOWN_BY_WINDOWS.fullmatch(text):
        reason = ", which is what Windows shows for a zone, in words that change"
        return Unreadable(reason, hint or BY_NAME["timezone"].right, "time zone as Windows shows it")
    return Unreadable(_UNKNOWN, hint, "no time zone")


def _folded(text: str) -> str:
    return " ".join(text.replace("_", " ").casefold().split())


@cache
def _names() -> dict[str, str]:
    # tzdata's own list, not the machine's: there "localtime" and "right/Europe/Berlin" would be zones too.
    listed = files("tzdata").joinpath("zones").read_text(encoding="utf-8").split()
    names = [name for name in listed if name not in _NO_PLACES]
    return {name.casefold(): name for name in names} | {name: name for name in names}


@cache
def _windows_names() -> dict[str, str]:
    listed = files("importer.normalizer.times").joinpath("windows_zones.toml").read_text(encoding="utf-8")
    return {_folded(windows): name for windows, name in tomllib.loads(listed).items()}


@cache
def _places() -> dict[str, str]:
    """The zones by the place that their names end in, for hints only."""
    areas = ("Africa/", "America/", "Asia/", "Atlantic/", "Australia/", "Europe/", "Indian/", "Pacific/")
    return {_folded(name.rpartition("/")[2]): name for name in _names().values() if name.startswith(areas)}
