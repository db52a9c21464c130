"""Schedules' ids out of links that people paste from a browser. Opens no link and knows no column."""

from __future__ import annotations

import re
from enum import StrEnum
from functools import lru_cache
from typing import Final, NamedTuple

from importer.normalizer.cleaning import clean
from importer.normalizer.wording import Fault


class Service(StrEnum):
    """Whose schedule a link leads to."""

    PAGER_DUTY = "PagerDuty"
    OPSGENIE = "Opsgenie"
    ROOTLY = "Rootly"


class Link(NamedTuple):
    """A link to a schedule."""

    service: Service
    id: str


_LONGEST = 2000  # characters: no link to a schedule is longer; bounds what the cache holds
_IS_LINK = re.compile(
    r"[A-Za-z][A-Za-z0-9+.-]*://|[\w.-]+\.(?:pagerduty|opsgenie|rootly)\.com/|rootly\.com/", re.IGNORECASE
)
# No user, no port, no percent sign: what a browser shows for these sites has none, what deceives a reader has.
_PARTS = re.compile(r"(?:https?://)?([A-Za-z0-9.-]+)(/[^?#]*)?(?:\?[^#]*)?(#.*)?")

_UUID = r"([0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12})"
_CODE = r"([PQ][A-Z0-9]{5,13})"
_REST = r"(?:/.*)?"
_LABELS = r"(?:[a-z0-9-]+\.)"

_HOSTS: Final = {
    Service.PAGER_DUTY: re.compile(_LABELS + r"+pagerduty\.com"),
    Service.OPSGENIE: re.compile(_LABELS + r"+opsgenie\.com"),
    Service.ROOTLY: re.compile(_LABELS + r"*rootly\.com"),
}
#: Path and fragment of the pages of one schedule.
_PAGES: Final = {
    Service.PAGER_DUTY: re.compile(rf"/schedules/{_CODE}{_REST}(?:#.*)?|/schedules/?#/?{_CODE}"),
    Service.OPSGENIE: re.compile(
        rf"/schedule(?:/whoIsOnCall)?/?#/{_UUID}(?:[/?].*)?"
        rf"|/settings/schedule/detail/{_UUID}{_REST}(?:#.*)?|/v2/schedules/{_UUID}{_REST}(?:#.*)?"
    ),
    Service.ROOTLY: re.compile(rf"/(?:account|v1)/schedules/{_UUID}{_REST}(?:#.*)?"),
}

_FOREIGN = Fault(
    ", a link to another site than PagerDuty, Opsgenie or Rootly", "write the schedule's id", "link to another site"
)


def read_link(text: str) -> Link | Fault | None:
    """Read a link to a schedule; None where the text is no link."""
    return _read_link(text) if "/" in text and len(text) <= _LONGEST else None


@lru_cache(maxsize=4096)  # many rows link to the same schedule
def _read_link(text: str) -> Link | Fault | None:
    text = clean(text)
    if not _IS_LINK.match(text):
        return None
    parts = _PARTS.fullmatch(text)
    service = _service(parts[1].casefold()) if parts else None
    if parts is None or service is None:
        return _FOREIGN
    page = _PAGES[service].fullmatch((parts[2] or "") + (parts[3] or ""))
    if page is None:
        return Fault(
            f", a link to {service} from which no schedule's id can be taken",
            "open the schedule itself and copy its link, or write its id",
            "link without a schedule's id",
        )
    return Link(service, next(filter(None, page.groups())))


def linked_id(text: str, service: Service) -> str | Fault | None:
    """Give the id of the schedule that a link leads to, if it is of the service; None where the text is no link."""
    link = read_link(text)
    if not isinstance(link, Link):
        return link
    if link.service is service:
        return link.id
    return Fault(
        f", a link to a schedule of {link.service}, not of {service}",
        f"write the id that {service} gives the schedule",
        "link to a schedule of another service",
    )


def _service(host: str) -> Service | None:
    return next((service for service, pattern in _HOSTS.items() if pattern.fullmatch(host)), None)
