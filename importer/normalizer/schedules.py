"""Schedule rows to schedule records."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from importer.normalizer.providers import Provider, oddity, read_provider, read_remote_id, told_provider
from importer.records import ScheduleRecord

if TYPE_CHECKING:
    from importer.normalizer.fields import Fields


def read_schedule(fields: Fields, provider: Provider | None) -> ScheduleRecord | None:
    """Make the record of a schedule row; `provider` counts where the cell is empty. None: problems were noted."""
    # A link tells its provider, should nobody else do.
    told = told_provider(fields.text("remote_id"))
    provider = fields.required("third_party_provider", read_provider, provider or told)
    remote_id = fields.required("remote_id", partial(read_remote_id, provider=provider))
    if provider is None or remote_id is None:
        return None
    if odd := oddity(provider, remote_id):
        fields.warn("remote_id", odd.reason, odd.hint, odd.topic)
    return ScheduleRecord(third_party_provider=provider, remote_id=remote_id)
