"""summary.json. The only module of the reporter that knows orjson."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import orjson

from importer.reporter.replacing import replace_file

if TYPE_CHECKING:
    from pathlib import Path


def write_summary(path: Path, summary: Mapping[str, object]) -> Path:
    """Write the summary, indented, in the order given; give the path the file has in the end.

    Values are what orjson knows: texts, numbers, date-times, enums, dataclasses, and mappings and sequences of them.

    Raises:
        ReportError: the file could not be written; an older one is still there.
    """
    content = orjson.dumps(_encodable(summary), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    return replace_file(path, lambda file: file.write(content))


def _encodable(value: object) -> object:
    """Escape what UTF-8 cannot hold, such as a foreign byte in a source's file name, and make keys plain texts."""
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode("utf-8")
    if isinstance(value, Mapping):
        return {_encodable(key): _encodable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_encodable(item) for item in value]
    return value
