"""The embedded stand-in for the APIs. Importing it is cheap: aiohttp and SQLite are imported when it serves."""

from __future__ import annotations

import time
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from importer.records import TargetName
from importer.sandbox.directory_file import RESERVED, TOKEN, DirectoryFile, Reserved, read_directory
from importer.sandbox.faults.fault_plan import Fault, FaultPlan, read_faults
from importer.sandbox.rate_limits import Limits

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from importer.sandbox.organization import Organization
    from importer.sandbox.truth import Truth


__all__ = [
    "RESERVED",
    "TOKEN",
    "Address",
    "DirectoryFile",
    "Fault",
    "FaultPlan",
    "Limits",
    "Reserved",
    "read_directory",
    "read_faults",
    "read_organization",
    "read_truth",
    "reset",
    "serve",
]

#: What the real APIs let through: the default.
_REAL = Limits()


@dataclass(frozen=True, slots=True)
class Address:
    """The base URLs to use in place of the real ones."""

    opal: str  #: for OPAL_BASE_URL
    rootly: str  #: for ROOTLY_BASE_URL
    pagerduty: str  #: for PAGERDUTY_BASE_URL
    opsgenie: str  #: for OPSGENIE_BASE_URL


@asynccontextmanager
async def serve(  # noqa: PLR0913  keyword-only
    state: Path,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    limits: Limits = _REAL,
    faults: FaultPlan | None = None,
    directory: DirectoryFile | None = None,
    organization: Organization | None = None,
    now: Callable[[], float] = time.time,
) -> AsyncIterator[Address]:
    """Serve all APIs until the block ends; what was created stays in `state`.

    Port 0 means any free one. With a fault plan, even an empty one, every request is logged in the state, where
    `read_truth` finds it; with a plan in which a target goes away, Rootly gets a free port of its own. A directory
    replaces the state's users and schedules and stays there; without one they are those that the samples name, or the
    last that were given. An organization is what PagerDuty and Opsgenie hold; the default is a demo. `now` is the
    server's clock in epoch seconds: limits, dates and late objects follow it.

    Raises:
        UsageError: the host is not a loopback address, or the port is in use.
        SettingsError: the state is in use, not a sandbox's, or cannot be opened.
    """
    from importer.sandbox.server import serving

    async with serving(
        state,
        host=host,
        port=port,
        limits=limits,
        faults=faults,
        directory=directory,
        organization=organization,
        now=now,
    ) as origins:
        first = origins[TargetName.OPAL]
        yield Address(
            opal=f"{first}/opal/v1",
            rootly=f"{origins[TargetName.ROOTLY]}/rootly",
            pagerduty=f"{first}/pagerduty",
            opsgenie=f"{first}/opsgenie",
        )


def read_organization(path: Path) -> Organization:
    """Read from a JSON file what PagerDuty and Opsgenie hold.

    Raises:
        SettingsError: the file cannot be read, is not JSON, or is not an organization.
    """
    from importer.sandbox import organization

    return organization.read_organization(path)


def read_truth(state: Path) -> Truth:
    """Read what a sandbox's state holds now, whether it is served or not, and which requests were logged.

    Raises:
        SettingsError: the state is not a sandbox's, or cannot be read.
    """
    from importer.sandbox.truth import read

    return read(state)


def reset(state: Path) -> None:
    """Empty `state`; do nothing if there is no such file.

    Raises:
        SettingsError: the state is in use, is not a sandbox's, or cannot be deleted; nothing was deleted.
    """
    from importer.sandbox.state import delete

    delete(state)
