"""The embedded stand-in for both APIs. Importing it costs nothing: aiohttp is imported when it serves."""

from __future__ import annotations

import time
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from importer.sandbox.reserved import RESERVED, TOKEN, Reserved

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

__all__ = ["RESERVED", "TOKEN", "Address", "Reserved", "reset", "serve"]


@dataclass(frozen=True, slots=True)
class Address:
    """The base URLs to use in place of the real ones."""

    opal: str  #: for OPAL_BASE_URL
    rootly: str  #: for ROOTLY_BASE_URL


@asynccontextmanager
async def serve(
    state: Path,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    opal_rate: float = 100,
    rootly_per_minute: int = 3000,
    limits: bool = True,
    now: Callable[[], float] = time.time,
) -> AsyncIterator[Address]:
    """Serve both APIs until the block ends; what was created stays in `state`.

    Port 0 takes a free one. `opal_rate` is per second and `rootly_per_minute` holds for reads and for writes;
    `limits=False` refuses nothing and counts nothing. `now` is the server's clock in epoch seconds.

    Raises:
        UsageError: the host is no loopback address, the port is taken, or a rate is not above 0.
        SettingsError: the state is in use, not a sandbox's, or cannot be opened.
    """
    from importer.sandbox.server import Limits, serving

    allowed = Limits(opal_rate, rootly_per_minute, is_on=limits)
    async with serving(state, host=host, port=port, limits=allowed, now=now) as origin:
        yield Address(opal=f"{origin}/opal/v1", rootly=f"{origin}/rootly")


def reset(state: Path) -> None:
    """Forget everything in `state`; a file that is not there is empty already.

    Raises:
        SettingsError: the state is in use, is not a sandbox's, or cannot be deleted. Nothing was deleted then.
    """
    from importer.sandbox.state import delete

    delete(state)
