"""Small forms that every message and request shares: counts with their nouns, instants in UTC. Knows no subject."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache


def count_of(number: int, noun: str, plural: str = "") -> str:
    """Return a number with its noun: `1 row`, `1,000 rows`, `2 entries` with `plural`."""
    return f"{number:,} {noun if number == 1 else plural or f'{noun}s'}"


@lru_cache(maxsize=256)  # the hint of a warning that every row has
def as_sentence(text: str) -> str:
    """Return a clause as a sentence: with a capital letter and a full stop; an empty one stays empty.

    A word such as `starts_at` at its beginning is somebody's header and stays as it is.
    """
    first = text[:1] if "_" in text.partition(" ")[0] else text[:1].upper()
    return text and f"{first}{text[1:]}{'' if text.endswith(('.', '!', '?')) else '.'}"


def iso_utc(instant: float | datetime) -> str:
    """Return an instant, aware or in epoch seconds, as ISO 8601 in UTC with whole seconds: `2027-03-01T08:00:00Z`."""
    moment = instant if isinstance(instant, datetime) else datetime.fromtimestamp(int(instant), UTC)
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def seconds_between(begin: str, end: str) -> float | None:
    """Return the seconds between two instants in ISO 8601; None where one is no such instant."""
    try:
        return (datetime.fromisoformat(end) - datetime.fromisoformat(begin)).total_seconds()
    except (ValueError, TypeError):  # TypeError: one has an offset, the other none
        return None
