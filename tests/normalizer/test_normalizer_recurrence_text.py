"""The column `repeat`: words and rules of RFC 5545, their dates, and what is refused."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from itertools import takewhile

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from importer.cells import Unreadable
from importer.normalizer.occurrences import occurrences
from importer.normalizer.recurrence_text import Rule, read_repeat

from .plan_cells import rule_of

DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")


@pytest.mark.parametrize(
    ("word", "rule"),
    [
        ("daily", "FREQ=DAILY"),
        ("Weekly", "FREQ=WEEKLY"),
        ("biweekly", "FREQ=WEEKLY;INTERVAL=2"),
        ("Bi-Weekly", "FREQ=WEEKLY;INTERVAL=2"),
        ("fortnightly", "FREQ=WEEKLY;INTERVAL=2"),
        ("every  2 weeks", "FREQ=WEEKLY;INTERVAL=2"),
        ("every other week", "FREQ=WEEKLY;INTERVAL=2"),
        ("Every weekday (Monday to Friday)", "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR"),
        ("Weekly on Monday", "FREQ=WEEKLY;BYDAY=MO"),
        ("every Wednesday", "FREQ=WEEKLY;BYDAY=WE"),
        ("every 3 days", "FREQ=DAILY;INTERVAL=3"),
        ("MONTHLY", "FREQ=MONTHLY"),
        ("weekdays", "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR"),
        ("rrule:freq=weekly;count=12", "FREQ=WEEKLY;COUNT=12"),
        (" FREQ = WEEKLY ; COUNT = 12 ; ", "FREQ=WEEKLY;COUNT=12"),
        ("RRULE:COUNT=12;FREQ=WEEKLY\n", "FREQ=WEEKLY;COUNT=12"),
        ("FREQ=WEEKLY;\u200bBYDAY=FR,MO", "FREQ=WEEKLY;BYDAY=FR,MO"),
    ],
)
def test_words_case_and_blanks_mean_the_same_rule(word: str, rule: str) -> None:
    assert _without_text(rule_of(word)) == _without_text(rule_of(rule))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("FREQ=HOURLY", 'FREQ cannot be "HOURLY"'),
        ("FREQ=MINUTELY;COUNT=3", 'FREQ cannot be "MINUTELY"'),
        ("FREQ=SECONDLY", 'FREQ cannot be "SECONDLY"'),
        ("FREQ=OFTEN", 'FREQ cannot be "OFTEN"'),
        ("sometimes", "neither a rule of RFC 5545"),
        ("every suesday", "neither a rule of RFC 5545"),
        ("COUNT=3", "neither a rule of RFC 5545"),
        ("FREQ=", "not a part of a rule"),
        ("FREQ=WEEKLY;;COUNT=3", "not a part of a rule"),
        ("FREQ=WEEKLY;FREQ=DAILY", 'has "FREQ" twice'),
        ("FREQ=WEEKLY;COUNT=3;UNTIL=20271231", "both COUNT and UNTIL"),
        ("FREQ=WEEKLY;COUNT=0", 'COUNT cannot be "0"'),
        ("FREQ=WEEKLY;COUNT=-3", 'COUNT cannot be "-3"'),
        ("FREQ=WEEKLY;COUNT=\u0663", "COUNT cannot be"),
        ("FREQ=WEEKLY;INTERVAL=0", 'INTERVAL cannot be "0"'),
        ("FREQ=WEEKLY;INTERVAL=-1", 'INTERVAL cannot be "-1"'),
        ("FREQ=WEEKLY;INTERVAL=1000000000", "INTERVAL cannot be"),
        ("FREQ=WEEKLY;UNTIL=2027", 'UNTIL cannot be "2027"'),
        ("FREQ=WEEKLY;UNTIL=20270231", "does not exist"),
        ("FREQ=WEEKLY;WKST=XX", "WKST cannot be"),
        ("FREQ=WEEKLY;BYDAY=MO,XX", 'BYDAY cannot be "XX"'),
        ("FREQ=WEEKLY;BYDAY=1MO", "BYDAY has numbers"),
        ("FREQ=YEARLY;BYWEEKNO=20;BYDAY=1MO", "BYDAY has numbers"),
        ("FREQ=MONTHLY;BYDAY=0MO", 'BYDAY cannot be "0MO"'),
        ("FREQ=MONTHLY;BYDAY=MO,1TU", "with and without a number"),
        ("FREQ=WEEKLY;BYMONTHDAY=3", "BYMONTHDAY does not go with FREQ=WEEKLY"),
        ("FREQ=MONTHLY;BYYEARDAY=3", "BYYEARDAY does not go with FREQ=MONTHLY"),
        ("FREQ=DAILY;BYWEEKNO=3", "BYWEEKNO does not go with FREQ=DAILY"),
        ("FREQ=MONTHLY;BYSETPOS=1", "nothing to choose from"),
        ("FREQ=MONTHLY;BYDAY=MO;BYSETPOS=0", 'BYSETPOS cannot be "0"'),
        ("FREQ=MONTHLY;BYDAY=MO;BYSETPOS=1,2,3,4,5,6,7,8,9,10,11,12,13", "more than 12 values"),
        ("FREQ=YEARLY;BYMONTH=13", 'BYMONTH cannot be "13"'),
        ("FREQ=YEARLY;BYMONTH=-1", 'BYMONTH cannot be "-1"'),
        ("FREQ=YEARLY;BYWEEKNO=53", 'BYWEEKNO cannot be "53"'),
        ("FREQ=DAILY;BYHOUR=24", 'BYHOUR cannot be "24"'),
        ("FREQ=DAILY;BYSECOND=60", 'BYSECOND cannot be "60"'),
        ("FREQ=YEARLY;BYEASTER=1", '"BYEASTER" is not known'),
        ("FREQ=YEARLY;RSCALE=GREGORIAN", "is not known"),
        ("RRULE:FREQ=WEEKLY\nEXDATE:20261224T080000Z", "leaves out or adds single dates"),
        ("RDATE:20261224T080000Z\nRRULE:FREQ=WEEKLY", "leaves out or adds single dates"),
        ("DTSTART:20261224T080000Z\nRRULE:FREQ=WEEKLY", "has a DTSTART"),
        ("FREQ=WEEKLY\nFREQ=DAILY", "more than one rule"),
        ("FREQ=WEEKLY;BYDAY=" + "MO," * 100, "more than 256 characters"),
    ],
)
def test_what_is_no_rule_or_not_understood_is_refused_in_words(text: str, words: str) -> None:
    fault = read_repeat(text)
    assert isinstance(fault, Unreadable)
    assert words in fault.reason
    assert fault.hint
    assert fault.topic == "repetition that cannot be read"


@given(st.text(max_size=80) | st.text("FREQ=DAILYWKBMONTH;:,-+0123456789 \n", max_size=80).map("FREQ=WEEKLY;".__add__))
def test_any_text_is_a_rule_or_a_fault_that_shows_no_control_characters(text: str) -> None:
    found = read_repeat(text)
    assert isinstance(found, Rule) or found.reason.isprintable()


def test_a_rule_that_ends_in_9999_never_ends_as_far_as_shifts_go() -> None:
    until = rule_of("FREQ=WEEKLY;UNTIL=99991231T235959Z").until
    assert until is not None
    assert until.local.year == 2200


@st.composite
def rules(draw: st.DrawFn) -> str:
    """Rules of all parts that go together; most of them come some time."""
    freq = draw(st.sampled_from(["DAILY", "WEEKLY", "MONTHLY", "YEARLY"]))
    parts = {"FREQ": freq, "INTERVAL": str(draw(st.integers(1, 5)))}

    def some(name: str, values: st.SearchStrategy[str]) -> None:
        if draw(st.integers(0, 3)) == 0:
            parts[name] = ",".join(draw(st.lists(values, min_size=1, max_size=4)))

    def signed(last: int) -> st.SearchStrategy[str]:
        return st.integers(-last, last).filter(bool).map(str)

    some("BYMONTH", st.integers(1, 12).map(str))
    if freq != "WEEKLY":
        some("BYMONTHDAY", signed(31))
    if freq == "YEARLY":
        some("BYYEARDAY", signed(366))
        some("BYWEEKNO", signed(51))
    some("BYDAY", st.sampled_from(DAYS))
    if freq in ("MONTHLY", "YEARLY") and "BYDAY" not in parts and "BYWEEKNO" not in parts:
        some("BYDAY", st.builds("{}{}".format, signed(5), st.sampled_from(DAYS)))
    some("BYHOUR", st.integers(0, 23).map(str))
    parts["WKST"] = draw(st.sampled_from(DAYS))
    if freq != "DAILY" and parts.keys() & {"BYDAY", "BYMONTHDAY", "BYHOUR"}:
        some("BYSETPOS", signed(4))
    return ";".join("=".join(part) for part in parts.items())


@settings(deadline=None)
@given(text=rules(), day=st.dates(date(1995, 1, 1), date(2110, 1, 1)))
@example(text="FREQ=WEEKLY;BYDAY=MO,TU,WE;BYSETPOS=1", day=date(2026, 10, 20))  # the set is the whole week
@example(text="FREQ=YEARLY;BYWEEKNO=20", day=date(1997, 5, 12))  # the day is that of the start
@example(text="FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,SU;WKST=SU", day=date(1997, 8, 5))
@example(text="FREQ=YEARLY;BYWEEKNO=1,-1;BYDAY=TH,SU,MO", day=date(2026, 1, 1))
def test_the_dates_are_those_of_a_calendar_gone_through_day_by_day(text: str, day: date) -> None:
    """RFC 5545 once more, by a slow way of its own: each day is asked whether the rule comes on it."""
    rule = rule_of(text)
    start = datetime.combine(day, time(9, 30))
    assume("MONTHLY" not in text or day.day <= 28)
    last = start + timedelta(days=1000)
    found = takewhile(last.__ge__, occurrences(rule, start))
    assert list(found) == _by_the_day(rule, start, last)


def _by_the_day(rule: Rule, start: datetime, last: datetime) -> list[datetime]:
    periods: dict[int, list[date]] = {}
    day = start.date() - timedelta(days=370)
    while day <= last.date() + timedelta(days=370):
        period = _period(rule, day) - _period(rule, start.date())
        if period >= 0 and period % int(rule.part("INTERVAL") or 1) == 0:
            periods.setdefault(period, [])
            if _comes_on(rule, start.date(), day):
                periods[period].append(day)
        day += timedelta(days=1)
    hours = rule.numbers("BYHOUR") or (start.hour,)
    found = []
    for days in periods.values():
        times = [datetime.combine(day, time(hour, start.minute)) for day in days for hour in hours]
        places = rule.numbers("BYSETPOS")
        chosen = {(place - 1 if place > 0 else len(times) + place) for place in places}
        found += [local for index, local in enumerate(times) if not places or index in chosen]
    return [local for local in found if start <= local <= last]


def _period(rule: Rule, day: date) -> int:
    match rule.freq:
        case "DAILY":
            return day.toordinal()
        case "WEEKLY":
            return (day.toordinal() - 1 - _week_start(rule)) // 7
        case "MONTHLY":
            return day.year * 12 + day.month
    return day.year


def _comes_on(rule: Rule, start: date, day: date) -> bool:
    return all(
        (
            _is_month(rule, start, day),
            _is_one_of(rule.numbers("BYMONTHDAY"), day.day, _month_length(day)),
            _is_one_of(rule.numbers("BYYEARDAY"), day.timetuple().tm_yday, _year_length(day.year)),
            not rule.numbers("BYWEEKNO") or _is_one_of(rule.numbers("BYWEEKNO"), *_week(day, _week_start(rule))),
            _is_day(rule, start, day),
        )
    )


def _is_month(rule: Rule, start: date, day: date) -> bool:
    months = rule.numbers("BYMONTH")
    if not months and rule.freq == "YEARLY" and not rule.names_day:
        months = (start.month,)
    return not months or day.month in months


def _is_day(rule: Rule, start: date, day: date) -> bool:
    if not rule.part("BYDAY"):
        others = rule.numbers("BYMONTHDAY") or rule.numbers("BYYEARDAY")
        if rule.freq == "WEEKLY" or (rule.numbers("BYWEEKNO") and not others):
            return day.weekday() == start.weekday()
        return bool(others) or rule.freq == "DAILY" or day.day == start.day
    in_month = rule.freq == "MONTHLY" or bool(rule.numbers("BYMONTH"))
    place = day.day if in_month else day.timetuple().tm_yday
    length = _month_length(day) if in_month else _year_length(day.year)
    numbers = {0, (place - 1) // 7 + 1, -((length - place) // 7 + 1)}
    return any(weekday == day.weekday() and number in numbers for weekday, number in _days(rule))


def _week_start(rule: Rule) -> int:
    return DAYS.index(rule.part("WKST") or "MO")


def _days(rule: Rule) -> list[tuple[int, int]]:
    """Give BYDAY as (weekday, its number in month or year; 0: every)."""
    return [(DAYS.index(day[-2:]), int(day[:-2] or 0)) for day in rule.part("BYDAY").split(",")]


def _is_one_of(values: tuple[int, ...], place: int, length: int) -> bool:
    return not values or place in values or place - length - 1 in values


def _month_length(day: date) -> int:
    return ((day.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)).day


def _year_length(year: int) -> int:
    return date(year, 12, 31).timetuple().tm_yday


def _week(day: date, week_start: int) -> tuple[int, int]:
    """Give the number of a day's week and the number of weeks in that week's year: the first has four days in it."""
    middle = day + timedelta(days=3 - (day.weekday() - week_start) % 7)
    last = date(middle.year, 12, 31)
    last_middle = last - timedelta(days=(last.weekday() - (week_start + 3)) % 7)
    return (middle.timetuple().tm_yday - 1) // 7 + 1, (last_middle.timetuple().tm_yday - 1) // 7 + 1


def _without_text(rule: Rule) -> tuple[object, ...]:
    return (set(rule.parts), rule.count, rule.until)
