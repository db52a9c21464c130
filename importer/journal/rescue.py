"""The last resort: outcomes that the journal could not take, beside it or in the temporary folder."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import orjson

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from importer.journal.states import Change


_NAME = "rescue.jsonl"


def write_rescue(folder: Path, unwritten: Sequence[Change]) -> Path | None:
    """Write one JSON object a line: the journal's record number, status, id and words; None where nowhere takes them.

    A rerun does not need the file, for what the journal does not know is asked for at the target. It is for people.
    """
    lines = [
        {"record": change.id, "status": change.state, "id": change.outcome.id, "error": change.outcome.error}
        for change in unwritten
    ]
    content = b"".join(orjson.dumps(line) + b"\n" for line in lines)
    places: tuple[Callable[[], tuple[int, str]], ...] = (
        lambda: tempfile.mkstemp(suffix=f"-{_NAME}", prefix="", dir=folder),
        lambda: tempfile.mkstemp(suffix=f"-{_NAME}", prefix=f"oncall-importer-{folder.name}-"),
    )
    for place in places:
        with suppress(OSError):
            return _write(place, content)
    return None


def _write(place: Callable[[], tuple[int, str]], content: bytes) -> Path:
    """Write a new file for its owner only; it is gone again where it could not be written to its end."""
    descriptor, name = place()
    path = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(descriptor)
    except OSError:
        path.unlink()
        raise
    return path
