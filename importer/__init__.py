"""Bulk-import on-call schedules and shadows from spreadsheets: nothing lost, nothing twice.

The library: `run`, `check`, `rerun` and `undo` mean what the commands of the same name mean. Importing it costs
nothing; what a call needs is imported by the call.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping, Sequence
    from typing import Unpack

    import anyio

    from importer.reader.read import Source
    from importer.result import Result
    from importer.session.control import RunObserver

__all__ = ["Options", "check", "rerun", "run", "undo"]


class Options(TypedDict, total=False):
    """What the command line's options of the same name mean; the environment counts for what is left out."""

    sandbox: bool
    reports: str | os.PathLike[str]
    sheet: Sequence[str]
    timezone: str
    provider: str
    mapping: str | os.PathLike[str]
    date_order: str
    until: str
    rate: Mapping[str, float] | Sequence[str]  #: requests a second by target, or texts as `opal=50/s`
    headroom: float  #: 0.2 is 20 %
    concurrency: int
    if_exists: str
    strict: bool
    canary: int
    junit: str | os.PathLike[str]
    wait: bool
    xlsx: bool
    verbose: bool  #: run.log has every request
    settle: float
    request_timeout: float
    breaker_timeout: float
    max_bytes: int
    max_rows: int
    max_columns: int
    max_cell: int
    opal_token: str
    rootly_token: str
    opal_base_url: str
    rootly_base_url: str
    ca_file: str | os.PathLike[str]
    observer: RunObserver  #: is told how it goes on
    interrupted: anyio.Event  #: set it to end the run early and in order


async def run(*sources: Source, **options: Unpack[Options]) -> Result:
    """Read and check every row of the sources, send the good ones, write the report.

    A source is a path, `-` for standard input, or a pandas DataFrame with the columns that a file would have.

    Raises:
        ImporterError: the run cannot go on; rows that fail are no error but stand in the result.
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


async def rerun(run_or_report: str | os.PathLike[str], **options: Unpack[Options]) -> Result:
    """Send again what has not succeeded, from a run's folder or from its report, edited or not.

    Raises: as `run`.
    """
    import os

    from importer.commands import run as commands
    from importer.session import control

    return await commands.rerun(os.fspath(run_or_report), *control.prepare(options))


async def undo(run: str | os.PathLike[str], **options: Unpack[Options]) -> Result:
    """Delete what a run created, the newest first, and nothing else; `run` is its folder or its name.

    Raises: as `run`.
    """
    import os

    from importer.commands import undo as commands
    from importer.session import control

    return await commands.undo(os.fspath(run), *control.prepare(options))
