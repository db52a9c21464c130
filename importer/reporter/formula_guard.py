"""Texts that a spreadsheet would run as a formula, made harmless in reports and given back on reading."""

from __future__ import annotations

import re

# What OWASP, "CSV Injection", lists, and the full-width forms, which some spreadsheets take for the same. The
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
