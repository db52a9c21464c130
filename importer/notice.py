"""What a person should know about a source or a run as a whole. Cheap to import, for the reader's child process."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class NoticeLevel(StrEnum):
    """How much a notice about a source or a run matters."""

    INFO = "info"
    LEFT_OUT = "left_out"  #: rows or sheets were left out
    WARNING = "warning"  #: worth a look


class Notice(NamedTuple):
    """A sentence about a source or a run as a whole."""

    text: str
    level: NoticeLevel = NoticeLevel.INFO
    sheet: str = ""  #: the sheet that it is about, if it says nothing where that sheet is left out as a whole
