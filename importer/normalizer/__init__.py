"""Rows to records, or to all their problems with cells. Pure: reads no file, asks no target."""

from importer.normalizer.cleaning import BLANKS
from importer.normalizer.columns import COLUMNS, Column
from importer.normalizer.directory import Directory, Group, Person
from importer.normalizer.headers import is_header
from importer.normalizer.layout import Layout, plan, repeats
from importer.normalizer.mapping import NO_HEADER, NO_MAPPING, Mapping, read_mapping, refuse_lost_headers
from importer.normalizer.mapping_writing import write_mapping
from importer.normalizer.normalize import Normalized, Normalizer
from importer.normalizer.providers import Provider, check_provider
from importer.normalizer.references import References, Sought
from importer.normalizer.rules import NO_RULES, Rules, make_rules
from importer.normalizer.sense import Checks, Level, overlaps
from importer.normalizer.suggestions import Suggestion, describe_suggestion
from importer.normalizer.wording import escape_unseen, quote
from importer.normalizer.zones import check_timezone

__all__ = [
    "BLANKS",
    "COLUMNS",
    "NO_HEADER",
    "NO_MAPPING",
    "NO_RULES",
    "Checks",
    "Column",
    "Directory",
    "Group",
    "Layout",
    "Level",
    "Mapping",
    "Normalized",
    "Normalizer",
    "Person",
    "Provider",
    "References",
    "Rules",
    "Sought",
    "Suggestion",
    "check_provider",
    "check_timezone",
    "describe_suggestion",
    "escape_unseen",
    "is_header",
    "make_rules",
    "overlaps",
    "plan",
    "quote",
    "read_mapping",
    "refuse_lost_headers",
    "repeats",
    "write_mapping",
]
