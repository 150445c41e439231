"""Verbs of scheduled subscriptions come after the change of phase that is overdue.

A phase changes at its second; the work on it is done within a minute. What is asked for in between
is decided after it.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from meterline.api.operations import Operation
from meterline.services.base.context import Context
from meterline.services.subscriptions.schedule_steps import PhaseOverdueError


def caught_up(operation: Operation) -> Operation:
    """The same operation, which has overdue work on its subscription done before its own."""
    return replace(operation, run=_caught_up(operation.run)) if operation.writes else operation


def _caught_up(verb: Callable[..., Any]) -> Callable[..., Any]:
    def run(ctx: Context, *given: Any) -> Any:  # noqa: ANN401 - as any verb
        try:
            return verb(ctx, *given)
        except PhaseOverdueError as overdue:
            from meterline.services.work.due_work import do_due_work  # noqa: PLC0415 - hardly ever

            do_due_work(replace(ctx, origin=None, receipt=None), overdue.subscription_id)
            return verb(ctx, *given)

    return run
