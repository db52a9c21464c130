"""The providers (PagerDuty, Opsgenie), and the form of their schedules' ids and links."""

from __future__ import annotations

import re
from enum import StrEnum
from functools import lru_cache
from typing import Final, Literal, NamedTuple, TypeAlias

from importer.cells import BLANKS, Unreadable, clean
from importer.errors import SettingsError
from importer.records import UUID
from importer.wording import has_control, quote


class Service(StrEnum):
    """The service to whose schedule a link leads."""

    PAGER_DUTY = "PagerDuty"
    OPSGENIE = "Opsgenie"
    ROOTLY = "Rootly"


class Link(NamedTuple):
    """A link to a schedule."""

    service: Service
    id: str


_LONGEST = 2000  # characters: no link to a schedule is longer; limits the cache
_IS_LINK = re.compile(
    r"[A-Za-z][A-Za-z0-9+.-]*://|[\w.-]+\.(?:pagerduty|opsgenie|rootly)\.com/|rootly\.com/", re.IGNORECASE
)
# No user, port or percent sign: real links to these sites have none, deceptive ones do.
_PARTS = re.compile(r"(?:https?://)?([A-Za-z0-9.-]+)(/[^?#]*)?(?:\?[^#]*)?(#.*)?")

_UUID_GROUP = f"({UUID.pattern})"
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
        rf"/schedule(?:/whoIsOnCall)?/?#/{_UUID_GROUP}(?:[/?].*)?"
        rf"|/settings/schedule/detail/{_UUID_GROUP}{_REST}(?:#.*)?|/v2/schedules/{_UUID_GROUP}{_REST}(?:#.*)?"
    ),
    Service.ROOTLY: re.compile(rf"/(?:account|v1)/schedules/{_UUID_GROUP}{_REST}(?:#.*)?"),
}

_FOREIGN = Unreadable(
    ", a link to another site than PagerDuty, Opsgenie or Rootly", "Write the schedule's id.", "link to another site"
)


def read_link(text: str) -> Link | Unreadable | None:
    """Read a link to a schedule; None if the text is not a link."""
    return _read_link(text) if "/" in text and len(text) <= _LONGEST else None


@lru_cache(maxsize=4096)  # many rows link to the same schedule
def _read_link(text: str) -> Link | Unreadable | None:
    text = clean(text)
    if not _IS_LINK.match(text):
        return None
    parts = _PARTS.fullmatch(text)
    host = parts[1].casefold() if parts else ""
    service = next((service for service, pattern in _HOSTS.items() if pattern.fullmatch(host)), None)
    if parts is None or service is None:
        return _FOREIGN
    page = _PAGES[service].fullmatch((parts[2] or "") + (parts[3] or ""))
    if page is None:
        return Unreadable(
            f", a link to {service} from which no schedule's id can be taken",
            "Open the schedule itself and copy its link, or write its id.",
            "link without a schedule's id",
        )
    return Link(service, next(filter(None, page.groups())))


def linked_id(text: str, service: Service) -> str | Unreadable | None:
    """Return the id of the schedule that a link leads to, if it is the service's; None if the text is not a link."""
    link = read_link(text)
    if not isinstance(link, Link):
        return link
    if link.service is service:
        return link.id
    return Unreadable(
        f", a link to a schedule of {link.service}, not of {service}",
        f"Write the id that {service} gives the schedule.",
        "link to a schedule of another service",
    )


# ---- ids


Provider: TypeAlias = Literal["PAGER_DUTY", "OPSGENIE"]

LONGEST_REMOTE_ID = 255
PROVIDER_RIGHT = "write PAGER_DUTY or OPSGENIE"

# Jira Service Management is not a synonym of Opsgenie: its schedules have other ids.
_NAMES: Final[dict[str, Provider]] = {
    "pagerduty": "PAGER_DUTY",
    "pagerduty.com": "PAGER_DUTY",
    "pagerdutyinc": "PAGER_DUTY",
    "pd": "PAGER_DUTY",
    "opsgenie": "OPSGENIE",
    "opsgenie.com": "OPSGENIE",
    "opsgenieatlassian": "OPSGENIE",
    "opsgeniebyatlassian": "OPSGENIE",
    "atlassianopsgenie": "OPSGENIE",
}
_GAPS = re.compile(r"[\s_()-]+")
_LONGEST_NAME = 40  # no name is longer; saves folding a text of a megabyte
_NO_PROVIDER = Unreadable(topic="unknown provider")

_SERVICES: Final[dict[Provider, Service]] = {"PAGER_DUTY": Service.PAGER_DUTY, "OPSGENIE": Service.OPSGENIE}
_PROVIDERS: Final[dict[Service, Provider]] = {service: provider for provider, service in _SERVICES.items()}

