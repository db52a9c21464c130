"""Named statements out of the .sql files beside this module."""

from __future__ import annotations

from importlib.resources import files


def load_schema() -> str:
    """Give the statements that make an empty journal."""
    return files(__package__).joinpath("schema.sql").read_text(encoding="utf-8")


def load_upgrade(version: int) -> str:
    """Give the statements that make a journal of this version out of one of `version`: a step for each in between."""
    text = files(__package__).joinpath("upgrade.sql").read_text(encoding="utf-8")
    _, *parts = text.split("-- version: ")
    steps = {int(number): statements for number, _, statements in (part.partition("\n") for part in parts)}
    return "".join(steps[number] for number in sorted(steps) if number > version)


def load_queries() -> dict[str, str]:
    """Give the statements of `queries.sql` by the name in the `-- name:` line above each."""
    text = files(__package__).joinpath("queries.sql").read_text(encoding="utf-8")
    _, *parts = text.split("-- name: ")
    return {name.strip(): statement.strip() for name, _, statement in (part.partition("\n") for part in parts)}
