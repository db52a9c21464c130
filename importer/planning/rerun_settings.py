"""Which settings a rerun takes over from the earlier run, and when it is refused."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from importer.errors import SettingsError, UsageError
from importer.journal.run_info import import_again
from importer.planning.previous_run import PreviousRun
from importer.records import TargetName
from importer.settings.options import DECLARATIONS, Settings
from importer.settings.origins import Decides, name_as_set
from importer.settings.values import canonical_url

_REHEARSE = "Leave {} out, or rehearse the source with: oncall-importer run SOURCE --sandbox"


def inherit(settings: Settings, previous: PreviousRun) -> Settings:
    """Take over from the earlier run how its rows are read, and whether it was a rehearsal.

    Raises:
        UsageError: an undo; a real run in the sandbox, or at another host.
    """
    if previous.info.is_undo:  # to continue it, undo the same run again
        undone = previous.info.undone_path or "RUN"
        raise UsageError(
            f"{previous.run} is an undo: there is nothing in it to send",
            hint=f"{import_again(previous.run)}; to go on with the undo: oncall-importer undo {undone}",
        )
    settings = at_its_place(settings, previous, "its rows cannot be rerun in the sandbox", _REHEARSE)
    refuse_other_target(settings, previous, is_rerun=True)
    taken = {Decides.READING} if previous.info.was_read else {Decides.READING, Decides.RUNNING}
    names = [name for name, declared in DECLARATIONS.items() if declared.decides in taken]
    written = previous.info.options
    values = {
        name: DECLARATIONS[name].read(written[name])  # `find_earlier` has checked that it can be read
        for name in names
        if name not in settings.origins and written.get(name) is not None
    }
    return replace(settings, **values)


def at_its_place(settings: Settings, previous: PreviousRun, why_not: str, hint: str = "Leave {} out.") -> Settings:
    """Return the settings for verifying or undoing a run: a rehearsal uses the sandbox beside it, a real run must not.

    Raises:
        UsageError: it is a real run, and --sandbox was given; `why_not` says what is not possible there.
    """
    was_sandbox, home = previous.info.is_sandbox, previous.home
    if settings.sandbox and previous.run and not was_sandbox:
        hint = hint.format(name_as_set("sandbox", settings.origins))
        raise UsageError(f"{previous.run} was not a rehearsal: {why_not}", hint=hint)
    if was_sandbox and home and home.resolve() != settings.reports.resolve():
        settings = replace(settings, reports=home)
    return replace(settings, sandbox=settings.sandbox or was_sandbox)


def refuse_other_target(
    settings: Settings,
    previous: PreviousRun,
    targets: Iterable[TargetName] = TargetName,
    *,
    is_undo: bool = False,
    is_rerun: bool = False,
) -> None:
    """Refuse to continue at another target: its successes are not there, and doubts cannot be cleared up there.

    An undo must also know that what it deletes is there.
    """
    for target in () if settings.sandbox else targets:
        before, now = previous.info.base_urls.get(target), settings.base_url(target)
        if (before and canonical_url(before) != canonical_url(now)) or (is_undo and not before):
            where = f"was sent to {before}" if before else f"does not say which {target} it was sent to"
            hint = f"Set {target.upper()}_BASE_URL to where it was sent{'; nothing was deleted' if is_undo else ''}."
            if is_rerun:
                hint = "Rerun it there; to send everything to another place: oncall-importer run SOURCE"
            raise UsageError(f"{previous.run} {where}, and {target.upper()}_BASE_URL is {now}", hint=hint)


def refuse_other_mapping(previous: PreviousRun, mapping_id: str) -> None:
    """Refuse to read a report that is separated from its journal with another mapping than its run had.

    Raises:
        SettingsError: it was read with another mapping, and that is not available.
    """
    wanted = previous.info.mapping_id
    if previous.journal_folder or not wanted or wanted == mapping_id:
        return
    given = f", and the mapping given is {mapping_id}" if mapping_id else ", which is not beside it"
    raise SettingsError(
        f"{previous.path} was read with the mapping {wanted} (column import_mapping){given}; nothing was sent",
        hint="Give that mapping file with --mapping, or rerun the run's folder, which has it.",
    )
