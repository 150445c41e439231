"""The workers behind the queues of due work.

A message that fails comes again, later each time. Before its last try the worker notes its object
as stuck. Should that try fail too, the message comes again soon until it is a dead letter, and the
sweep sends no other one until an operator has sent it again.

A message that fails for a passing reason is never given up: after its last try the worker sends it
afresh, without a note. A receive counts though no worker had room for it, so the last try may well
be the first.

A batch whose worker is killed comes again when that worker's time would have been over. Its queue
would wait six times as long, which is for batches that no worker has begun.
"""

from collections.abc import Callable
from contextlib import suppress

from meterline.observability import logger, record_metric
from meterline.observability.batches import process_messages
from meterline.services.base.context import Context
from meterline.services.base.workers import BatchAnswer, Record, worker_context
from meterline.services.work.due_work import do_due_work, is_due
from meterline.services.work.test_clocks import fail_test_clock, run_test_clock
from meterline.store.base.failures import UNANSWERED, passes
from meterline.store.work.queues import DueMessage, enqueue, hold, queue_of, wait_before_next_try
from meterline.store.work.stuck import Stuck, forget_stuck, note_stuck

MOST_TRIES = 5
"""After so many receives a message is given up. The template's queues let it come more often: while
the account is short of concurrency, messages are received and thrown back before a worker begins.
"""


_LATE_SECONDS = 15
"""After a worker's time, until which what it has done is taken off its queue."""


def do_due_batch(
    records: list[Record], *, work: str, seconds_left: int | None = None
) -> BatchAnswer:
    """Do the due work of the objects that SQS records name, at the wall clock's time.

    ``work`` names it in the metrics: renewals or invoices. The worker has ``seconds_left``.
    """
    _hold(records, seconds_left)
    return _measured(records, _do_due, work)


def run_clock_batch(
    records: list[Record],
    has_time: Callable[[], bool] = lambda: True,
    *,
    seconds_left: int | None = None,
) -> BatchAnswer:
    """Run the test clocks that SQS records name up to their targets, while there is time.

    The worker has ``seconds_left``. A clock whose work fails at the last try, for a reason that
    does not pass by itself, has failed.
    """
    _hold(records, seconds_left)
    return _measured(
        records, lambda record, ctx, clock: _run_clock(record, ctx, clock, has_time), "clocks"
    )


def _hold(records: list[Record], seconds_left: int | None) -> None:
    """Keep the messages of a batch from other workers only as long as this one can live."""
    handles = [record["receiptHandle"] for record in records if record.get("receiptHandle")]
    if seconds_left is None or not handles:
        return
    with suppress(ValueError, KeyError):  # what cannot be read fails by itself, and alone
        url = queue_of(DueMessage.parse(records[0]["body"]))
        hold(url, handles, seconds_left + _LATE_SECONDS)


def _measured(
    records: list[Record], do: Callable[[Record, Context, str], None], work: str
) -> BatchAnswer:
    answer = process_messages(records, lambda record: _try(record, do))
    failed = len(answer["batchItemFailures"])
    record_metric("Count", work=work, WorkDone=len(records) - failed, WorkFailed=failed)
    return answer


def _try(record: Record, do: Callable[[Record, Context, str], None]) -> None:
    """Do what a message asks for.

    A message that fails waits the longer the more often it has failed. Once it is given up it waits
    no longer than at first.
    """
    message = DueMessage.parse(record["body"])
    logger.append_keys(object=message.object_id)
    if message.correlation_id:
        logger.set_correlation_id(message.correlation_id)
    ctx = worker_context(livemode=message.livemode)
    try:
        if _is_last_try(record):
            _do_last(record, ctx, message.object_id, do)
        else:
            do(record, ctx, message.object_id)
    except Exception as error:
        if _is_last_try(record) and passes(error):
            _send_afresh(message, error)
            return
        tries = 1 if _is_last_try(record) else _tries(record)
        wait_before_next_try(message, record.get("receiptHandle", ""), tries)
        raise


def _send_afresh(message: DueMessage, error: Exception) -> None:
    """Send a message again, with all its tries, in place of the one that was received too often.

    Should its note as stuck stay, the message is under way all the same.
    """
    enqueue([message])
    logger.warning("sent afresh", error=type(error).__name__)
    with suppress(*UNANSWERED):
        forget_stuck(message.livemode, message.object_id)


def _do_last(
    record: Record, ctx: Context, object_id: str, do: Callable[[Record, Context, str], None]
) -> None:
    """Do the work as the last try: note the object as stuck, and forget the note on success."""
    document = ctx.store.get(object_id)
    due_at = (document and document.due_at) or 0
    note_stuck(ctx.livemode, object_id, Stuck(due_at, ctx.wall_clock, "the function died"))
    try:
        do(record, ctx, object_id)
    except Exception as error:
        note_stuck(ctx.livemode, object_id, Stuck(due_at, ctx.wall_clock, type(error).__name__))
        raise
    forget_stuck(ctx.livemode, object_id)


def _do_due(_record: Record, ctx: Context, object_id: str) -> None:
    """Do an object's work, and send what is then due at once, before the sweep would find it."""
    latest = {document.id: document for document in do_due_work(ctx, object_id)}
    enqueue(
        DueMessage(ctx.livemode, document.kind, document.id)
        for document in latest.values()
        if is_due(document, ctx.now)
    )


def _run_clock(record: Record, ctx: Context, clock_id: str, has_time: Callable[[], bool]) -> None:
    try:
        run_test_clock(ctx, clock_id, has_time)
    except Exception as error:
        has_failed = _is_last_try(record) and not passes(error)
        if not has_failed or not fail_test_clock(ctx, clock_id, error):
            raise


def _is_last_try(record: Record) -> bool:
    return _tries(record) >= MOST_TRIES


def _tries(record: Record) -> int:
    return int(record.get("attributes", {}).get("ApproximateReceiveCount", 1))
