"""Schedule rows to schedule records."""

from __future__ import annotations

from typing import TYPE_CHECKING

from importer.normalizer.providers import Provider, oddity, read_provider, read_remote_id
from importer.records import ScheduleRecord

if TYPE_CHECKING:
    from importer.normalizer.fields import Fields


def read_schedule(fields: Fields, provider: Provider | None) -> ScheduleRecord | None:
    """Make the record of a schedule row; `provider` counts where the cell is empty. None: problems were noted."""
    provider = fields.required("third_party_provider", read_provider, provider)
    remote_id = fields.required("remote_id", read_remote_id)
    if provider is None or remote_id is None:
        return None
    if odd := oddity(provider, remote_id):
        fields.warn("remote_id", odd.reason, odd.hint)
    return ScheduleRecord(third_party_provider=provider, remote_id=remote_id)
