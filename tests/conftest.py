"""What every test stands on."""

from __future__ import annotations

import gc
import os
import shutil
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from collections.abc import Iterator


# How long an example takes is the machine's affair. An example that starts a process asks for fewer.
settings.register_profile("any machine", deadline=None, max_examples=50, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")
_ROOM = 4 << 30  # bytes; the folders of three sessions are kept


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Return the number of workers for `-n auto`: half as many again as cores, for a third of the time is waiting."""
    return (os.cpu_count() or 1) * 3 // 2


def pytest_configure(config: pytest.Config) -> None:
    """Have the tests' folders in memory, unless TMPDIR says where: a run waits for the disk a hundred times.

    Have compiled modules kept, too, although images of containers say otherwise: each worker compiles for 10 seconds.
    """
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    sys.dont_write_bytecode = False
    memory = Path("/dev/shm")
    if "TMPDIR" not in os.environ and memory.is_dir() and shutil.disk_usage(memory).free > _ROOM:
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(memory))  # where pytest makes them


def pytest_collection_finish(session: pytest.Session) -> None:
    """Have Python look for cycles among what a test makes, not among thousands of tests."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def own_locks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Remove in the end the locks that killed runs of this session left: another run at their port would settle."""
    yield
    from importer.session.target_lock import lock_folder

    for lock in lock_folder().glob("*.lock"):
        with suppress(OSError):
            if lock.read_text(encoding="utf-8").startswith(str(tmp_path_factory.getbasetemp())):
                lock.unlink()


@pytest.fixture(scope="module", autouse=True)
def readers() -> Iterator[None]:
    """Have workbooks parsed by processes that start warm; that they start by themselves has a module of tests."""
    from acceptance.fork_server import for_readers

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("importer.reader.workbook.subprocess", for_readers())
        yield
