"""Bulk-import on-call schedules, shadows and overrides from spreadsheets: nothing lost, nothing twice.

The library: `run`, `check`, `rerun` and `undo` do what the commands of the same names do. Importing it is cheap: a call
imports what it needs, and other names are imported when they are first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypedDict, Unpack

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping, Sequence

    import anyio

    from importer.errors import ImporterError
    from importer.notice import Notice, NoticeLevel
    from importer.reader.read import Source
    from importer.records import Outcome
    from importer.result import Result
    from importer.session.control import Plan, RunObserver, SilentObserver
    from importer.session.control import RunObserver as Observer
    from importer.statuses import Status

    __version__: str

__all__ = [
    "ImporterError",
    "Notice",
    "NoticeLevel",
    "Observer",
    "Options",
    "Outcome",
    "Plan",
    "Result",
    "SilentObserver",
    "Status",
    "__version__",
    "check",
    "rerun",
    "run",
    "undo",
]
_HOMES = {
    "ImporterError": ("importer.errors", "ImporterError"),
    "Notice": ("importer.notice", "Notice"),
    "NoticeLevel": ("importer.notice", "NoticeLevel"),
    "Observer": ("importer.session.control", "RunObserver"),
    "Outcome": ("importer.records", "Outcome"),
    "Plan": ("importer.session.control", "Plan"),
    "Result": ("importer.result", "Result"),
    "SilentObserver": ("importer.session.control", "SilentObserver"),
    "Status": ("importer.statuses", "Status"),
}


def __getattr__(name: str) -> Any:
    """Import a name when it is first used."""
    if name == "__version__":
        from importlib.metadata import version

        return version("oncall-importer")
    if name not in _HOMES:
        raise AttributeError(f"module 'importer' has no attribute {name!r}")
    from importlib import import_module

    module, own = _HOMES[name]
    return getattr(import_module(module), own)


class Options(TypedDict, total=False):
    """The keywords of a call, with the meaning of the command line's options of the same names.

    Those that are left out come from the environment and importer.toml.
    """

    opal_token: str
    rootly_token: str
    opal_base_url: str
    rootly_base_url: str
    pagerduty_token: str
    pagerduty_base_url: str
    opsgenie_api_key: str
    opsgenie_base_url: str
    https_proxy: str
    no_proxy: str
    sheet: Sequence[str]
    hidden_rows: str
    encoding: str
    timezone: str
    provider: str
    mapping: str | os.PathLike[str] | Mapping[str, Any]  #: a file, or its contents
    date_order: str
    until: str
    sandbox: bool
    rate: Mapping[str, float] | Sequence[str]  #: requests a second by target, or texts such as `opal=50/s`
    headroom: float | str  #: 0.2 or "20%"
    concurrency: int
    ca_file: str | os.PathLike[str]
    if_exists: str
    replace_overrides: bool
    strict: bool
    fail_on: str
    plan: str | os.PathLike[str]  #: written by `check`; `run` sends exactly what it says
    canary: int
    no_closing_look: bool
    xlsx: bool
    mend_by_source: bool
    contact: str
    wait: bool
    reports: str | os.PathLike[str]
    junit: str | os.PathLike[str]
    verbose: bool  #: run.log has every request
    settle: float
    request_timeout: float
    breaker_timeout: float
    max_bytes: int
    max_rows: int
    max_columns: int
    max_cell: int
    observer: RunObserver  #: gets the progress
    interrupted: anyio.Event  #: set it to end the run early and in order


async def run(*sources: Source, **options: Unpack[Options]) -> Result:
    """Read and check every row of the sources, send the good ones, write the report.

    A source is a path, `-` for standard input, or a pandas DataFrame with the columns that a file would have.

    Raises:
        ImporterError: the run cannot go on. Rows that fail are not errors; they are in the result.
    """
    from importer.commands import run as commands
    from importer.session import control

    return await commands.run(sources, *control.prepare(options))


async def check(*sources: Source, online: bool = False, **options: Unpack[Options]) -> Result:
    """Read and check every row of the sources; write nothing. `online` also asks the targets what exists.

    Raises: as `run`.
    """
    from importer.commands import run as commands
    from importer.session import control

    return await commands.check(sources, *control.prepare(options), is_online=online)


async def rerun(*run_or_reports: str | os.PathLike[str], **options: Unpack[Options]) -> Result:
    """Send again what has not succeeded, from a run's folder or from its report, edited or not.

    Several reports must be of one run, such as the workbooks of its sources.

    Raises: as `run`.
    """
    from importer.commands import run as commands
    from importer.session import control

    return await commands.rerun(list(map(control.read_run, run_or_reports)), *control.prepare(options))


async def undo(run: str | os.PathLike[str], **options: Unpack[Options]) -> Result:
    """Delete what a run created, newest first, and nothing else; `run` is its folder or its name.

    Raises: as `run`.
    """
    from importer.commands import undo as commands
    from importer.session import control

    return await commands.undo(control.read_run(run), *control.prepare(options))
