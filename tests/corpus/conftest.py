"""The odd files on the disk, each in a folder of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from .kit import OddFile


@pytest.fixture
def written(tmp_path: Path) -> Callable[[OddFile], Path]:
    """Write an odd file, and give its path."""

    def write(odd_file: OddFile) -> Path:
        path = tmp_path / odd_file.file
        path.write_bytes(odd_file.make())
        return path

    return write
