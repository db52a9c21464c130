"""The library's names are those that its page tells of, and importing it costs nothing."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

import importer
from importer.errors import ImporterError


def test_every_name_of_the_library_can_be_imported() -> None:
    assert all(getattr(importer, name) is not None for name in importer.__all__)
    with pytest.raises(AttributeError, match="no attribute 'import_all'"):
        importer.import_all  # noqa: B018


def test_importing_the_library_imports_nothing_heavy() -> None:
    code = "import sys, importer; print(sorted({'pandas', 'aiohttp', 'pydantic', 'click', 'anyio'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.parametrize(
    ("sources", "options", "words"),
    [
        ((), {}, "no source was given"),
        ((["a.csv", "b.csv"],), {}, "a list is not a source"),
        ((5,), {}, "5 is not a source"),
        (("",), {}, "is not a source"),
        (("a.csv",), {"sanbox": True}, "there is no option sanbox"),
        (("a.csv",), {"rate": "fast"}, 'rate: "fast" is not a rate'),
        (("a.csv",), {"observer": object()}, "observer: object has no method advanced"),
        (("a.csv",), {"interrupted": True}, "interrupted: bool is not an event"),
        (("a.csv",), {"mapping": {"colums": {}}}, "colums"),
    ],
)
@pytest.mark.anyio
async def test_a_wrong_call_is_refused_in_the_librarys_own_words(
    sources: tuple[Any, ...], options: dict[str, Any], words: str, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for call in (importer.run, importer.check):
        with pytest.raises(ImporterError) as caught:
            await call(*sources, **options)
        assert words in caught.value.message
        assert "--" not in caught.value.message + caught.value.hint
    assert list(tmp_path.iterdir()) == []


@pytest.mark.anyio
async def test_a_mapping_may_be_a_dict(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "s.csv").write_text("Ident\nPI7DH85\n", encoding="utf-8")
    mapping = {"columns": {"Ident": "remote_id"}, "constants": {"third_party_provider": "PAGER_DUTY"}}
    assert (await importer.check("s.csv", mapping=mapping)).check_status == 0


@pytest.mark.anyio
async def test_what_is_no_run_is_refused() -> None:
    for call in (importer.rerun, importer.undo):
        with pytest.raises(ImporterError, match="neither a run nor a report"):
            await call(None)  # type: ignore[arg-type]  # on purpose


@pytest.fixture
def anyio_backend() -> str:
    """The library runs under asyncio."""
    return "asyncio"
