"""A folder of its own for each test, and a served sandbox with a front before it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio.from_thread
import pytest

from importer import sandbox

from . import front as fronts
from .command import Workplace

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from .front import Front


@pytest.fixture
def place(tmp_path: Path) -> Workplace:
    """A folder without anything in it, and no account."""
    (tmp_path / "place").mkdir()
    return Workplace(tmp_path / "place")


@pytest.fixture
def front(tmp_path: Path) -> Iterator[Front]:
    """A served sandbox, empty and without limits, behind a front."""
    state = tmp_path / "served.sqlite3"
    with (
        anyio.from_thread.start_blocking_portal() as portal,
        portal.wrap_async_context_manager(sandbox.serve(state, limits=sandbox.Limits("none"))) as address,
        fronts.opened(address, state) as opened,
    ):
        yield opened


@pytest.fixture
def online(place: Workplace, front: Front) -> Workplace:
    """A folder with settings that lead to the front."""
    return Workplace(place.path, **front.variables)
