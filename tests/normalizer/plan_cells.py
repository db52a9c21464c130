"""A row's cells about its shifts to their instants, as text that a reader of a test can check."""

from __future__ import annotations

from importer.cells import Unreadable
from importer.normalizer.date_times import read_moment
from importer.normalizer.occurrences import Misfit, Series, expand
from importer.normalizer.recurrence_text import Duration, Rule, read_duration, read_repeat, read_until
from importer.normalizer.zones import Moment, TimeRules, read_zone


def rule_of(text: str) -> Rule:
    rule = read_repeat(text)
    assert isinstance(rule, Rule), rule
    return rule


def moment_of(text: str) -> Moment:
    moment = read_moment(text)
    assert isinstance(moment, Moment), moment
    return moment


def series_of(
    start: str,
    *,
    end: str = "",
    duration: str = "",
    repeat: str = "",
    until: str = "",
    zone: str = "Europe/Berlin",
    members: int = 0,
    rules: TimeRules | None = None,
) -> Series:
    """Read the cells of a row; an empty one is not there."""
    rules = rules or TimeRules()
    length = read_duration(duration) if duration else None
    bound = read_until(until, rules) if until else None
    place = read_zone(zone) if zone else None
    assert not isinstance(place, Unreadable), place
    assert not isinstance(bound, Unreadable), bound
    assert length is None or isinstance(length, Duration), length
    return Series(
        start=moment_of(start),
        end=moment_of(end) if end else length,
        zone=place,
        rule=rule_of(repeat) if repeat else None,
        until=bound,
        members=members,
        rules=rules,
    )


def written(series: Series) -> list[str]:
    """Write each shift as `start/end`, in UTC without seconds."""
    turns = expand(series)
    assert not isinstance(turns, Misfit), turns
    return ["/".join(f"{end:%Y-%m-%dT%H:%MZ}" for end in turn[:2]) for turn in turns]


def misfit_of(series: Series) -> Misfit:
    misfit = expand(series)
    assert isinstance(misfit, Misfit), misfit
    return misfit
