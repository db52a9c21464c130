"""What this machine brings: versions, time zones, and a place for the reports."""

from __future__ import annotations

import os
import platform
import shutil
import ssl
from importlib.metadata import version
from typing import TYPE_CHECKING

from importer.doctor.findings import Finding, Level
from importer.errors import SettingsError
from importer.journal import SQLITE_VERSION
from importer.normalizer import check_timezone

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_MENDED = (3, 51, 3)  # the first SQLite without a bug that two connections can meet which write and checkpoint
_MEGABYTE = 1 << 20
_LITTLE = 500 * _MEGABYTE  # a run of 100,000 rows takes a tenth of it
_TOO_LITTLE = 20 * _MEGABYTE


def look_at_versions() -> Iterator[Finding]:
    """Say what runs here."""
    packages = ", ".join(f"{name} {version(name)}" for name in ("aiohttp", "pandas", "tzdata"))
    ours = f"oncall-importer {version('oncall-importer')}, Python {platform.python_version()}"
    yield Finding(Level.OK, "versions", f"{ours}, {packages}, {ssl.OPENSSL_VERSION}, {platform.system()}")
    is_mended = tuple(map(int, SQLITE_VERSION.split("."))) >= _MENDED
    why = "" if is_mended else " (older than 3.51.3, whose bug needs two connections that write: a run has one)"
    yield Finding(Level.OK, "sqlite", f"SQLite {SQLITE_VERSION}{why}")


def look_at_zones(timezone: str | None) -> Finding:
    """Try the time zone that is set, or any."""
    try:
        zone = check_timezone(timezone or "Europe/Berlin").key
    except SettingsError as error:
        return Finding(Level.PROBLEM, "time zones", error.message, error.hint)
    return Finding(Level.OK, "time zones", f"known; of times without an offset: {zone if timezone else 'none is set'}")


def look_at_reports(folder: Path) -> Finding:
    """Say whether runs' folders can be made, and how much room there is. Nothing is made."""
    place = next((path for path in (folder.absolute(), *folder.absolute().parents) if path.exists()), folder)
    if not place.is_dir():
        return Finding(Level.PROBLEM, "reports", f"{place} is no folder", "name another one with --reports")
    if not os.access(place, os.W_OK | os.X_OK):
        hint = "make it writable, or name another one with --reports"
        return Finding(Level.PROBLEM, "reports", f"{place} cannot be written by you", hint)
    free = shutil.disk_usage(place).free
    words = f"{folder} {'is writable' if place == folder.absolute() else 'can be made'}, {_amount(free)} free"
    level = Level.PROBLEM if free < _TOO_LITTLE else Level.NOTE if free < _LITTLE else Level.OK
    return Finding(level, "reports", words, "" if level is Level.OK else "make room, or name another with --reports")


def _amount(size: int) -> str:
    return f"{size / (1 << 30):.0f} GB" if size >= 10 << 30 else f"{size // _MEGABYTE} MB"
