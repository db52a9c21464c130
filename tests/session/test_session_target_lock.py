"""One run at a time for a target: what names the lock, whose its folder must be, and what a deleted lock is worth."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import anyio
import pytest

from importer.delivery.transport import Connection
from importer.errors import SettingsError, UsageError
from importer.records import TargetName
from importer.session import target_lock
from importer.session.target_lock import lock_path, lock_target, look_at_lock

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

pytestmark = pytest.mark.anyio

URL = "https://api.rootly.com"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the locks, in a system's temporary folder of this test's own."""
    monkeypatch.setattr(target_lock, "TEMPORARY", tmp_path)
    return tmp_path / f"oncall-importer-{os.geteuid()}"


def locks(folder: Path) -> list[Path]:
    return list(folder.iterdir())


def take(
    holder: Path, *, said: list[str] | None = None, token: str = "token"
) -> AbstractAsyncContextManager[target_lock.TargetLock]:
    tell = None if said is None else said.append
    return lock_target(TargetName.ROOTLY, Connection(URL, token), holder, anyio.Event(), tell)


@pytest.mark.parametrize(
    ("left", "right", "is_one"),
    [
        (URL, "HTTPS://API.Rootly.com:443/", True),
        ("http://127.0.0.1:8080/rootly", "http://localhost:8080/rootly", True),
        ("http://[::1]:8080", "http://127.0.0.1:8080/", True),
        ("http://localhost:8080", "http://localhost:8081", False),
        (URL, "https://api.eu.rootly.com", False),
        ("https://host/staging", "https://host/production", False),
    ],
)
def test_the_lock_is_named_by_the_target_and_every_spelling_of_its_base_url(
    left: str, right: str, is_one: bool
) -> None:
    paths = [lock_path(TargetName.ROOTLY, Connection(url, token)) for url, token in ((left, "one"), (right, "two"))]
    assert (paths[0] == paths[1]) is is_one
    assert lock_path(TargetName.OPAL, Connection(left, "one")) != paths[0]


def spoil(folder: Path, what: str) -> None:
    if what == "open to others":
        folder.mkdir()
        folder.chmod(0o777)
    elif what == "another user's":
        folder.mkdir(mode=0o700)
        try:
            os.chown(folder, 65534, 65534)
        except PermissionError:
            pytest.skip("only root can give a folder away")
    elif what == "a link":
        (folder.parent / "elsewhere").mkdir(mode=0o700)
        folder.symlink_to(folder.parent / "elsewhere")
    elif what == "a file":
        folder.write_text("")
    else:
        folder.parent.rmdir()


@pytest.mark.parametrize("what", ["open to others", "another user's", "a link", "a file", "no temporary folder"])
async def test_a_folder_that_is_not_this_users_alone_is_refused_by_name(folder: Path, what: str) -> None:
    spoil(folder, what)
    with pytest.raises(SettingsError, match="the lock against a second run cannot be made") as error:
        async with take(folder / "run"):
            pass
    assert str(folder) in error.value.message


async def test_a_second_run_is_refused_whatever_its_token_and_nothing_is_left_of_one_that_ended_well(
    folder: Path,
) -> None:
    async with take(folder / "first") as first:
        with pytest.raises(UsageError, match=rf"another run sends to rootly at {URL}: .*first \(process"):
            async with take(folder / "second", token="another"):
                pass
        held = look_at_lock(TargetName.ROOTLY, Connection(URL, "another"))
        assert held is not None
        assert held.is_held
        first.is_settled = True
    assert locks(folder) == []
    assert look_at_lock(TargetName.ROOTLY, Connection(URL, "token")) is None


async def test_who_waits_gets_the_lock_that_others_see_though_its_file_is_another_one_then(folder: Path) -> None:
    """The one who had it deletes it: locking the deleted file would keep nobody out."""
    said: list[str] = []
    order: list[str] = []

    async def wait() -> None:
        async with take(folder / "second", said=said) as second:
            order.append("second")
            with pytest.raises(UsageError, match="second"):
                async with take(folder / "third"):
                    pass
            assert second.left_by == ""
            second.is_settled = True

    async with anyio.create_task_group() as group, take(folder / "first") as first:
        group.start_soon(wait)
        while not said:
            await anyio.lowlevel.checkpoint()
        order.append("first")
        first.is_settled = True
    assert order == ["first", "second"]
    assert locks(folder) == []


async def test_a_lock_that_somebody_deleted_leaves_the_next_runs_alone(folder: Path) -> None:
    async with take(folder / "first") as first:
        locks(folder)[0].unlink()
        async with take(folder / "second"):
            first.is_settled = True
            with pytest.raises(UsageError, match="second"):
                async with take(folder / "third"):
                    pass
    assert "second" in locks(folder)[0].read_text()
