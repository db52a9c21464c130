"""Rows to records, or to all their problems with cells. Pure: reads no file, asks no target."""

from importer.normalizer.columns import COLUMNS, Column
from importer.normalizer.layout import Layout, plan, repeats
from importer.normalizer.normalize import Normalized, Normalizer
from importer.normalizer.providers import Provider, check_provider
from importer.normalizer.wording import quote
from importer.normalizer.zones import check_timezone

__all__ = [
    "COLUMNS",
    "Column",
    "Layout",
    "Normalized",
    "Normalizer",
    "Provider",
    "check_provider",
    "check_timezone",
    "plan",
    "quote",
    "repeats",
]
