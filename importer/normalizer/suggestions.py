"""What a header that is not known, or a misspelt text, may mean. Suggests and decides nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rapidfuzz import fuzz, process

from importer.cells import canonical
from importer.kinds.registry import CLEAR, COLUMNS, IN_SHEETS_OF, KINDS, KINDS_WITH, OWN
from importer.normalizer.layout import FAMILIAR, OF_OTHER_LISTS, is_named
from importer.quoting import quote, quote_path

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from importer.normalizer.layout import Layout
    from importer.records import Sheet


_ENOUGH = 75.0  # of 100: "traineename" is 78 like "trainee", "status" 73 like "start"
_SHORTEST, _LONGEST = 4, 60  # letters: shorter words are like half of all words, longer ones are none of ours
_MOST = 3  # choices that are suggested for one text
_ENOUGH_OF_LIST = 65.0  # of 100: the choices are few, and the text is meant to be one of them
_BY_KIND = 80  # percent: what would be taken if the kind of the sheet were known


@dataclass(frozen=True, slots=True)
class Suggestion:
    """What a header may mean. It is told, never applied."""

    header: str  #: as it stands
    column: str  #: column of ours that the sheet lacks
    confidence: int  #: percent
    why: str  #: a clause, such as `it looks like "trainee"`


def suggest(layout: Layout) -> tuple[Suggestion, ...]:
    """Suggest what headers that are not used may mean, each the likeliest first; only columns that are lacking.

    Takes time: ask once a sheet.
    """
    if not is_named(layout.sheet, layout.mapping):
        return ()
    kinds = (layout.kind,) if layout.kind else tuple(KINDS)
    had = layout.indices.keys() | layout.mapping.constants.keys()
    lacking = {name for name in COLUMNS if name not in had and (name == "kind" or KINDS_WITH[name] & {*kinds})}
    words = {word: column for word, column in _words(kinds) if column in lacking}
    found = []
    for header in (*layout.not_used, *_ambiguous_headers(layout)):
        exact = [one for one in _exact(header, kinds) if one.column in lacking]
        found += exact or list(_alike(header, words))
    return tuple({(one.header, one.column): one for one in reversed(found)}.values())[::-1]  # kinds share columns


def describe_suggestion(suggestion: Suggestion, sheet: Sheet) -> str:
    """Describe a suggestion in one sentence, with what to write into a mapping file if it is right."""
    header, column = quote(suggestion.header), suggestion.column
    return (
        f"{header} of {quote_path(sheet.source)}, sheet {quote(sheet.name)}, "
        f"may be {column} ({suggestion.confidence} %): "
        f"{suggestion.why}; if so, write {header} = {quote(column)} below [columns] in a mapping file"
    )


def _words(kinds: Iterable[str]) -> Iterator[tuple[str, str]]:
    yield from OWN.items()
    for kind in kinds:
        yield from CLEAR[kind].items()
        yield from IN_SHEETS_OF[kind].items()


def _ambiguous_headers(layout: Layout) -> Iterator[str]:
    """Yield headers that were taken by their own name, but would mean something else if the sheet said its kind."""
    for column in dict.fromkeys(name for kind in KINDS.values() for name in kind.own_headers):
        index = layout.indices.get(column)
        if layout.kind is None and index is not None and canonical(layout.sheet.header[index]) == canonical(column):
            yield layout.sheet.header[index]


def _exact(header: str, kinds: Iterable[str]) -> Iterator[Suggestion]:
    name = canonical(header)
    for kind in map(KINDS.__getitem__, kinds):
        turned = {canonical(theirs): own for theirs, own in kind.own_headers.items()}
        if column := IN_SHEETS_OF[kind.name].get(name) or turned.get(name):
            yield Suggestion(header, column, _BY_KIND, f"it would be in a sheet of {kind.plural}")
    for kind in map(KINDS.__getitem__, kinds):
        for doubt in kind.doubtful.get(name, ()):
            yield Suggestion(header, doubt.column, doubt.confidence, doubt.why)


def _alike(header: str, words: dict[str, str]) -> Iterator[Suggestion]:
    name = canonical(header)
    if _SHORTEST <= len(name) <= _LONGEST and name not in FAMILIAR | OF_OTHER_LISTS:  # status is no misspelt start
        hit = process.extractOne(name, list(words), scorer=fuzz.ratio, score_cutoff=_ENOUGH)
        if hit is not None:
            word, score, _ = hit
            yield Suggestion(header, words[word], round(score), f"it looks like {quote(word)}")


def nearest(text: str, choices: Iterable[str]) -> list[str]:
    """Return the choices that a misspelt text may mean, the nearest first; three at most."""
    known = {choice: canonical(choice) for choice in choices if len(choice) <= _LONGEST}
    if len(text) > _LONGEST:
        return []
    hits = process.extract(canonical(text), known, scorer=fuzz.ratio, limit=_MOST, score_cutoff=_ENOUGH_OF_LIST)
    return [choice for _, _, choice in hits]
