"""The headers that stand for our columns, in their canonical form. No header is guessed here."""

from __future__ import annotations

ALIASES = {
    "kind": "kind",
    "thirdpartyprovider": "third_party_provider",
    "remoteid": "remote_id",
    "scheduleid": "schedule_id",
    "shadowabletype": "shadowable_type",
    "shadowableid": "shadowable_id",
    "shadowuserid": "shadow_user_id",
    "startsat": "starts_at",
    "endsat": "ends_at",
    "timezone": "timezone",
}


def canonical(header: str) -> str:
    """Reduce a header to its letters and digits, case folded: `Remote ID` and `remote_id` are the same."""
    return "".join(char for char in header.casefold() if char.isalnum())
