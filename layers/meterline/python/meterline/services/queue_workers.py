"""The workers behind the queues of due work."""

from collections.abc import Callable

from meterline.services.due_work import do_due_work, is_due
from meterline.services.metrics import measure
from meterline.services.test_clocks import run_test_clock
from meterline.services.workers import (
    BatchAnswer,
    Record,
    each_record,
    message_id,
    worker_context,
)
from meterline.store.queues import DueMessage, enqueue


def do_due_batch(records: list[Record], *, work: str) -> BatchAnswer:
    """Do the due work of the objects that SQS records name, at the wall clock's time.

    ``work`` names it in the metrics: renewals or invoices.
    """
    return _measured(records, _do_due, work)


def run_clock_batch(
    records: list[Record], has_time: Callable[[], bool] = lambda: True
) -> BatchAnswer:
    """Run the test clocks that SQS records name up to their targets, while there is time."""
    return _measured(records, lambda record: _run_clock(record, has_time), "clocks")


def _measured(records: list[Record], do: Callable[[Record], None], work: str) -> BatchAnswer:
    answer = each_record(records, do, message_id)
    failed = len(answer["batchItemFailures"])
    measure("Count", work=work, WorkDone=len(records) - failed, WorkFailed=failed)
    return answer


def _do_due(record: Record) -> None:
    """Do an object's work, and send what that leaves due at once; the sweep finds it otherwise."""
    message = DueMessage.parse(record["body"])
    ctx = worker_context(livemode=message.livemode)
    latest = {one.id: one for one in do_due_work(ctx, message.object_id)}
    enqueue(DueMessage(ctx.livemode, one.id) for one in latest.values() if is_due(one, ctx.now))


def _run_clock(record: Record, has_time: Callable[[], bool]) -> None:
    message = DueMessage.parse(record["body"])
    run_test_clock(worker_context(livemode=message.livemode), message.object_id, has_time)
