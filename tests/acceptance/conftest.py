"""A folder of its own for each test, and a served sandbox with a front before it."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import TYPE_CHECKING

import anyio.from_thread
import pytest
from jsonschema import Draft202012Validator

from importer.sandbox.api.answers import Limits
from importer.sandbox.server import serve

from . import front as fronts
from .command import Workplace

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from .front import Front

_SUMMARY = Draft202012Validator(json.loads(files("importer.reporter").joinpath("summary.schema.json").read_bytes()))


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Workplace]:
    """A folder without anything in it, and no account; every summary in it must be as its schema says."""
    (tmp_path / "place").mkdir()
    yield Workplace(tmp_path / "place")
    for summary in (tmp_path / "place").rglob("20??????-*/summary.json"):
        if (summary.parent / "report.csv").exists():  # else a test made it
            _SUMMARY.validate(json.loads(summary.read_bytes()))


@pytest.fixture
def front(tmp_path: Path) -> Iterator[Front]:
    """A served sandbox, empty and without limits, behind a front."""
    state = tmp_path / "served.sqlite3"
    with (
        anyio.from_thread.start_blocking_portal() as portal,
        portal.wrap_async_context_manager(serve(state, limits=Limits("none"))) as address,
        fronts.opened(address, state) as opened,
    ):
        yield opened


@pytest.fixture
def online(place: Workplace, front: Front) -> Workplace:
    """A folder with settings that lead to the front."""
    return Workplace(place.path, **front.variables)
