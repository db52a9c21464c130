"""Every error ends with the next step."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path
from typing import TYPE_CHECKING

import importer
from importer import errors
from importer.errors import ImporterError, InterruptedReadingError, SourceError, SourcesError

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGE = Path(importer.__file__).parent
KINDS = {name for name, value in vars(errors).items() if inspect.isclass(value) and issubclass(value, ImporterError)}
FILLED_BY_THEMSELVES = {"SourcesError", "InterruptedReadingError"}  # the first takes the hint of the first error


def made() -> Iterator[tuple[str, ast.Call]]:
    """Give each place in the code that makes an error, or hands a message on to the class it derives from."""
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and _name(node) in KINDS - FILLED_BY_THEMSELVES:
                yield f"{path.relative_to(PACKAGE)}:{node.lineno}", node


def _name(call: ast.Call) -> str:
    return call.func.id if isinstance(call.func, ast.Name) else ""  # `click.UsageError` gets its hint in cli.usage


def test_no_error_is_made_without_a_hint_that_says_something() -> None:
    places = dict(made())
    assert len(places) > 100, "the walk itself must find something"
    assert [place for place, call in places.items() if not _says_something(call)] == []


def _says_something(call: ast.Call) -> bool:
    """Tell whether no way through the hint's expression ends in an empty text."""
    hints = [keyword.value for keyword in call.keywords if keyword.arg == "hint"]
    texts = [node for hint in hints for node in ast.walk(hint) if isinstance(node, ast.Constant)]
    return bool(hints) and not any(text.value in ("", None) for text in texts if not _is_inside_text(text, hints))


def _is_inside_text(node: ast.Constant, hints: list[ast.expr]) -> bool:
    """Tell whether a constant is a part of an f-string or an argument: those may be empty."""
    holders = (ast.JoinedStr, ast.Call)
    return any(node in ast.walk(holder) for hint in hints for holder in ast.walk(hint) if isinstance(holder, holders))


def test_a_hint_cannot_be_left_away() -> None:
    for name in KINDS - FILLED_BY_THEMSELVES:
        parameter = inspect.signature(vars(errors)[name]).parameters["hint"]
        assert parameter.default is inspect.Parameter.empty, name


def test_several_errors_at_once_keep_their_own_hints() -> None:
    both = SourcesError([SourceError("one", hint="mend one"), SourceError("two", hint="mend two")])
    assert [error.hint for error in both.errors] == ["mend one", "mend two"]
    assert both.hint == "mend one"


def test_an_interruption_always_has_the_same_hint() -> None:
    assert {InterruptedReadingError().hint, InterruptedReadingError("interrupted while waiting").hint} == {
        "Start it again."
    }
