"""Time zones by their IANA names. Knows no other names, and no zone of this machine only."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from zoneinfo import ZoneInfo

from importer.errors import SettingsError
from importer.normalizer.columns import BY_NAME
from importer.normalizer.fields import BLANKS
from importer.normalizer.wording import Fault, quote

_LONGEST_NAME = 64
_NO_PLACES = frozenset({"Factory", "Etc/Unknown"})  # IANA's marks of a zone that was not set


def read_zone(text: str) -> ZoneInfo | Fault:
    """Read a cell of the column `timezone`; case does not count, and a blank stands for an underscore."""
    zone = _find(text) if len(text) <= _LONGEST_NAME else None
    return zone or Fault(", which is no IANA time zone")


def check_timezone(name: str) -> ZoneInfo:
    """Find the zone that a setting or option names.

    Raises:
        SettingsError: there is no such zone.
    """
    zone = read_zone(name.strip(BLANKS))
    if isinstance(zone, Fault):
        raise SettingsError(f"the time zone is {quote(name)}{zone.reason}", hint=BY_NAME["timezone"].right)
    return zone


def _find(text: str) -> ZoneInfo | None:
    names = _names()
    name = names.get(text) or names.get(text.replace(" ", "_").casefold())
    return ZoneInfo(name) if name else None


@cache
def _names() -> dict[str, str]:
    # tzdata's own list, not the machine's: there "localtime" and "right/Europe/Berlin" would be zones too.
    listed = files("tzdata").joinpath("zones").read_text(encoding="utf-8").split()
    names = [name for name in listed if name not in _NO_PLACES]
    return {name.casefold(): name for name in names} | {name: name for name in names}
