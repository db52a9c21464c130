"""Odd files, made by program, each with its expected reading or its expected sentence."""

from __future__ import annotations

from . import (
    binary_workbooks,
    mislabelled,
    old_workbooks,
    open_documents,
    packed_texts,
    text_encodings,
    text_faults,
    text_shapes,
    workbook_faults,
    workbook_shapes,
    workbook_sheets,
    workbook_values,
)
from .kit import ODD_FILES, OddFile

__all__ = [
    "ODD_FILES",
    "OddFile",
    "binary_workbooks",
    "mislabelled",
    "old_workbooks",
    "open_documents",
    "packed_texts",
    "text_encodings",
    "text_faults",
    "text_shapes",
    "workbook_faults",
    "workbook_shapes",
    "workbook_sheets",
    "workbook_values",
]
