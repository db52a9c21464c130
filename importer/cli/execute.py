"""A command's work from settings to exit status: errors become text, signals end it in order."""

from __future__ import annotations

import gc
import os
import signal
import sys
from contextlib import nullcontext
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from importer.errors import ImporterError, InterruptedReadingError, SourcesError, UnexpectedError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from contextlib import AbstractContextManager

    import anyio

    from importer.cli.output.console import Console
    from importer.result import Result
    from importer.session.control import Canary, Plan, RunControl
    from importer.settings import Settings


if TYPE_CHECKING:
    Action: TypeAlias = Callable[[Settings, RunControl], Awaitable[Result]]
    ReadingAction: TypeAlias = Callable[[Settings, RunControl, Console], Awaitable[int]]

AnyResult = TypeVar("AnyResult")

_EXITS = {InterruptedReadingError: 130, UnexpectedError: 4}  # every other error ends a command before anything was sent


def given_options(options: dict[str, Any]) -> dict[str, Any]:
    # Not `value not in (None, False, ())`: 0 is equal to False, and was given.
    return {name: value for name, value in options.items() if value is not None and value is not False and value != ()}


def load(options: dict[str, Any]) -> Settings:
    from importer.settings import load_settings

    return load_settings(given_options(options), is_library=False)


def spare_collector() -> None:
    """Have Python look for cycles more rarely: rows come by the million and hold none. Saves a sixth of a check."""
    gc.collect()
    gc.freeze()  # what was imported stays
    gc.set_threshold(100_000, 20, 100)


def perform(options: dict[str, Any], action: Action, *, is_check: bool = False) -> None:
    def act() -> int:
        from importer.cli.output.console import Console

        spare_collector()
        settings = load(options)
        console = Console(is_quiet=settings.quiet, is_json=settings.json, is_check=is_check)
        with _showing_requests(settings, console):
            result = _await_with_signals(partial(_guided, action, settings, console), console)
        if is_check:
            console.show_check(result)
            return result.check_status
        console.show_result(result, settings.reports)
        return result.exit_status

    guard(act)


def perform_reading(options: dict[str, Any], action: ReadingAction) -> None:
    """Perform a command that writes to no target; the action returns the exit status."""

    def act() -> int:
        from importer.cli.output.console import Console
        from importer.session.control import RunControl

        settings = load(options)
        console = Console(is_quiet=settings.quiet, is_json=settings.json)

        async def command(interrupted: anyio.Event) -> int:
            return await action(settings, RunControl(console, interrupted), console)

        with _showing_requests(settings, console):
            return _await_with_signals(command, console)

    guard(act)


def _showing_requests(settings: Settings, console: Console) -> AbstractContextManager[None]:
    if not settings.verbose:
        return nullcontext()
    from importer.cli.output.stream import RequestLines
    from importer.log import attached

    return attached(RequestLines(console.show_request))


async def _guided(
    action: Action,
    settings: Settings,
    console: Console,
    interrupted: anyio.Event,
) -> Result:
    from importer.session.control import RunControl

    is_asking = sys.stdin.isatty() and sys.stderr.isatty() and not settings.yes
    with console.live():
        asking = (
            (partial(_ask, console, interrupted), partial(_ask_for_rest, console, interrupted))
            if is_asking
            else (None, None)
        )
        control = RunControl(console, interrupted, *asking)
        return await action(settings, control)


async def _ask(console: Console, interrupted: anyio.Event, plan: Plan) -> bool:
    """Ask before the first write. Nothing else goes on meanwhile, so the answer is waited for right here."""
    from importer.cli.output.plan import ask_about

    return await _confirm(console, interrupted, ask_about(plan))


async def _ask_for_rest(console: Console, interrupted: anyio.Event, canary: Canary) -> bool:
    """Ask whether the rest may follow the first records, as `_ask`."""
    number = sum(canary.left.values())
    what = "record" if number == 1 else f"{number} records"
    return await _confirm(console, interrupted, f"Send the other {what} to {', '.join(canary.left)}?")


async def _confirm(console: Console, interrupted: anyio.Event, question: str) -> bool:
    """Ask, and go on listening for signals meanwhile: one ends the question, and then the run, as everywhere else."""
    import anyio
    import anyio.to_thread

    said_yes = False

    async def ask(scope: anyio.CancelScope) -> None:
        nonlocal said_yes
        # A thread that is left behind goes on waiting for a line: what was interrupted ends with os._exit.
        said_yes = await anyio.to_thread.run_sync(_read_answer, console, question, abandon_on_cancel=True)
        scope.cancel()

    with console.paused():
        async with anyio.create_task_group() as group:
            group.start_soon(ask, group.cancel_scope)
            await interrupted.wait()
            group.cancel_scope.cancel()
    return said_yes and not interrupted.is_set()


def _read_answer(console: Console, question: str) -> bool:
    """Ask until the answer is yes or no; none is no. Not click's: it redirects standard output while it waits."""
    answers = {"y": True, "yes": True, "n": False, "no": False, "": False}
    while True:
        console.ask(f"{question} [y/N]: ")
        answer = sys.stdin.readline().strip().lower()
        if answer in answers:
            return answers[answer]
        console.ask("Answer y or n.\n")


def _await_with_signals(command: Callable[[anyio.Event], Awaitable[AnyResult]], console: Console) -> AnyResult:
    """Run a command; the first SIGINT or SIGTERM ends it in order, the second at once."""
    import anyio

    async def supervise() -> AnyResult:
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


def guard(act: Callable[[], int]) -> None:
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
        from importer.cli.output.console import Console

        for failure in failures:
            for error in failure.errors if isinstance(failure, SourcesError) else (failure,):
                Console().fail(error)
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
