"""Why a cell's text is no value of its column; returned where the value would be. Knows no column."""

from __future__ import annotations

from typing import NamedTuple


class Unreadable(NamedTuple):
    """Why a text is no value of its column."""

    reason: str = ""  #: goes on after `column is "text"`, such as ", which comes twice"
    hint: str = ""  #: what would be right; empty: what the column says
    topic: str = ""  #: its kind in a few words that hold no value, such as "local time without a time zone"
