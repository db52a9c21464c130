"""A pandas DataFrame -> one sheet of text. The only module that knows pandas."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import orjson

from importer.cells import cell_name
from importer.errors import SourceError
from importer.notice import Notice, NoticeLevel
from importer.reader.cell_text import text_of
from importer.reader.chunks import Chunk, in_chunks
from importer.records import Row, Sheet

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator
    from hashlib import _Hash

    import pandas as pd


_NAME = "DataFrame"
_LARGE = 1e15  # from here on a float cannot hold every 16-digit id


def frame_chunks(frame: pd.DataFrame, notices: list[Notice]) -> Generator[Chunk, None, str]:
    """Yield a frame's chunks; return the SHA-256 of its text. The index is no column; the first row is row 2.

    Raises:
        SourceError: The frame has no columns, or text that is no valid Unicode.
    """
    header = tuple(map(frame_text, frame.columns))
    if not header:
        raise SourceError("the DataFrame has no columns", hint="Give a DataFrame with named columns.")
    digest = hashlib.sha256()
    _add(digest, header, 1)
    notices.extend(_notices_of_floats(frame))
    yield from in_chunks(Sheet(_NAME, _NAME, header, tuple(range(len(header)))), _rows(frame, digest))
    return digest.hexdigest()


def _rows(frame: pd.DataFrame, digest: _Hash) -> Iterator[Row]:
    values: Iterable[tuple[Any, ...]] = frame.itertuples(index=False, name=None)
    for number, row in enumerate(values, 2):
        cells = tuple(map(frame_text, row))
        _add(digest, cells, number)
        if any(map(str.strip, cells)):
            yield Row(number, cells)


def frame_text(value: object) -> str:
    """Return the text of a value as frames hold it; what pandas counts as missing is empty."""
    import pandas as pd

    if value is None or value is pd.NA or value is pd.NaT:
        return ""
    if isinstance(value, pd.Timestamp):
        value = value.round("us").to_pydatetime()
    elif isinstance(value, pd.Timedelta):
        value = value.round("us").to_pytimedelta()
    elif pd.api.types.is_bool(value):
        value = bool(value)  # numpy's is no bool
    return text_of(value)


def _notices_of_floats(frame: pd.DataFrame) -> Iterator[Notice]:
    """Warn of ids that became floats before they came here."""
    for column, name in enumerate(frame.columns):
        values = frame.iloc[:, column]
        if values.dtype.kind == "f" and bool((values.abs() >= _LARGE).any()):
            text = (
                f"column '{frame_text(name)}' of the DataFrame is of floats with more than 15 digits, which are not"
                " kept exactly: make it a column of text"
            )
            yield Notice(text, NoticeLevel.WARNING)


def _add(digest: _Hash, cells: tuple[str, ...], number: int) -> None:
    try:
        digest.update(orjson.dumps(cells) + b"\n")
    except orjson.JSONEncodeError as error:
        where = next(cell_name(i, number) for i, cell in enumerate(cells) if not _is_unicode(cell))
        raise SourceError(
            f"the DataFrame's cell {where} holds text that is not valid Unicode",
            hint="Look for a lone surrogate in it.",
        ) from error


def _is_unicode(text: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in text)
