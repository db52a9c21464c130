"""A served sandbox for each test, on a free port, with its state in the test's own folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .client import Client, Clock, served

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "sandbox.sqlite3"


@pytest.fixture
async def client(state: Path, clock: Clock) -> AsyncIterator[Client]:
    async with served(state, clock) as made:
        yield made
