"""The workers behind the queues of due work."""

from meterline.services.due_work import do_due_work
from meterline.services.test_clocks import run_test_clock
from meterline.services.workers import (
    BatchAnswer,
    Record,
    each_record,
    message_id,
    worker_context,
)
from meterline.store.queues import DueMessage


def do_due_batch(records: list[Record]) -> BatchAnswer:
    """Do the due work of the objects that SQS records name, at the wall clock's time."""
    return each_record(records, _do_due, message_id)


def run_clock_batch(records: list[Record]) -> BatchAnswer:
    """Run the test clocks that SQS records name up to their targets."""
    return each_record(records, _run_clock, message_id)


def _do_due(record: Record) -> None:
    message = DueMessage.parse(record["body"])
    do_due_work(worker_context(livemode=message.livemode), message.object_id)


def _run_clock(record: Record) -> None:
    message = DueMessage.parse(record["body"])
    run_test_clock(worker_context(livemode=message.livemode), message.object_id)
