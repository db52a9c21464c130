"""The command line: options to settings, errors to text and exit status, here and nowhere else."""

from __future__ import annotations

import io
import os
import signal
import sys
from functools import partial, reduce
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import click

from importer.errors import ImporterError, InterruptedReadingError, UnexpectedError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    import anyio

    from importer.console import Console
    from importer.guide import Guide, Plan
    from importer.results import Result
    from importer.sandbox import FaultPlan
    from importer.settings import Settings

    Decorator: TypeAlias = Callable[[Any], Any]
    Action: TypeAlias = Callable[[Settings, Guide], Awaitable[Result]]

_EXITS = {InterruptedReadingError: 130, UnexpectedError: 4}  # every other error ends a command before anything was sent

# Importing what a command needs is left to the command: `--help` must not pay for it. Options that were not given are
# None or False or empty, and do not hide what the environment or importer.toml says.


def _options(*decorators: Decorator) -> Decorator:
    """Make one decorator of many; the first stands first in the help."""
    return lambda command: reduce(lambda decorated, option: option(decorated), reversed(decorators), command)


_sources = click.argument("sources", metavar="SOURCE...", nargs=-1, required=True)
_sheet = click.option("--sheet", multiple=True, metavar="NAME", help="Read only this sheet; repeatable.")
_normalizing = _options(
    click.option("--timezone", metavar="ZONE", help="Zone of times without an offset, as Europe/Berlin."),
    click.option("--provider", metavar="NAME", help="Provider of schedule rows that name none."),
)
_reaching = _options(
    click.option("--sandbox", is_flag=True, help="Use the embedded stand-in: no account, no token."),
    click.option("--rate", multiple=True, metavar="TARGET=N/s", help="As opal=50/s, rootly=3000/min, opal=none."),
    click.option("--headroom", metavar="SHARE", help="Share of the limits left to others, as 20%."),
    click.option("--concurrency", type=int, metavar="N", help="Requests in flight per target.  [default: 20]"),
)
_writing = _options(
    click.option("--if-exists", metavar="skip|fail", help="What a record that exists becomes.  [default: skip]"),
    click.option("--strict", is_flag=True, help="Send nothing while any row is invalid."),
    click.option("--xlsx", is_flag=True, help="Make report.xlsx beyond 20,000 rows, too."),
    click.option("--wait", is_flag=True, help="Wait for another run with the same token to end."),
    click.option("--yes", "-y", is_flag=True, help="Do not ask before writing."),
)
_reports = click.option("--reports", type=Path, metavar="DIR", help="Folder of the runs' folders.  [default: reports]")
_telling = _options(
    click.option("--json", "json_output", is_flag=True, help="One JSON object a line on standard output."),
    click.option("--quiet", "-q", is_flag=True, help="Print the end only."),
)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="oncall-importer", message="oncall-importer %(version)s")
def app() -> None:
    """Bulk-import on-call schedules (Opal) and shadows (Rootly) from CSV and XLSX: nothing lost, nothing twice."""


@app.command()
@_options(_sources, _sheet, _normalizing, _reaching, _writing, _reports, _telling)
def run(sources: tuple[str, ...], **options: Any) -> None:
    """Read and check every row, then send the good ones, then write the report.

    SOURCE is a CSV or XLSX file; - is standard input.
    """
    _perform(options, lambda settings, guide: _pipeline().run(sources, settings, guide))


@app.command()
@_options(_sources, _sheet, _normalizing, _reaching, _reports, _telling)
@click.option("--online", is_flag=True, help="Also ask the targets what exists already.")
def check(sources: tuple[str, ...], online: bool, **options: Any) -> None:
    """Read and check every row just as `run` does; write nothing."""
    _perform(
        options,
        lambda settings, guide: _pipeline().check(sources, settings, guide, is_online=online),
        is_check=True,
    )


@app.command()
@click.argument("run_or_report")
@_options(_normalizing, _reaching, _writing, _reports, _telling)
def rerun(run_or_report: str, **options: Any) -> None:
    """Send again, but only rows that have not succeeded.

    RUN_OR_REPORT is a run's folder, also of an interrupted run, or a report file, edited by hand or not.
    """
    _perform(options, lambda settings, guide: _pipeline().rerun(run_or_report, settings, guide))


@app.command()
@_reports
@click.option("--port", type=int, default=8765, show_default=True, help="Port on this machine; 0 takes a free one.")
@click.option("--faults", type=Path, metavar="FILE", help="Fail by a plan: which fault at which request.")
@click.option("--reset", is_flag=True, help="Empty it, and end.")
def sandbox(port: int, faults: Path | None, reset: bool, **options: Any) -> None:
    """Serve the embedded stand-in for both APIs until stopped."""
    _guarded(partial(_serve, options, port, faults, reset=reset))


