"""The questions before anything is written to a target, and how their answers are read."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import partial

import anyio
import anyio.to_thread

from importer.cli.console import Console
from importer.cli.json_lines import deletions
from importer.cli.summary import count_groups, count_schedules, how_long
from importer.session.control import Canary, Consent, Plan
from importer.wording import count_of, escape


async def confirm_plan(console: Console, interrupted: anyio.Event, plan: Plan) -> Consent:
    """Ask before the first write. Nothing else goes on meanwhile, so this waits for the answer."""
    if plan.overview is not None:
        console.show_overview(plan.overview)
    can_show = not plan.undo_of
    question = f"{ask_about(plan)}{' (show: the plan)' if can_show else ''}"
    return await _confirm(console, interrupted, question, can_show=can_show)


async def confirm_rest(console: Console, interrupted: anyio.Event, canary: Canary) -> bool:
    """Ask whether the rest may follow the first records, as `confirm_plan` does."""
    number = sum(canary.left.values())
    what = "record" if number == 1 else f"{number:,} records"
    question = f"Send the other {what} to {', '.join(canary.left)}?"
    return await _confirm(console, interrupted, question) is Consent.YES


async def _confirm(console: Console, interrupted: anyio.Event, question: str, *, can_show: bool = False) -> Consent:
    """Ask, and listen for signals meanwhile: a signal ends the question, and then the run, as everywhere else."""
    answer = Consent.NO

    async def ask(scope: anyio.CancelScope) -> None:
        nonlocal answer
        # An abandoned thread goes on waiting for a line: an interrupted command therefore ends with os._exit.
        read = partial(_read_answer, console, question, can_show=can_show)
        answer = await anyio.to_thread.run_sync(read, abandon_on_cancel=True)
        scope.cancel()

    with console.paused():
        async with anyio.create_task_group() as group:
            group.start_soon(ask, group.cancel_scope)
            await interrupted.wait()
            group.cancel_scope.cancel()
    return Consent.NO if interrupted.is_set() else answer


def _read_answer(console: Console, question: str, *, can_show: bool) -> Consent:
    """Ask until the answer is valid; an empty one is no. Not click's prompt: it redirects standard output meanwhile."""
    yes, no = Consent.YES, Consent.NO
    answers = {"y": yes, "yes": yes, "n": no, "no": no, "": no, **({"show": Consent.SHOW} if can_show else {})}
    while True:
        console.ask(f"{question} [y/N]: ")
        answer = sys.stdin.readline().strip().lower()
        if answer in answers:
            return answers[answer]
        console.ask("Answer y, n or show.\n" if can_show else "Answer y or n.\n")


def ask_about(plan: Plan) -> str:
    """Return the question before the first write."""
    if plan.undo_of:
        return _ask_about_undo(plan)
    where = ", ".join(f"{target} ({plan.base_urls[target]})" for target in plan.to_send)
    on = f", on {_named(plan.schedules)}" if plan.schedules else ""
    return f"Send {count_of(sum(plan.to_send.values()), 'record')} to {where}{on}{how_long(plan, ' in ')}?"


def _named(names: Sequence[str]) -> str:
    more = len(names) - _MOST_NAMED
    shown = ", ".join(escape(name, 80) for name in names[:_MOST_NAMED])
    return f"{shown} and {count_of(more, 'more schedule')}" if more > 0 else shown


def _ask_about_undo(plan: Plan) -> str:
    by_target = deletions(plan)
    parts = [f"take {count_schedules(plan)} out of {count_groups(plan)}"] if plan.to_unbind else []
    number = count_of(sum(by_target.values()), "record")
    parts += [f"delete {number} from {', '.join(by_target)}"] if by_target else []
    question = ", and ".join(parts)
    return f"{question[:1].upper()}{question[1:]}{how_long(plan, ' in ')}?"


_MOST_NAMED = 2  # schedules in a question
