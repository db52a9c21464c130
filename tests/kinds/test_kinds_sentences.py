"""What a record is, as people are told it: names before ids, and times as its row's zone has them."""

from __future__ import annotations

import pytest

from importer.kinds import KINDS, Names, show_span

NAMES = Names({("schedule", "s-1"): "Payments", ("user", "112"): "Anna Berg", ("PAGER_DUTY", "P1"): "Web"})
NINE, FIVE, NEXT_DAY = 1803891600, 1803920400, 1803978000  # 2027-03-01 09:00 and 17:00 UTC, and a day later


@pytest.mark.parametrize(
    ("kind", "key", "told"),
    [
        ("schedule", ("PAGER_DUTY", "P1"), "Web (P1)"),
        ("schedule", ("OPSGENIE", "P1"), "OPSGENIE P1"),
        (
            "shadow",
            ("s-1", "User", "101", 112, NINE, FIVE),
            "Anna Berg (112) shadows user 101 on Payments (s-1), 2027-03-01 10:00 to 18:00 Europe/Berlin",
        ),
        (
            "shadow",
            ("s-2", "Schedule", "s-1", 113, NINE, FIVE),
            "user 113 shadows Payments (s-1) on schedule s-2, 2027-03-01 10:00 to 18:00 Europe/Berlin",
        ),
        (
            "override",
            ("s-1", 112, NINE, NEXT_DAY),
            "Anna Berg (112) takes over on Payments (s-1), 2027-03-01 10:00 to 2027-03-02 10:00 Europe/Berlin",
        ),
    ],
)
def test_a_record_is_told_by_names(kind: str, key: tuple[str | int, ...], told: str) -> None:
    assert KINDS[kind].write_sentence(key, NAMES, "Europe/Berlin") == told


@pytest.mark.parametrize(
    ("zone", "told"),
    [
        ("", "2027-03-01 09:00 to 17:00 UTC"),
        ("America/New_York", "2027-03-01 04:00 to 12:00 America/New_York"),
        ("No/Where", "2027-03-01T09:00:00Z to 2027-03-01T17:00:00Z"),
    ],
)
def test_a_span_is_told_in_its_zone(zone: str, told: str) -> None:
    assert show_span(NINE, FIVE, zone) == told
