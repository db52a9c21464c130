"""The run's lines -> the files that the user gets, and back again. Knows nothing of where the lines are kept."""

from importer.reporter.columns import PRODUCT_COLUMNS, Columns, merge_columns
from importer.reporter.delimited import write_csv
from importer.reporter.guarding import guard, unguard
from importer.reporter.junit import check_junit_path, write_junit
from importer.reporter.marked import Marked, MarkedRow, check_marked_path, write_marked
from importer.reporter.page import (
    Calendar,
    Contents,
    Placement,
    TargetFacts,
    Timeline,
    TimelineBar,
    write_page,
)
from importer.reporter.shadow_times import ShadowTimes
from importer.reporter.summary import write_summary
from importer.reporter.table import Carried, Splitter, is_report, split
from importer.reporter.template import write_template
from importer.reporter.template_text import EXAMPLE, README_SHEET, ColumnText
from importer.reporter.workbook import write_xlsx

__all__ = [
    "EXAMPLE",
    "PRODUCT_COLUMNS",
    "README_SHEET",
    "Calendar",
    "Carried",
    "ColumnText",
    "Columns",
    "Contents",
    "Marked",
    "MarkedRow",
    "Placement",
    "ShadowTimes",
    "Splitter",
    "TargetFacts",
    "Timeline",
    "TimelineBar",
    "check_junit_path",
    "check_marked_path",
    "guard",
    "is_report",
    "merge_columns",
    "split",
    "unguard",
    "write_csv",
    "write_junit",
    "write_marked",
    "write_page",
    "write_summary",
    "write_template",
    "write_xlsx",
]
