"""Rootly's override shifts."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from importer.sandbox.api.answers import document
from importer.sandbox.api.stored_kinds import RootlyRecords

if TYPE_CHECKING:
    from aiohttp import web

    from importer.sandbox.api.stored_kinds import Record


class OverrideRoutes(RootlyRecords):
    """The routes of overrides. A new override replaces those of its schedule that it overlaps."""

    name = "override"
    title = "Override shift"
    path = "override_shifts"
    type = "shifts"
    attributes = ("user_id", "starts_at", "ends_at")
    changed = needed = frozenset({"user_id"})
    user = "user_id"
    constants: ClassVar = {"rotation_id": None, "is_override": True}

    def add(self, record: Record) -> web.Response:
        """Create an override (201), or answer with the equal one that exists (200)."""
        spot = {name: record[name] for name in ("schedule_id", "starts_at", "ends_at")}
        overlapped = self._state.rows("overlapped_overrides", **spot)
        for row in overlapped:
            if all(row[name] == record[name] for name in self.attributes):
                return document(self.resource(dict(row)))
        with self._state.at_once():
            for row in overlapped:
                self._state.change("delete_override", id=row["id"])
            return super().add(record)


STORED = OverrideRoutes.stored()
