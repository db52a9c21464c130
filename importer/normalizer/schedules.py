"""Schedule rows to schedule records."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from importer.normalizer.providers import Provider, oddity, read_provider, read_remote_id, told_provider
from importer.normalizer.references import Waiting
from importer.records import ScheduleRecord

if TYPE_CHECKING:
    from importer.normalizer.fields import Fields
    from importer.normalizer.references import References


class Schedules(NamedTuple):
    """What a schedule row makes."""

    records: tuple[ScheduleRecord, ...]  #: empty where a group's id is not known yet
    groups: tuple[str, ...]  #: ids of the Opal groups that the schedule is to be added to


def read_schedule(fields: Fields, provider: Provider | None, references: References) -> Schedules | None:
    """Make the record of a schedule row; `provider` counts where the cell is empty. None: problems were noted."""
    # A link tells its provider, should nobody else do.
    told = told_provider(fields.text("remote_id"))
    provider = fields.required("third_party_provider", read_provider, provider or told)
    remote_id = fields.required("remote_id", partial(read_remote_id, provider=provider))
    groups = _read_groups(fields, references)
    if provider is None or remote_id is None or groups is None:
        return None
    if odd := oddity(provider, remote_id):
        fields.warn("remote_id", odd.reason, odd.hint, odd.topic)
    if isinstance(groups, Waiting):
        return Schedules((), ())
    return Schedules((ScheduleRecord(third_party_provider=provider, remote_id=remote_id),), groups)


def _read_groups(fields: Fields, references: References) -> tuple[str, ...] | Waiting | None:
    if not fields.is_filled("group"):
        return ()
    return fields.identify("group", references.groups)
