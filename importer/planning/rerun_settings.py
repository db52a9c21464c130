"""What a rerun takes over from the run that it repeats, and where it must not go on."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from importer.errors import JournalError, UsageError
from importer.records import TargetName
from importer.settings import DECLARATIONS
from importer.settings.origins import Decides
from importer.settings.values import is_loopback

if TYPE_CHECKING:
    from importer.planning.previous_run import PreviousRun
    from importer.settings import Settings


def inherit(settings: Settings, previous: PreviousRun) -> Settings:
    """Take over from the earlier run how its rows are read, and whether it was a rehearsal.

    Raises:
        UsageError: an undo; a real run in the sandbox, or at another host.
    """
    _refuse_undo(previous)
    was_sandbox = previous.info.is_sandbox
    if settings.sandbox and previous.run and not was_sandbox:
        raise UsageError(
            f"{previous.run} was no rehearsal: its rows cannot be repeated in the sandbox",
            hint="leave --sandbox away, or rehearse the source with: oncall-importer run SOURCE --sandbox",
        )
    _refuse_other_host(settings, previous)
    taken = {Decides.READING} if previous.info.was_read else {Decides.READING, Decides.RUNNING}
    names = [name for name, declared in DECLARATIONS.items() if declared.decides in taken]
    written = previous.info.options
    try:
        values = {
            name: DECLARATIONS[name].read(written[name])
            for name in names
            if name not in settings.origins and written.get(name) is not None
        }
    except ValueError as error:
        raise JournalError(
            f"the journal of {previous.run} holds an option that cannot be: {error}",
            hint="Rerun from its report.csv, and give the options of that run again.",
        ) from None
    return replace(settings, **values, sandbox=settings.sandbox or was_sandbox)


def _refuse_undo(previous: PreviousRun) -> None:
    """Refuse to send what an undo has deleted: it is undone again from the run that it undid."""
    if previous.info.is_undo:
        undone = previous.info.undone_path or "RUN"
        raise UsageError(
            f"{previous.run} is an undo: there is nothing in it to send",
            hint=f"to go on with it: oncall-importer undo {undone}; to import again: oncall-importer run SOURCE",
        )


def _refuse_other_host(settings: Settings, previous: PreviousRun) -> None:
    """Refuse to go on at another host: nothing that succeeded is there, and what is in doubt cannot be asked about."""
    for target in TargetName:
        before, now = previous.info.base_urls.get(target), settings.base_url(target)
        hosts = [urlsplit(url).hostname or "" for url in (before, now) if url]
        if len(set(hosts)) > 1 and not all(map(is_loopback, hosts)) and not settings.sandbox:
            raise UsageError(
                f"{previous.run} was sent to {before}, and {target.upper()}_BASE_URL is {now}",
                hint="rerun it there; to send everything to another place: oncall-importer run SOURCE",
            )
