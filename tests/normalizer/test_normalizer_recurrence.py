"""The column `repeat`: words and rules of RFC 5545, their dates, and what is refused."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from itertools import takewhile

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from importer.normalizer.recurrence.expand import occurrences
from importer.normalizer.recurrence.rrule import Rule, read_repeat
from importer.normalizer.unreadable import Unreadable

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
        ("FREQ=HOURLY", "whose FREQ is HOURLY"),
        ("FREQ=MINUTELY;COUNT=3", "whose FREQ is MINUTELY"),
        ("FREQ=SECONDLY", "whose FREQ is SECONDLY"),
        ("FREQ=OFTEN", 'whose FREQ is "OFTEN"'),
        ("sometimes", "no rule of RFC 5545"),
        ("COUNT=3", "no rule of RFC 5545"),
        ("FREQ=", "no part of a rule"),
        ("FREQ=WEEKLY;;COUNT=3", "no part of a rule"),
        ("FREQ=WEEKLY;FREQ=DAILY", 'says "FREQ" twice'),
        ("FREQ=WEEKLY;COUNT=3;UNTIL=20271231", "both COUNT and UNTIL"),
        ("FREQ=WEEKLY;COUNT=0", 'whose COUNT is "0"'),
        ("FREQ=WEEKLY;COUNT=-3", 'whose COUNT is "-3"'),
        ("FREQ=WEEKLY;COUNT=\u0663", "whose COUNT is"),
        ("FREQ=WEEKLY;INTERVAL=0", 'whose INTERVAL is "0"'),
        ("FREQ=WEEKLY;INTERVAL=-1", 'whose INTERVAL is "-1"'),
        ("FREQ=WEEKLY;INTERVAL=1000000000", "whose INTERVAL is"),
        ("FREQ=WEEKLY;UNTIL=2027", 'whose UNTIL is "2027"'),
        ("FREQ=WEEKLY;UNTIL=20270231", "no calendar or clock has"),
        ("FREQ=WEEKLY;WKST=XX", "whose WKST is"),
        ("FREQ=WEEKLY;BYDAY=MO,XX", '"XX" is no day'),
        ("FREQ=WEEKLY;BYDAY=1MO", "BYDAY has numbers"),
        ("FREQ=YEARLY;BYWEEKNO=20;BYDAY=1MO", "BYDAY has numbers"),
        ("FREQ=MONTHLY;BYDAY=0MO", '"0MO" is no day'),
        ("FREQ=MONTHLY;BYDAY=MO,1TU", "with and without a number"),
        ("FREQ=WEEKLY;BYMONTHDAY=3", "BYMONTHDAY does not go with FREQ=WEEKLY"),
        ("FREQ=MONTHLY;BYYEARDAY=3", "BYYEARDAY does not go with FREQ=MONTHLY"),
        ("FREQ=DAILY;BYWEEKNO=3", "BYWEEKNO does not go with FREQ=DAILY"),
        ("FREQ=MONTHLY;BYSETPOS=1", "nothing to choose from"),
        ("FREQ=MONTHLY;BYDAY=MO;BYSETPOS=0", 'BYSETPOS "0" cannot be'),
        ("FREQ=MONTHLY;BYDAY=MO;BYSETPOS=1,2,3,4,5,6,7,8,9,10,11,12,13", "more than 12 values"),
        ("FREQ=YEARLY;BYMONTH=13", 'BYMONTH "13" cannot be'),
        ("FREQ=YEARLY;BYMONTH=-1", 'BYMONTH "-1" cannot be'),
        ("FREQ=YEARLY;BYWEEKNO=53", 'BYWEEKNO "53" cannot be'),
        ("FREQ=DAILY;BYHOUR=24", 'BYHOUR "24" cannot be'),
        ("FREQ=DAILY;BYSECOND=60", 'BYSECOND "60" cannot be'),
        ("FREQ=YEARLY;BYEASTER=1", 'part "BYEASTER" is not known'),
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
        if period >= 0 and period % rule.interval == 0:
            periods.setdefault(period, [])
            if _comes_on(rule, start.date(), day):
                periods[period].append(day)
        day += timedelta(days=1)
    hours = rule.values("BYHOUR") or (start.hour,)
    found = []
    for days in periods.values():
        times = [datetime.combine(day, time(hour, start.minute)) for day in days for hour in hours]
        places = rule.values("BYSETPOS")
        chosen = {(place - 1 if place > 0 else len(times) + place) for place in places}
        found += [local for index, local in enumerate(times) if not places or index in chosen]
    return [local for local in found if start <= local <= last]


def _period(rule: Rule, day: date) -> int:
    match rule.freq:
        case "DAILY":
            return day.toordinal()
        case "WEEKLY":
            return (day.toordinal() - 1 - rule.week_start) // 7
        case "MONTHLY":
            return day.year * 12 + day.month
    return day.year


def _comes_on(rule: Rule, start: date, day: date) -> bool:
    return all(
        (
            _is_month(rule, start, day),
            _is_one_of(rule.values("BYMONTHDAY"), day.day, _month_length(day)),
            _is_one_of(rule.values("BYYEARDAY"), day.timetuple().tm_yday, _year_length(day.year)),
            not rule.values("BYWEEKNO") or _is_one_of(rule.values("BYWEEKNO"), *_week(day, rule.week_start)),
            _is_day(rule, start, day),
        )
    )


def _is_month(rule: Rule, start: date, day: date) -> bool:
    months = rule.values("BYMONTH")
    if not months and rule.freq == "YEARLY" and not rule.names_day:
        months = (start.month,)
    return not months or day.month in months


def _is_day(rule: Rule, start: date, day: date) -> bool:
    if not rule.days:
        others = rule.values("BYMONTHDAY") or rule.values("BYYEARDAY")
        if rule.freq == "WEEKLY" or (rule.values("BYWEEKNO") and not others):
            return day.weekday() == start.weekday()
        return bool(others) or rule.freq == "DAILY" or day.day == start.day
    in_month = rule.freq == "MONTHLY" or bool(rule.values("BYMONTH"))
    place = day.day if in_month else day.timetuple().tm_yday
    length = _month_length(day) if in_month else _year_length(day.year)
    numbers = {0, (place - 1) // 7 + 1, -((length - place) // 7 + 1)}
    return any(weekday == day.weekday() and number in numbers for weekday, number in rule.days)


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
    return (rule.freq, rule.interval, rule.numbers, rule.days, rule.week_start, rule.count, rule.until)