def main() -> None:
    """Run the command line; the process exits with the status that product and README tell."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # as stderr does: whatever it cannot show must not end a run
    app()


def _pipeline() -> Any:
    """Import what a run needs; `--help` must not pay for it."""
    from importer import pipeline

    return pipeline


def _load(options: dict[str, Any]) -> Settings:
    from importer.settings import load_settings

    # Not `value not in (None, False, ())`: 0 is equal to False, and was given.
    given = {name: value for name, value in options.items() if value is not None and value is not False and value != ()}
    return load_settings(given)


def _perform(options: dict[str, Any], action: Action, *, is_check: bool = False) -> None:
    def act() -> int:
        from importer.console import Console

        settings = _load(options)
        console = Console(is_quiet=settings.quiet, is_json=settings.json_output)
        result = _await_with_signals(partial(_guided, action, settings, console), console)
        if is_check:
            console.show_check(result)
            return result.check_status
        console.show_result(result, settings.reports)
        return result.exit_status

    _guarded(act)


async def _guided(
    action: Action,
    settings: Settings,
    console: Console,
    interrupted: anyio.Event,
) -> Result:
    from importer.guide import Guide

    is_asking = sys.stdin.isatty() and sys.stderr.isatty() and not settings.yes
    with console.live():
        guide = Guide(console, interrupted, partial(_ask, console) if is_asking else None)
        return await action(settings, guide)


async def _ask(console: Console, plan: Plan) -> bool:
    """Ask before the first write. Nothing else goes on meanwhile, so the answer is waited for right here."""
    number = sum(plan.to_send.values())
    with console.paused():
        watching = signal.signal(signal.SIGINT, signal.default_int_handler)  # else Ctrl-C would not end the question
        try:
            return click.confirm(f"Send {number} records to {', '.join(plan.to_send)}?", err=True)
        except click.Abort:
            return False
        finally:
            signal.signal(signal.SIGINT, watching)


def _await_with_signals(command: Callable[[anyio.Event], Awaitable[Result]], console: Console) -> Result:
    """Run a command; the first SIGINT or SIGTERM ends it in order, the second at once."""
    import anyio

    async def supervise() -> Result:
        interrupted = anyio.Event()
        async with anyio.create_task_group() as group:
            group.start_soon(_watch_signals, interrupted, console)
            result = await command(interrupted)
            group.cancel_scope.cancel()
        return result

    return anyio.run(supervise)


async def _watch_signals(interrupted: anyio.Event, console: Console) -> None:
    import anyio

    with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async for _ in signals:
            if interrupted.is_set():
                os._exit(130)  # what is in flight is in doubt in the journal; rerun asks about it
            interrupted.set()
            console.tell("interrupted: finishing what is in flight (again to stop at once)", style="yellow")


def _serve(options: dict[str, Any], port: int, faults: Path | None, *, reset: bool) -> int:
    import anyio

    from importer import sandbox as stand_in
    from importer.pipeline import SANDBOX_STATE

    state = _load(options).reports / SANDBOX_STATE
    if reset:
        stand_in.reset(state)
        click.echo(f"{state} is empty")
        return 0
    state.parent.mkdir(parents=True, exist_ok=True)
    plan = stand_in.read_faults(faults) if faults else None
    anyio.run(_serve_until_stopped, state, port, plan)
    return 0


async def _serve_until_stopped(state: Path, port: int, plan: FaultPlan | None) -> None:
    import anyio

    from importer import sandbox as stand_in

    async with stand_in.serve(state, port=port, faults=plan) as address:
        click.echo(f"export OPAL_BASE_URL={address.opal} OPAL_TOKEN={stand_in.TOKEN}")
        click.echo(f"export ROOTLY_BASE_URL={address.rootly} ROOTLY_TOKEN={stand_in.TOKEN}")
        click.echo("serving until Ctrl-C", err=True)
        with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
            async for _ in signals:
                return


def _guarded(act: Callable[[], int]) -> None:
    """Turn errors into one sentence and an exit status."""
    failures: list[ImporterError] = []
    status = 2
    try:
        status = act()
    except* ImporterError as group:
        failures.extend(_leaves(group))
    except* KeyboardInterrupt:
        status = 130
    except* Exception as group:  # a bug of ours, or something that nobody thought of
        if os.environ.get("IMPORTER_DEBUG"):
            raise
        failures.append(_unexpected(group))
    if failures:
        from importer.console import Console

        for failure in failures:
            Console().fail(failure)
        status = next((_EXITS[type(failure)] for failure in failures if type(failure) in _EXITS), 2)
    if status == 130:  # a thread may still wait for standard input, and would keep the process
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
    sys.exit(status)


def _unexpected(group: BaseExceptionGroup[Exception]) -> UnexpectedError:
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return UnexpectedError(
        f"something went wrong that should not have: {type(error).__name__}",
        hint="what was sent is in the run's journal: rerun its folder; IMPORTER_DEBUG=1 shows where it happened",
    )


def _leaves(group: BaseExceptionGroup[ImporterError]) -> list[ImporterError]:
    leaves: list[ImporterError] = []
    for error in group.exceptions:
        leaves.extend(_leaves(error) if isinstance(error, BaseExceptionGroup) else [error])
    return leaves
