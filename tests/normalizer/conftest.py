"""Rows by keyword: a cell for each argument, good values for a shadow where a test does not care."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from importer.normalizer.mapping import make_rules
from importer.normalizer.row import Normalized, Normalizer
from importer.records import Row, Sheet

if TYPE_CHECKING:
    from collections.abc import Callable

GOOD_SHADOW = {
    "schedule_id": "primary-eu",
    "shadowable_type": "User",
    "shadowable_id": "101",
    "shadow_user_id": "112",
    "starts_at": "2027-03-01T08:00:00Z",
    "ends_at": "2027-03-01T16:00:00Z",
    "timezone": "",
}


def normalize_cells(cells: dict[str, str], *, name: str = "table", zone: str | None = None) -> Normalized:
    sheet = Sheet("table.csv", name, tuple(cells), tuple(range(len(cells))))
    return Normalizer(sheet, make_rules(timezone=zone)).normalize(Row(2, tuple(cells.values())))


@pytest.fixture(scope="session")
def normalize() -> Callable[..., Normalized]:
    """Normalize one row with exactly the cells given; the first stands in A2."""

    def _normalize(*, sheet_name: str = "table", zone: str | None = None, **cells: str) -> Normalized:
        return normalize_cells(cells, name=sheet_name, zone=zone)

    return _normalize


@pytest.fixture(scope="session")
def shadow() -> Callable[..., Normalized]:
    """Normalize a good shadow row with some cells changed; schedule_id stands in A2, timezone in G2."""

    def _shadow(*, zone: str | None = None, **cells: str) -> Normalized:
        return normalize_cells(GOOD_SHADOW | cells, zone=zone)

    return _shadow
