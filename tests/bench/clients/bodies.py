"""The requests that the product makes of a CSV of shadows, made before any clock starts."""

from __future__ import annotations

import csv
import os
from datetime import datetime
from typing import TYPE_CHECKING

from importer.kinds.shadow import KIND as SHADOW
from importer.targets.rootly import ROOTLY

if TYPE_CHECKING:
    from pathlib import Path

    from importer.targets.target import Request


def headers() -> dict[str, str]:
    """Give what every request to Rootly has, whoever makes it."""
    return {**ROOTLY.headers, "Authorization": f"Bearer {os.environ['ROOTLY_TOKEN']}", "User-Agent": "bench"}


def read_requests(path: Path) -> list[Request]:
    """Make the requests of a CSV, paths and bodies, byte for byte as the product does."""
    with path.open(encoding="utf-8", newline="") as file:
        return [_request(line) for line in csv.DictReader(file)]


def _request(line: dict[str, str]) -> Request:
    starts_at, ends_at = (int(datetime.fromisoformat(line[name]).timestamp()) for name in ("starts_at", "ends_at"))
    ids = (line["schedule_id"], line["shadowable_type"], line["shadowable_id"], int(line["shadow_user_id"]))
    return SHADOW.request((*ids, starts_at, ends_at))
