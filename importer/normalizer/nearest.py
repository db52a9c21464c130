"""The entries of a list that a misspelt text may mean. Suggests and decides nothing; knows no column."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

from rapidfuzz import fuzz, process, utils

from importer.cells import canonical

if TYPE_CHECKING:
    from collections.abc import Iterable


MOST = 3  #: suggestions for one text

_LONGEST_CHOICE = 60  # letters: no name of ours is longer
_ENOUGH = 65.0  # of 100

_CUT_OFF = 78.0  # of 100: two names of which only "primary" is the same have 60 to 70, a first name alone has 90
_SHORT = 4  # characters: what is shorter is a part of half of all names
_LARGEST_EFFORT = 5_000_000  # comparisons in all, 2 s: a column of nonsense must not hold up a check


class Nearest:
    """Texts of one list, each leading to the position of its entry."""

    def __init__(self, texts: Iterable[tuple[str, int]]) -> None:
        known = {(_plain(text), position): text.casefold() for text, position in texts}  # a mailbox is often a name
        self._choices = [text for text, _ in known]
        self._positions = [position for _, position in known]
        self._folded = list(known.values())
        self._effort = 0

    def find(self, text: str) -> list[int]:
        """Return the positions of the nearest entries, the nearest first; what differs in case only is nearest."""
        plain = _plain(text)
        if not plain or self._effort > _LARGEST_EFFORT:
            return []
        self._effort += len(self._choices)
        scorer = fuzz.WRatio if len(plain) >= _SHORT else fuzz.ratio
        # An entry can stand there under two texts.
        found = process.extract(plain, self._choices, scorer=scorer, limit=2 * MOST, score_cutoff=_CUT_OFF)
        folded = text.casefold()
        found.sort(key=lambda hit: self._folded[hit[2]] != folded)
        return list(dict.fromkeys(self._positions[index] for _, _, index in found))[:MOST]


def _plain(text: str) -> str:
    """Take off a text what people get wrong: case, accents, signs between words."""
    letters = unicodedata.normalize("NFKD", text)
    return utils.default_process("".join(char for char in letters if not unicodedata.combining(char)))


def nearest(text: str, choices: Iterable[str]) -> list[str]:
    """Return the choices that a misspelt text may mean, the nearest first; three at most."""
    known = {choice: canonical(choice) for choice in choices if len(choice) <= _LONGEST_CHOICE}
    if len(text) > _LONGEST_CHOICE:
        return []
    hits = process.extract(canonical(text), known, scorer=fuzz.ratio, limit=MOST, score_cutoff=_ENOUGH)
    return [choice for _, _, choice in hits]
