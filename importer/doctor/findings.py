"""What a look at one thing comes to."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class Level(StrEnum):
    """What a finding means for a run."""

    OK = "ok"
    NOTE = "note"  #: worth knowing; a run could start all the same
    PROBLEM = "problem"  #: a run could not start, or would come to nothing


class Finding(NamedTuple):
    """One line of the doctor's."""

    level: Level
    about: str  #: the thing looked at, such as "opal token"
    message: str
    hint: str = ""  #: what to do; never empty where it is a problem
