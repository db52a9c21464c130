"""What checking is measured against: `pandas_pydantic CSV`.

pandas reads the file as text, pydantic validates a list of the product's own model; nothing is said about a row that is
wrong, nothing is looked for twice, and nothing is kept.
"""

from __future__ import annotations

import sys

import pandas as pd
from pydantic import TypeAdapter

from importer.kinds.shadow import ShadowRecord

frame = pd.read_csv(sys.argv[1], dtype=str, keep_default_na=False)
records = TypeAdapter(list[ShadowRecord]).validate_python(frame.to_dict("records"), strict=False)
print(len(records))
