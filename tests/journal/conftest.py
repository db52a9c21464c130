"""A run with a journal for each test, in the test's own folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from importer.journal.run_folder import RunFolder, create_run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from importer.journal.journal import Journal


@pytest.fixture
def run(tmp_path: Path) -> Iterator[RunFolder]:
    with create_run(tmp_path / "reports", "a-run") as folder:
        yield folder


@pytest.fixture
def journal(run: RunFolder) -> Journal:
    return run.journal
