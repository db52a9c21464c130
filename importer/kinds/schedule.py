"""The kind `schedule`: an on-call schedule of PagerDuty or Opsgenie, made known to Opal.

Source: Opal's OpenAPI document of 2026-08.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Annotated, Any, Literal
from urllib.parse import quote

import orjson
from pydantic import AfterValidator, Field

from importer.kinds import Ambiguity, Column, KeyPart, Made, RecordKind, doubt, option
from importer.normalizer.fields import Fields
from importer.normalizer.mapping import Rules
from importer.normalizer.providers import (
    LONGEST_REMOTE_ID,
    PROVIDER_RIGHT,
    Provider,
    oddity,
    provider_of_link,
    read_provider,
    read_remote_id,
)
from importer.normalizer.references import Waiting
from importer.records import UUID, Key, Record, TargetName, plain_uuid
from importer.targets.opal import next_page, read_items
from importer.targets.target import Found, Page, Request, as_text


class ScheduleRecord(Record):
    """An on-call schedule of a provider, to be added to Opal."""

    third_party_provider: Literal["PAGER_DUTY", "OPSGENIE"]
    remote_id: Annotated[str, Field(min_length=1, max_length=LONGEST_REMOTE_ID), AfterValidator(plain_uuid)]


# ---- a row


def _read(fields: Fields, rules: Rules) -> Made | None:
    """Make the record of a schedule row. None: problems were noted."""
    # A link implies its provider, if nothing else names one.
    linked = provider_of_link(fields.text("remote_id"))
    provider: Provider | None = fields.required("third_party_provider", read_provider, rules.provider or linked)
    remote_id = fields.required("remote_id", partial(read_remote_id, provider=provider))
    groups = fields.identify("group", rules.references.groups) if fields.is_filled("group") else ()
    if provider is None or remote_id is None or groups is None:
        return None
    if odd := oddity(provider, remote_id):
        check, fault = odd
        fields.judge(check, "remote_id", fault)
    if isinstance(groups, Waiting):
        return Made(())
    return Made((ScheduleRecord(third_party_provider=provider, remote_id=remote_id),), groups=groups)


# ---- at Opal


_PATH = "/on-call-schedules"


def _request(key: Key) -> Request:
    provider, remote_id = key
    return Request(_PATH, orjson.dumps({"third_party_provider": provider, "remote_id": remote_id}))


def _read_key(item: Mapping[str, Any]) -> Key | None:
    """Read a schedule's key; an unknown provider is a text like any other."""
    provider, remote_id = as_text(item.get("third_party_provider")), as_text(item.get("remote_id"))
    return None if provider is None or remote_id is None else (provider, plain_uuid(remote_id))


def _read_created(payload: Any) -> Found | None:
    if not isinstance(payload, dict):
        return None
    key, id_ = _read_key(payload), payload.get("on_call_schedule_id")
    return Found(key, plain_uuid(id_)) if key is not None and isinstance(id_, str) and UUID.fullmatch(id_) else None


def _read_listed(item: Any) -> Found | None:
    if not isinstance(item, dict):
        raise ValueError("the list holds an entry that is no object")
    key, id_ = _read_key(item), as_text(item.get("on_call_schedule_id"))
    if key is None:
        return None
    if not id_:
        raise ValueError("the list holds a schedule without an id")
    return Found(key, plain_uuid(id_))


def _read_page(payload: Any, scope: str) -> Page:  # noqa: ARG001
    """Read the list, which comes whole; should it ever be paged, `next` is the cursor of the next page."""
    items = read_items(payload, "on_call_schedules")
    found = tuple(one for one in map(_read_listed, items) if one is not None)
    ids = frozenset(filter(None, (as_text(item.get("on_call_schedule_id")) for item in items)))
    return Page(found, next_page(payload, f"{_PATH}?"), ids)


def _subjects(key: Key) -> tuple[KeyPart, ...]:
    return (KeyPart("remote_id", str(key[0]), str(key[1])),)


# ---- the kind


_COLUMNS = (
    Column(
        "third_party_provider",
        PROVIDER_RIGHT,
        headers="provider providername oncallprovider scheduleprovider",
        choices=("PAGER_DUTY", "OPSGENIE"),
        read=read_provider,
    ),
    Column(
        "remote_id",
        "write the id that the provider gives the schedule, such as PI7DH85",
        ids_of="remote schedule",
        headers="remotescheduleid providerscheduleid externalscheduleid thirdpartyscheduleid"
        " pagerdutyid pagerdutyscheduleid pdscheduleid opsgenieid opsgeniescheduleid",
        headers_of_kind="id",
        outdoes_name=True,
        names="name schedulename title summary",
    ),
    option(
        "group",
        "write the name of an Opal group, or its id; several on lines of their own",
        ids_of="group",
        is_list=True,
        headers="opalgroup opalgroupid opalgroupname opalgroups",
        is_common=True,
    ),
)

_ANY_GROUP = Ambiguity("group", 50, "it could be the Opal group that the schedule is to be added to")
_SCHEDULE = Ambiguity("remote_id", 60, "it could hold the schedules' ids or links")
_DOUBTFUL = {
    **doubt("groupid groupname", _ANY_GROUP),
    **doubt("schedule scheduleurl schedulelink htmlurl url", _SCHEDULE),
}

_EXAMPLES = (
    {"third_party_provider": "PAGER_DUTY", "remote_id": "PI7DH85"},
    {"third_party_provider": "OPSGENIE", "remote_id": "b4d3c8f0-7a51-4e0e-9f0b-2f1f6f1c9a33"},
    {"third_party_provider": "PAGER_DUTY", "remote_id": "PNZNINN", "group": "Platform Operators"},
)

KIND = RecordKind(
    name="schedule",
    named="a schedule",
    plural="schedules",
    words=frozenset({"schedule", "schedules"}),
    position=1,
    columns=_COLUMNS,
    read=_read,
    own_headers={"schedule_id": "remote_id"},
    doubtful=_DOUBTFUL,
    examples=_EXAMPLES,
    subjects=_subjects,
    sentence="{remote_id}",
    summed_by=0,
    target=TargetName.OPAL,
    scope=lambda key: "",  # noqa: ARG005  (one list holds all of an organization's schedules)
    request=_request,
    read_created=_read_created,
    object_path=lambda id_: f"{_PATH}/{quote(id_, safe='')}",
    list_path=lambda scope: _PATH,  # noqa: ARG005
    read_page=_read_page,
)
