"""What a run sees to before it sends: that as many files and connections as it opens may be open."""

from __future__ import annotations

import resource
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
import pytest

from importer.errors import SettingsError
from importer.session.control import RunControl, SilentObserver
from importer.session.lifecycle import begin_run, fit_concurrency
from importer.settings.options import load_settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from importer.notice import Notice

SPARE = 40


class Listener(SilentObserver):
    def __init__(self) -> None:
        self.notices: list[Notice] = []

    def noticed(self, notice: Notice) -> None:
        self.notices.append(notice)


@pytest.fixture
def opened() -> Iterator[int]:
    """How many files are open; the limit is put back."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    yield sum(1 for _ in Path("/dev/fd").iterdir())
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


@pytest.mark.parametrize(
    ("room", "targets", "is_sandbox", "concurrency", "fitting"),
    [
        (200, 1, False, 200, 200),
        (200, 2, False, 200, 100),
        (200, 2, True, 200, 50),
        (200, 2, True, 50, 50),
        (0, 2, True, 20, 1),
    ],
)
def test_concurrency_fits_the_files_that_may_be_open_and_a_notice_says_both_numbers(
    opened: int,
    monkeypatch: pytest.MonkeyPatch,
    room: int,
    targets: int,
    is_sandbox: bool,
    concurrency: int,
    fitting: int,
) -> None:
    limit = opened + SPARE + room
    monkeypatch.setattr(resource, "getrlimit", lambda _: (limit, limit))
    monkeypatch.setattr(resource, "setrlimit", lambda *_: None)  # a hard limit that is lowered stays so
    listener = Listener()
    settings = replace(load_settings({"concurrency": concurrency}), sandbox=is_sandbox)
    assert fit_concurrency(settings, targets, RunControl(listener, anyio.Event())).concurrency == fitting
    told = [
        f"this process may have only {limit} files open (ulimit -n): {fitting} requests are in flight per target, not"
    ]
    assert [one.text.rpartition(" ")[0] for one in listener.notices] == (told if fitting < concurrency else [])


def test_the_limit_is_raised_as_far_as_the_system_lets_it_before_anything_is_reduced(opened: int) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (opened + SPARE, hard))
    settings = load_settings({"concurrency": 100})
    assert fit_concurrency(settings, 2, RunControl(SilentObserver(), anyio.Event())) == settings
    assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] >= opened + SPARE + 200


def test_a_process_that_may_have_hardly_any_files_open_is_told_so_and_no_folder_is_made(
    tmp_path: Path, opened: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (opened + 9, opened + 9))
    monkeypatch.setattr(resource, "setrlimit", lambda *_: None)
    settings = load_settings({"reports": tmp_path / "reports"})
    with (
        pytest.raises(SettingsError) as refused,
        begin_run(settings, "run", RunControl(SilentObserver(), anyio.Event())),
    ):
        pass
    assert f"only {opened + 9} files open (ulimit -n), and a run needs" in refused.value.message
    assert "ulimit -n 256" in refused.value.hint
    assert not (tmp_path / "reports").exists()
