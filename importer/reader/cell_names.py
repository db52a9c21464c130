"""How spreadsheets name columns and cells. `records.cell_name`, without what importing the records costs a child."""

from __future__ import annotations

from functools import lru_cache


@lru_cache(maxsize=2048)
def letters_of(column: int) -> str:
    """Name a 0-based column: `letters_of(27)` is `AB`."""
    letters = ""
    rest = column + 1
    while rest:
        rest, letter = divmod(rest - 1, 26)
        letters = chr(ord("A") + letter) + letters
    return letters


@lru_cache(maxsize=2048)
def column_of(letters: str) -> int:
    """Give the 0-based column that letters name: `column_of("AB")` is 27."""
    column = 0
    for letter in letters.upper():
        column = column * 26 + ord(letter) - ord("A") + 1
    return column - 1


def cell_of(column: int, row: int) -> str:
    """Name a cell: `cell_of(1, 7)` is `B7`."""
    return f"{letters_of(column)}{row}"
