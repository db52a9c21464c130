"""The token and the ids that mean something to the sandbox alone: what a rehearsal may rely on."""

from __future__ import annotations

from dataclasses import dataclass

#: The one bearer token that the sandbox takes, for both APIs. It opens nothing else, so it is no secret.
TOKEN = "sandbox-token"  # noqa: S105  documented; opens nothing


@dataclass(frozen=True, slots=True)
class Reserved:
    """An id that always fails, so that a team can rehearse a failure with its own file."""

    field: str  #: the column it stands in
    value: str
    status: int  #: the HTTP status of the answer
    words: str  #: what the answer says


#: Every other well-formed id is taken. docs/sandbox.md quotes this table.
RESERVED: tuple[Reserved, ...] = (
    Reserved("remote_id", "SANDBOX-404", 404, "The provider has no on-call schedule with this remote id."),
    Reserved("remote_id", "SANDBOX-422", 422, "The provider's on-call schedule cannot be imported."),
    Reserved("schedule_id", "sandbox-404", 404, "Schedule not found."),
    Reserved("schedule_id", "sandbox-422", 422, "Schedule does not take shadows."),
    Reserved("shadow_user_id", "422", 422, "Shadow user has no on-call seat."),
)

_BY_ID = {(entry.field, entry.value): entry for entry in RESERVED}


def reserved(field: str, value: str | int) -> Reserved | None:
    """Find the failure reserved for this id, or None where it is taken like any other."""
    return _BY_ID.get((field, str(value)))
