"""Named statements out of the .sql files beside this module."""

from __future__ import annotations

from importlib.resources import files


def load_schema() -> str:
    """Give the statements that make an empty journal."""
    return files(__package__).joinpath("schema.sql").read_text(encoding="utf-8")


def load_upgrades() -> dict[str, str]:
    """Give by its number the statements that make a journal of a version out of one of the version before."""
    return _load_named("upgrade.sql")


def load_queries() -> dict[str, str]:
    """Give the statements of `queries.sql` by the name in the `-- name:` line above each."""
    return _load_named("queries.sql")


def _load_named(file: str) -> dict[str, str]:
    text = files(__package__).joinpath(file).read_text(encoding="utf-8")
    _, *parts = text.split("-- name: ")
    return {name.strip(): statement.strip() for name, _, statement in (part.partition("\n") for part in parts)}
