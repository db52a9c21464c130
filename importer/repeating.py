"""What a rerun takes over from the run that it repeats, and where it must not go on."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from importer.errors import UsageError
from importer.records import TargetName
from importer.report import SANDBOX_MARK, UNDO_MARK
from importer.settings import IfExists, is_loopback

if TYPE_CHECKING:
    from importer.earlier import Earlier
    from importer.settings import Settings

#: Settings that decide what a row means: a rerun takes them over from the run that it repeats.
READING_OPTIONS = ("timezone", "provider", "date_order", "until")
#: Settings that decide what is read and sent: a run that ended before it had read its sources is repeated with them.
RUN_OPTIONS = (*READING_OPTIONS, "sheet", "strict", "if_exists")


def inherit(settings: Settings, earlier: Earlier) -> Settings:
    """Take over from the earlier run how its rows are read, and whether it was a rehearsal.

    Raises:
        UsageError: an undo; a real run in the sandbox, or at another host.
    """
    _refuse_undo(earlier)
    was_sandbox = SANDBOX_MARK in earlier.run
    if settings.sandbox and earlier.run and not was_sandbox:
        raise UsageError(
            f"{earlier.run} was no rehearsal: its rows cannot be repeated in the sandbox",
            hint="leave --sandbox away, or rehearse the source with: oncall-importer run SOURCE --sandbox",
        )
    _refuse_other_host(settings, earlier)
    taken = READING_OPTIONS if earlier.was_read else RUN_OPTIONS
    given = settings.model_fields_set
    values = {name: value for name, value in earlier.options.items() if name in taken and name not in given}
    if "sheet" in values:
        values["sheet"] = tuple(values["sheet"])
    if "if_exists" in values:
        values["if_exists"] = IfExists(values["if_exists"])  # model_copy takes values as they are
    return settings.model_copy(update={**values, "sandbox": settings.sandbox or was_sandbox})


def _refuse_undo(earlier: Earlier) -> None:
    """Refuse to send what an undo has deleted: it is undone again from the run that it undid."""
    if earlier.facts.get("command") == "undo" or UNDO_MARK in earlier.run:
        undone = earlier.facts.get("undone_path", "RUN")
        raise UsageError(
            f"{earlier.run} is an undo: there is nothing in it to send",
            hint=f"to go on with it: oncall-importer undo {undone}; to import again: oncall-importer run SOURCE",
        )


def _refuse_other_host(settings: Settings, earlier: Earlier) -> None:
    """Refuse to go on at another host: nothing that succeeded is there, and what is in doubt cannot be asked about."""
    for target in TargetName:
        before, now = earlier.facts.get(f"base_url.{target}"), settings.base_url(target)
        hosts = [urlsplit(url).hostname or "" for url in (before, now) if url]
        if len(set(hosts)) > 1 and not all(map(is_loopback, hosts)) and not settings.sandbox:
            raise UsageError(
                f"{earlier.run} was sent to {before}, and {target.upper()}_BASE_URL is {now}",
                hint="rerun it there; to send everything to another place: oncall-importer run SOURCE",
            )
