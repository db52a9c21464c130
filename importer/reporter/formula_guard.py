"""The formula guard: makes texts harmless that a spreadsheet would run as a formula, and undoes that on reading."""

from __future__ import annotations

import re

# The signs that OWASP's "CSV Injection" lists, and their full-width forms, which some spreadsheets treat alike. The
# apostrophes before it count, so that a guarded text can be guarded again and each guard taken off again; without them
# `'=1` of a source and a guarded `=1` would be the same cell.
_SIGNS = "=+-@\t\r\n\uff1d\uff0b\uff0d\uff20"
_is_formula = re.compile(f"'*[{re.escape(_SIGNS)}]").match
FIRST_SIGNS = frozenset(f"'{_SIGNS}")
_is_guarded = re.compile(f"'+[{re.escape(_SIGNS)}]").match


def guard(text: str) -> str:
    """Put one apostrophe in front of a text that a spreadsheet would run as a formula; leave others alone."""
    return f"'{text}" if _is_formula(text) else text


def unguard(text: str) -> str:
    """Take off the apostrophe that `guard` put there: `unguard(guard(text)) == text` for every text."""
    return text[1:] if _is_guarded(text) else text
