"""Words, numbers and times as a page says them. Pure."""

from __future__ import annotations

from datetime import UTC, datetime

from importer.records import Status


def is_attention(status: Status) -> bool:
    """Tell a status that somebody has to do something about."""
    return not (status.is_success or status.is_undone or status is Status.DUPLICATE)


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
