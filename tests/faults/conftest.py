"""Async tests run on asyncio: aiohttp knows no other."""

from __future__ import annotations

import pytest


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"
