"""The run's lines -> the files that the user gets, and back again. Knows nothing of where the lines are kept."""

from importer.reporter.columns import PRODUCT_COLUMNS, Columns, merge_columns
from importer.reporter.delimited import write_csv
from importer.reporter.guarding import guard, unguard
from importer.reporter.summary import write_summary
from importer.reporter.table import Carried, Splitter, is_report, split
from importer.reporter.workbook import write_xlsx

__all__ = [
    "PRODUCT_COLUMNS",
    "Carried",
    "Columns",
    "Splitter",
    "guard",
    "is_report",
    "merge_columns",
    "split",
    "unguard",
    "write_csv",
    "write_summary",
    "write_xlsx",
]
