"""A DataFrame arrives as the same text as a workbook with these values."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pandas as pd
import pytest

from importer.errors import SourceError
from importer.reader.read import frame_text, read
from importer.records import Row, Sheet

from .in_process import notice_texts


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        (float("nan"), ""),
        (pd.NA, ""),
        (pd.NaT, ""),
        ("00042", "00042"),
        (12345678901234567890, "12345678901234567890"),
        (42.0, "42"),
        (0.1, "0.1"),
        (-0.0, "0"),
        (1e22, "10000000000000000000000"),
        (float("inf"), "Infinity"),
        (Decimal("1.50"), "1.5"),
        (True, "TRUE"),
        (pd.array([False])[0], "FALSE"),
        (pd.Series([7], dtype="int8").to_numpy()[0], "7"),
        (pd.Series([0.1], dtype="float32").to_numpy()[0], "0.1"),
        (pd.Timestamp("2026-03-29 09:00"), "2026-03-29T09:00:00"),
        (pd.Timestamp("2026-03-29 08:59:59.999999999"), "2026-03-29T09:00:00"),
        (pd.Timestamp("2026-03-29 09:00", tz="Europe/Berlin"), "2026-03-29T09:00:00+02:00"),
        (pd.Timedelta(hours=30), "30:00:00"),
        (dt.timedelta(minutes=-90, milliseconds=-500), "-1:30:01"),
        (dt.time(8, 59, 59, 999_500), "09:00:00"),
        (dt.date(2026, 3, 29), "2026-03-29T00:00:00"),
    ],
)
def test_a_value_is_the_text_the_user_sees(value: Any, text: str) -> None:
    assert frame_text(value) == text


def test_a_frame_is_one_sheet_with_rows_from_two_on() -> None:
    frame = pd.DataFrame(
        {"id": ["00042", None, "NA"], 7: pd.array([2**63 - 1, None, 3], dtype="Int64")}, index=[9, 8, 7]
    )
    reading = read(frame)
    (chunk,) = reading
    assert chunk.sheet == Sheet("DataFrame", "DataFrame", ("id", "7"), (0, 1))
    assert chunk.rows == [Row(2, ("00042", "9223372036854775807")), Row(4, ("NA", "3"))]
    assert (reading.name, reading.path, notice_texts(reading)) == ("DataFrame", "", [])


def test_columns_of_the_same_name_are_both_kept() -> None:
    (chunk,) = read(pd.DataFrame([[1, "a"]], columns=["id", "id"]))
    assert (chunk.sheet.header, chunk.rows) == (("id", "id"), [Row(2, ("1", "a"))])


def test_the_hash_is_that_of_the_text() -> None:
    def sha256(frame: pd.DataFrame) -> str:
        reading = read(frame)
        list(reading)
        return reading.sha256

    numbers, texts, others = ({"id": [1]}, {"id": ["1"]}, {"id": ["2"]})
    assert sha256(pd.DataFrame(numbers)) == sha256(pd.DataFrame(texts)) != sha256(pd.DataFrame(others))


def test_ids_that_became_floats_are_told() -> None:
    reading = read(pd.DataFrame({"id": [1.2345678901234567e19, None], "x": [1.0, 2.0]}))
    list(reading)
    assert [notice[:42] for notice in notice_texts(reading)] == ["column 'id' of the DataFrame is of floats "]


def test_what_cannot_be_imported_says_so(refused: Callable[..., SourceError]) -> None:
    assert refused(pd.DataFrame()).message == "the DataFrame has no columns"
    frame = pd.DataFrame({"a": ["1"], "b": pd.Series(["\ud800"], dtype=object)})
    assert refused(frame).message == "the DataFrame's cell B2 holds text that is not valid Unicode"
