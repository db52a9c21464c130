"""calamine's own reading of a workbook: `calamine_rows XLSX` prints the seconds from opening it to its last row."""

from __future__ import annotations

import sys
import time

from python_calamine import CalamineWorkbook

began = time.perf_counter()
rows = sum(1 for _ in CalamineWorkbook.from_path(sys.argv[1]).get_sheet_by_index(0).iter_rows())
print(time.perf_counter() - began)
