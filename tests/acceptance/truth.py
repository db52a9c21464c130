"""What the sandbox really has, read from its state, and what a report says against that."""

from __future__ import annotations

import sqlite3
from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import sandbox_truth

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from .command import Line

Key = tuple[str, ...]
#: key -> ids of the objects that have it
Truth = dict[Key, list[str]]

_PROVIDERS = {"pagerduty": "PAGER_DUTY", "opsgenie": "OPSGENIE"}
_APPLIED = {"created", "exists", "duplicate"}


def read_truth(state: Path) -> Truth:
    """Read every object that the sandbox holds."""
    return {tuple(map(str, key)): list(ids) for key, ids in sandbox_truth.read_truth(state).ids.items()}


def count_objects(state: Path) -> int:
    """Count the objects that the sandbox holds; 0 while it is being made."""
    try:
        return len(sandbox_truth.read_truth(state).objects)
    except sqlite3.Error:
        return 0


def disagreements(lines: Sequence[Line], truth: Truth) -> list[str]:
    """Say every way in which a report and the sandbox disagree; what should be empty."""
    wrong = [f"{key} is there {len(ids)} times" for key, ids in truth.items() if len(ids) > 1]
    keys: dict[Key, bool] = {}
    for line in lines:
        key, status = key_of(line), line["import_status"]
        is_applied = status in _APPLIED
        keys[key] = keys.get(key, False) or is_applied
        if is_applied and truth.get(key) != [line["import_id"]]:
            wrong.append(f"row {line['import_row']} is {status} with {line['import_id']!r}, there: {truth.get(key)}")
        if not is_applied and line["import_id"]:
            wrong.append(f"row {line['import_row']} is {status} and has an id")
    wrong += [f"{key} is there and the report does not say so" for key in truth if not keys.get(key)]
    return wrong


def key_of(line: Line) -> Key:
    """Give the key of what a row makes; worked out apart from the product, for good rows only."""
    cells = {name.strip().lower().replace(" ", "_"): text for name, text in line.items()}
    if cells.get("remote_id"):
        provider = cells["third_party_provider"]
        return (_PROVIDERS.get(provider.lower().replace("_", "").replace(" ", ""), provider), cells["remote_id"])
    zone = cells.get("timezone", "")
    return (
        cells.get("schedule_id", ""),
        cells.get("shadowable_type") or "User",
        cells.get("shadowable_id", ""),
        cells.get("shadow_user_id", ""),
        _seconds(cells.get("starts_at", ""), zone),
        _seconds(cells.get("ends_at", ""), zone),
    )


def _seconds(text: str, zone: str) -> str:
    """Give an instant as epoch seconds; whatever is no instant stays as it is."""
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=ZoneInfo(zone))
    except (ValueError, KeyError):  # no such time, no such zone
        return text
    return str(int(moment.timestamp()))