# Neither publishes a pattern: nearly all ids look like this, or are UUIDs, so others are only a warning.
_PAGER_DUTY_ID = re.compile(r"[PQ][A-Z0-9]{5,13}")
_CHECK_PROVIDER = "Check both cells before sending: a schedule sent with the wrong provider cannot be taken back."
_UNLIKE_PAGER_DUTY = Unreadable(
    ", which does not look like a PagerDuty id",
    "Compare it with PagerDuty: ids look like PI7DH85.",
    "does not look like a PagerDuty id",
)
_UNLIKE_OPSGENIE = Unreadable(
    ", which does not look like an Opsgenie id",
    "Compare it with Opsgenie: ids look like b4d3c8f0-7a51-4e0e-9f0b-2f1f6f1c9a33.",
    "does not look like an Opsgenie id",
)
_UNSEEN = Unreadable(
    ", which holds characters that cannot be seen", "Write the id again by hand.", "unprintable characters"
)
_SWAPPED = "an id of another provider"
_CLOSED_ID = re.compile(r"(?=.*\d)[PQ][A-Z0-9]{6}(?:[A-Z0-9]{7})?", re.ASCII)
_BETWEEN_IDS = re.compile(r"[,;|\t\r\n]")
_SEVERAL = "more than one id"
_AROUND_A_LINK = Unreadable(
    ", a link with other text around it", "Write the link alone, or the schedule's id.", "text around a link"
)
_ONLY_QUOTES = Unreadable(", which holds no id", topic="no id")


def read_provider(text: str) -> Provider | Unreadable:
    """Read a cell of the column `third_party_provider`."""
    if len(text) > _LONGEST_NAME:
        return _NO_PROVIDER
    return _NAMES.get(text) or _NAMES.get(_GAPS.sub("", text).casefold()) or _NO_PROVIDER


def check_provider(text: str) -> Provider:
    """Read the provider that a setting or option names.

    Raises:
        SettingsError: there is no such provider.
    """
    provider = read_provider(text.strip(BLANKS))
    if isinstance(provider, Unreadable):
        raise SettingsError(f"the provider is {quote(text)}", hint=PROVIDER_RIGHT)
    return provider


def provider_of_link(remote_id: str) -> Provider | None:
    """Return the provider of a link in the column `remote_id`; None if it is not a provider's link."""
    link = read_link(remote_id)
    return _PROVIDERS.get(link.service) if isinstance(link, Link) else None


def read_remote_id(text: str, provider: Provider | None = None) -> str | Unreadable:
    """Read a cell of the column `remote_id`: an id, or the provider's link to the schedule.

    If the row's provider is known, a link to the other one is a fault.
    """
    if _PAGER_DUTY_ID.fullmatch(text) or UUID.fullmatch(text):
        return text
    provider = provider or provider_of_link(text) or "PAGER_DUTY"
    found = linked_id(text, _SERVICES[provider])
    if found is not None:
        return found
    if len(text) > LONGEST_REMOTE_ID:
        reason = f", which has {len(text)} characters; an id has {LONGEST_REMOTE_ID} at most"
        return Unreadable(reason, topic="too long for an id")
    if (number := sum(_is_id(clean(part)) for part in _BETWEEN_IDS.split(text))) > 1:
        return Unreadable(f", which holds {number} ids", "Write a row for each of them.", _SEVERAL)
    if has_control(text):
        return Unreadable(
            ", which holds control characters", "Write the id again by hand, such as PI7DH85.", "control characters"
        )
    return _plain_id(text)


def _plain_id(text: str) -> str | Unreadable:
    plain = clean(text)
    if "://" in plain:
        return _AROUND_A_LINK
    closed = plain.replace(" ", "")
    # A blank in a UUID or in PagerDuty's usual code is certainly a mistake; in other ids it may be meant.
    if UUID.fullmatch(closed) or (_CLOSED_ID.fullmatch(closed) and not any(map(_is_id, plain.split(" ")))):
        return closed
    return plain or _ONLY_QUOTES


def _is_id(text: str) -> bool:
    return bool(_PAGER_DUTY_ID.fullmatch(text) or UUID.fullmatch(text))


def oddity(provider: Provider, remote_id: str) -> tuple[str, Unreadable] | None:
    """Return what is odd about an id for its provider, and the check's name; None if nothing is."""
    is_code, is_uuid = bool(_PAGER_DUTY_ID.fullmatch(remote_id)), bool(UUID.fullmatch(remote_id))
    if (is_uuid and provider == "PAGER_DUTY") or (is_code and provider == "OPSGENIE"):
        other = "an Opsgenie" if is_uuid else "a PagerDuty"
        reason = f", which looks like {other} id, but third_party_provider is {provider}"
        return "provider", Unreadable(reason, _CHECK_PROVIDER, _SWAPPED)
    if provider == "PAGER_DUTY" and not is_code:
        return "id", _UNLIKE_PAGER_DUTY
    if not remote_id.isprintable():
        return "id", _UNSEEN
    return None if is_code or is_uuid else ("id", _UNLIKE_OPSGENIE)
