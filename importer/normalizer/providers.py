"""The providers whose schedules Opal takes, and the ids they give."""

from __future__ import annotations

import re
from typing import Final, Literal, TypeAlias

from importer.errors import SettingsError
from importer.normalizer.columns import BY_NAME
from importer.normalizer.fields import BLANKS
from importer.normalizer.wording import Fault, has_control, quote

Provider: TypeAlias = Literal["PAGER_DUTY", "OPSGENIE"]

LONGEST_REMOTE_ID = 255

_NAMES: Final[dict[str, Provider]] = {
    "pagerduty": "PAGER_DUTY",
    "pd": "PAGER_DUTY",
    "opsgenie": "OPSGENIE",
    "atlassianopsgenie": "OPSGENIE",
}
_GAPS = re.compile(r"[\s_-]+")
_LONGEST_NAME = 40  # no name is longer; saves folding a text of a megabyte

# PagerDuty publishes no pattern: nearly all ids look like this, so that others are a warning only.
_PAGER_DUTY_ID = re.compile(r"[PQ][A-Z0-9]{5,13}")
_UUID = re.compile(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
_CHECK_PROVIDER = "check both cells before sending: a schedule sent with the wrong provider cannot be taken back"


def read_provider(text: str) -> Provider | Fault:
    """Read a cell of the column `third_party_provider`."""
    if len(text) > _LONGEST_NAME:
        return Fault()
    return _NAMES.get(text) or _NAMES.get(_GAPS.sub("", text).casefold()) or Fault()


def check_provider(text: str) -> Provider:
    """Read the provider that a setting or option names.

    Raises:
        SettingsError: there is no such provider.
    """
    provider = read_provider(text.strip(BLANKS))
    if isinstance(provider, Fault):
        raise SettingsError(f"the provider is {quote(text)}", hint=BY_NAME["third_party_provider"].right)
    return provider


def read_remote_id(text: str) -> str | Fault:
    """Read a cell of the column `remote_id`."""
    if len(text) > LONGEST_REMOTE_ID:
        return Fault(f", which has {len(text)} characters; an id has {LONGEST_REMOTE_ID} at most")
    if has_control(text):
        return Fault(", which holds control characters", "write the id again by hand, such as PI7DH85")
    return text


def oddity(provider: Provider, remote_id: str) -> Fault | None:
    """Say what is odd about an id for its provider; None where nothing is."""
    if provider == "PAGER_DUTY":
        return _pager_duty_oddity(remote_id)
    if _PAGER_DUTY_ID.fullmatch(remote_id):
        return Fault(", which looks like a PagerDuty id, but third_party_provider is OPSGENIE", _CHECK_PROVIDER)
    if not remote_id.isprintable():
        return Fault(", which holds characters that cannot be seen", "write the id again by hand")
    return None


def _pager_duty_oddity(remote_id: str) -> Fault | None:
    if _UUID.fullmatch(remote_id):
        return Fault(", which looks like an Opsgenie id, but third_party_provider is PAGER_DUTY", _CHECK_PROVIDER)
    if not _PAGER_DUTY_ID.fullmatch(remote_id):
        return Fault(", which does not look like a PagerDuty id", "compare it with PagerDuty: ids look like PI7DH85")
    return None
