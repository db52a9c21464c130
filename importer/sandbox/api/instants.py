"""Date-times in requests and answers; inside the sandbox an instant is a number of epoch milliseconds."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

#: The time zone of the user whom the API key belongs to: Rootly's answers come in it, whatever was sent.
ZONE_NAME = "America/Los_Angeles"

_ZONE = ZoneInfo(ZONE_NAME)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
# RFC 3339, section 5.6; `fromisoformat` alone takes much more
_DATE_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
# Before 1883 the zone's offset has seconds, which RFC 3339 cannot write; in 9999 the zone's date could overflow.
_EARLIEST = datetime(1900, 1, 1, tzinfo=UTC)
_LATEST = datetime(9999, 1, 1, tzinfo=UTC)


def parse(text: str) -> int:
    """Read an RFC 3339 date-time with its offset; what is finer than a millisecond is cut off.

    Raises:
        ValueError: it is none, or lies outside the years 1900 to 9998; in words that go behind the thing's name.
    """
    moment = _moment(text)
    if moment is None:
        raise ValueError("must be a date-time with an offset")
    if not _EARLIEST <= moment < _LATEST:
        raise ValueError("must lie in the years 1900 to 9998")
    return (moment - _EPOCH) // _MILLISECOND


def _moment(text: str) -> datetime | None:
    if not _DATE_TIME.fullmatch(text):
        return None
    try:
        return datetime.fromisoformat(text.upper())
    except ValueError:  # the form is right, but no calendar has that day or no clock that hour
        return None


def show(instant: int) -> str:
    """Write an instant as answers do, such as `2026-02-19T18:12:19.680-08:00`."""
    return (_EPOCH + instant * _MILLISECOND).astimezone(_ZONE).isoformat(timespec="milliseconds")


def from_seconds(seconds: float) -> int:
    """Turn the clock's epoch seconds into an instant."""
    return int(seconds * 1000)
