"""What a template says: its sheets, its example rows, its explanations. Pure; the columns are given to it."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from importer.records import Kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

EXAMPLE = "example"  #: a row whose `kind` begins with this word is an example
README_SHEET = "Read me"
SHEETS = {Kind.SCHEDULE: "Schedules", Kind.SHADOW: "Shadows"}
DATE_FORMAT = "yyyy-mm-dd hh:mm"
#: Columns in which a date and a time of day are typed.
MOMENTS = frozenset({"starts_at", "ends_at", "until"})
#: Columns that take other words than their choices.
OPEN = frozenset({"repeat"})

_START, _END, _UNTIL = datetime(2027, 3, 1, 8), datetime(2027, 3, 1, 16), datetime(2027, 5, 31, 23, 59)  # noqa: DTZ001 # a cell has no zone
_SCHEDULE = "3f6c1b1e-52a4-4f0e-9d0e-6f5b8a7c2d10"
_EXAMPLES: dict[Kind, tuple[dict[str, str | datetime], ...]] = {
    Kind.SCHEDULE: (
        {"third_party_provider": "PAGER_DUTY", "remote_id": "PI7DH85"},
        {"third_party_provider": "OPSGENIE", "remote_id": "b4d3c8f0-7a51-4e0e-9f0b-2f1f6f1c9a33"},
        {"third_party_provider": "PAGER_DUTY", "remote_id": "PNZNINN", "group": "Platform Operators"},
    ),
    Kind.SHADOW: (
        {
            "schedule_id": _SCHEDULE,
            "shadowable_type": "User",
            "shadowable_id": "101",
            "shadow_user_id": "112",
            "starts_at": _START,
            "ends_at": _END,
        },
        {
            "schedule_id": "Payments primary",
            "shadowable_type": "User",
            "shadowable_id": "ada@example.com",
            "shadow_user_id": "grace@example.com",
            "starts_at": _START,
            "duration": "8h",
            "repeat": "weekly",
            "until": _UNTIL,
        },
    ),
}


class ColumnText(NamedTuple):
    """One column of ours, as a template explains it."""

    name: str
    kind: Kind | None  #: the kind of row that has it; None: any
    right: str  #: what to write, as an order with an example; begins with a small letter
    is_required: bool = True
    choices: tuple[str, ...] = ()  #: the words that are right in it; empty: any text may be


def own_columns(columns: Iterable[ColumnText], kind: Kind) -> list[ColumnText]:
    """Give the columns of one kind's sheet, in their order."""
    return [column for column in columns if column.kind in {None, kind}]


def example_rows(columns: Sequence[ColumnText], kind: Kind, zone: str) -> list[list[str | datetime]]:
    """Give a kind's example rows, as wide as the columns; one that shows a column that is not there is left out."""
    names = {column.name for column in columns}
    return [
        [_example_cell(column.name, example, kind, zone) for column in columns]
        for example in _EXAMPLES[kind]
        if example.keys() <= names
    ]


def _example_cell(name: str, example: dict[str, str | datetime], kind: Kind, zone: str) -> str | datetime:
    if name == "kind":
        return f"{EXAMPLE} {kind.value}"
    if name == "timezone" and kind is Kind.SHADOW:
        return zone
    return example.get(name, "")


def explain(column: ColumnText) -> str:
    """Say what to write into a column, a sentence a line."""
    lines = [f"{column.right[:1].upper()}{column.right[1:]}.", "Needed." if column.is_required else "May be empty."]
    if column.choices:
        lines.append(f"{'Such as' if column.name in OPEN else 'One of'}: {', '.join(column.choices)}.")
    if column.name in MOMENTS:
        lines.append("Type it as a date with a time of day; without an offset it is of the row's time zone.")
    return "\n".join(lines)


def instructions() -> list[str]:
    """Give the sentences that stand above the explanations."""
    return [
        f"Fill in {' or '.join(SHEETS.values())}, or both: a row for each schedule or shadow.",
        f"Rows whose kind begins with the word {EXAMPLE} only show how and are never sent: leave or delete them.",
        "Columns may be moved, and those that may be empty may be deleted. More columns of your own do no harm.",
        "Then check the file: oncall-importer check FILE",
        "Then send it: oncall-importer run FILE",
    ]
