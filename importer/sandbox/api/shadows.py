"""Rootly's on-call shadows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from importer.sandbox.api.answers import Objection, instant_of
from importer.sandbox.api.stored_kinds import RootlyRecords, refuse

if TYPE_CHECKING:
    from aiohttp import web

    from importer.sandbox.api.stored_kinds import Record


class ShadowRoutes(RootlyRecords):
    """The routes of shadows. The clock decides whether a shadow is in the future, active or over."""

    name = "shadow"
    title = "On-call shadow"
    path = type = "on_call_shadows"
    attributes = ("shadowable_type", "shadowable_id", "shadow_user_id", "starts_at", "ends_at")
    changed = frozenset({"schedule_id", *attributes})
    user = "shadow_user_id"

    def remove(self, record: Record) -> web.Response:
        """Delete a future shadow; cut an active one to end now, so that its past part stays on record."""
        moment = instant_of(self._now())
        if record["ends_at"] <= moment:
            refuse(422, Objection("Shadow period has already ended", "/data"))
        return self.store(record | {"ends_at": moment}) if record["starts_at"] <= moment else super().remove(record)


STORED = ShadowRoutes.stored()
