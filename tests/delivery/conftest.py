"""Everything of delivery runs on asyncio: aiohttp and aiolimiter know nothing else."""

from __future__ import annotations

import pytest


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"
