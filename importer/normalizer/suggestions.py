"""Suggests meanings for unknown or misspelt headers, of a sheet or in a mapping. Applies nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from rapidfuzz import fuzz, process

from importer.cells import BLANKS, canonical
from importer.errors import SettingsError
from importer.kinds import CLEAR, COLUMNS, IN_SHEETS_OF, KINDS, KINDS_WITH, OWN, TELLING, kind_of_name
from importer.normalizer.header import FAMILIAR, OF_OTHER_LISTS, Layout, is_named
from importer.normalizer.mapping import Mapping
from importer.normalizer.matrix import find_across
from importer.records import Sheet
from importer.wording import escape_unprintable, quote, quote_path

_ENOUGH = 75.0  # of 100: "traineename" is 78 like "trainee", "status" 73 like "start"
_SHORTEST, _LONGEST = 4, 60  # letters: shorter words resemble half of all words, longer ones none of ours
_MOST = 3  # choices that are suggested for one text
_ENOUGH_OF_LIST = 65.0  # of 100: there are few choices, and the text must be one of them
_BY_KIND = 80  # percent: a header that would be recognized if the sheet's kind were known


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A possible meaning of a header. It is shown, never applied."""

    header: str  #: unchanged
    column: str  #: our column that the sheet lacks
    confidence: int  #: percent
    why: str  #: a clause, such as `it looks like "trainee"`


def suggest(layout: Layout) -> tuple[Suggestion, ...]:
    """Suggest meanings of unused headers, likeliest first, among the columns that are missing.

    This is slow: call it once per sheet.
    """
    if not is_named(layout.sheet, layout.mapping):
        return ()
    had = layout.indices.keys() | layout.mapping.constants.keys()
    kinds = tuple(kind for kind in KINDS if kind == layout.kind or _may_be(kind, layout, had))
    lacking = {name for name in COLUMNS if name not in had and (name == "kind" or KINDS_WITH[name] & {*kinds})}
    words = {word: column for word, column in _words(kinds) if column in lacking}
    found = []
    for header in (*layout.not_used, *_ambiguous_headers(layout)):
        exact = [one for one in _exact(header, kinds) if one.column in lacking]
        found += exact or list(_alike(header, words))
    return tuple({(one.header, one.column): one for one in reversed(found)}.values())[::-1]  # kinds share columns


def _may_be(kind: str, layout: Layout, had: AbstractSet[str]) -> bool:
    """Return whether rows may be of another kind than the sheet's: nothing names its kind or tells it from this one."""
    if layout.kind is None:
        return True
    is_named_so = "kind" in {*had, *layout.given} or kind_of_name(layout.sheet.name)
    return not is_named_so and all(kind in KINDS_WITH[column] for column in TELLING & had)


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
    """Yield headers that were recognized by their own name, but would mean something else if the kind were known."""
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
    if _SHORTEST <= len(name) <= _LONGEST and name not in FAMILIAR | OF_OTHER_LISTS:  # status is not a misspelt start
        hit = process.extractOne(name, list(words), scorer=fuzz.ratio, score_cutoff=_ENOUGH)
        if hit is not None:
            word, score, _ = hit
            yield Suggestion(header, words[word], round(score), f"it looks like {quote(word)}")


# ---- headers in a mapping, and texts that must be one of a list


def refuse_lost_headers(mapping: Mapping, name: str, sheets: Iterable[Sheet]) -> None:
    """Refuse a mapping that names a header or a sheet that no source has; `name` is the mapping file's.

    Raises:
        SettingsError: it lists each of them with the nearest existing ones.
    """
    seen = list(sheets)
    names = {sheet.name for sheet in seen}
    if missing := [one for one in mapping.sheets if one not in names]:
        raise SettingsError(
            f"{quote(name)}, [sheets]: no source has a sheet {', '.join(map(quote, missing))}",
            hint=f"Write one of {', '.join(map(quote, sorted(names)))}."
            if names
            else "Name a sheet that a source has.",
        )
    tables = [("", mapping, seen)]
    for own, table in mapping.sheets.items():
        tables.append((f"sheets.{own}.", table, [sheet for sheet in seen if sheet.name == own]))
    for prefix, table, those in tables:
        if table.matrix and not any(find_across(sheet, mapping.of_sheet(sheet.name)) for sheet in those):
            raise SettingsError(
                f"{quote(name)}, [matrix]: no sheet has {table.matrix.across or 'date'}s across",
                hint="Write whole dates into the header, or below [matrix] when the roster begins: first = 2027-03-01.",
            )
        known = [text.strip(BLANKS) for sheet in those for text in sheet.header]
        found = {*known, *map(canonical, known)}
        named = {"columns": table.columns, "rows": {**table.keep, **table.drop}, "fill": table.fill}
        named |= {"matrix": table.matrix.headers} if table.matrix else {}
        for section, headers in named.items():
            if lost := [one for one in headers if one not in found and (canonical(one) or one) not in found]:
                raise _lost(f"{quote(name)}, [{escape_unprintable(prefix + section)}]", lost, known)


def _lost(where: str, lost: list[str], known: list[str]) -> SettingsError:
    distinct = list(dict.fromkeys(filter(None, known)))
    nears = {header: near for header in lost if (near := nearest(header, distinct))}
    hints = [f"for {quote(header)} write {' or '.join(map(quote, near))}" for header, near in nears.items()]
    words = "; ".join(hints) or "write the headers as they are in the source, or remove them from the mapping"
    return SettingsError(
        f"{where}: no sheet has the header {', '.join(map(quote, lost))}", hint=f"{words[0].upper()}{words[1:]}."
    )


def nearest(text: str, choices: Iterable[str]) -> list[str]:
    """Return the choices that a misspelt text may mean, nearest first; three at most."""
    known = {choice: canonical(choice) for choice in choices if len(choice) <= _LONGEST}
    if len(text) > _LONGEST:
        return []
    hits = process.extract(canonical(text), known, scorer=fuzz.ratio, limit=_MOST, score_cutoff=_ENOUGH_OF_LIST)
    return [choice for _, _, choice in hits]
