"""What a header or a word that is not known may mean. Suggests and decides nothing."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rapidfuzz import fuzz, process, utils

from importer.normalizer.aliases import CLEAR, DOUBTFUL, FAMILIAR, IN_SHEETS_OF, OWN, canonical
from importer.normalizer.columns import COLUMNS
from importer.quoting import quote, quote_path
from importer.records import Kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from importer.normalizer.layout import Layout
    from importer.records import Sheet


# ---- The entries of a list that a misspelt text may mean. Suggests and decides nothing; knows no column


MOST = 3  #: suggestions for one text

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
        """Give the positions of the nearest entries, the nearest first; what differs in case only is nearest."""
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


# ---- What a header or a word that is not known may mean. Suggests and decides nothing


_ENOUGH = 75.0  # of 100: "traineename" is 78 like "trainee", "status" 73 like "start"
_SHORTEST, _LONGEST = 4, 60  # letters: shorter words are like half of all words, longer ones are none of ours
_BY_KIND = 80  # percent: what would be taken if the kind of the sheet were known
_MOST = 3


@dataclass(frozen=True, slots=True)
class Suggestion:
    """What a header may mean. It is told, never applied."""

    header: str  #: as it stands
    column: str  #: column of ours that the sheet lacks
    confidence: int  #: percent
    why: str  #: a clause, such as `it looks like "trainee"`


def suggest(layout: Layout) -> tuple[Suggestion, ...]:
    """Suggest what headers that are not used may mean, each the likeliest first; only columns that are lacking."""
    kinds = (layout.kind,) if layout.kind else tuple(Kind)
    had = layout.indices.keys() | layout.constants.keys()
    lacking = {column.name for column in COLUMNS if column.name not in had and column.kind in (None, *kinds)}
    words = {word: column for word, column in _words(kinds) if column in lacking}
    found = []
    for header in (*layout.not_used, *_two_faced(layout)):
        exact = [one for one in _exact(header, kinds) if one.column in lacking]
        found += exact or list(_alike(header, words))
    return tuple(found)


def describe_suggestion(suggestion: Suggestion, sheet: Sheet) -> str:
    """Tell a suggestion in one sentence, with what to write into a mapping file if it is right."""
    header, column = quote(suggestion.header), suggestion.column
    return (
        f"{header} of {quote_path(sheet.source)}, sheet {quote(sheet.name)}, "
        f"may be {column} ({suggestion.confidence} %): "
        f"{suggestion.why}; if so, write {header} = {quote(column)} below [columns] in a mapping file"
    )


def nearest(text: str, choices: Iterable[str]) -> list[str]:
    """Give the choices that a misspelt text may mean, the nearest first; three at most."""
    known = {choice: canonical(choice) for choice in choices if len(choice) <= _LONGEST}
    if len(text) > _LONGEST:
        return []
    hits = process.extract(canonical(text), known, scorer=fuzz.ratio, limit=_MOST, score_cutoff=_ENOUGH - 10)
    return [choice for _, _, choice in hits]


def _words(kinds: Iterable[Kind]) -> Iterator[tuple[str, str]]:
    yield from OWN.items()
    for kind in kinds:
        yield from CLEAR[kind].items()
        yield from IN_SHEETS_OF[kind].items()


def _two_faced(layout: Layout) -> Iterator[str]:
    """Give a header that was taken by its own name, but would mean something else if the sheet said its kind."""
    index = layout.indices.get("schedule_id")
    if layout.kind is None and index is not None and canonical(layout.sheet.header[index]) == "scheduleid":
        yield layout.sheet.header[index]


def _exact(header: str, kinds: Iterable[Kind]) -> Iterator[Suggestion]:
    name = canonical(header)
    for kind in kinds:
        column = IN_SHEETS_OF[kind].get(name)
        if column or (kind is Kind.SCHEDULE and name == "scheduleid"):
            yield Suggestion(header, column or "remote_id", _BY_KIND, f"it would be in a sheet of {kind}s")
    for doubt in DOUBTFUL.get(name, ()):
        if doubt.kind in kinds:
            yield Suggestion(header, doubt.column, doubt.confidence, doubt.why)


def _alike(header: str, words: dict[str, str]) -> Iterator[Suggestion]:
    name = canonical(header)
    if _SHORTEST <= len(name) <= _LONGEST and name not in FAMILIAR:  # status is no misspelt start
        hit = process.extractOne(name, list(words), scorer=fuzz.ratio, score_cutoff=_ENOUGH)
        if hit is not None:
            word, score, _ = hit
            yield Suggestion(header, words[word], round(score), f"it looks like {quote(word)}")
