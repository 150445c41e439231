"""The workers behind the queues of due work; ``message_tries`` says what becomes of a message."""

from collections.abc import Callable

from meterline.observability import record_metric
from meterline.observability.batches import process_messages
from meterline.services.base.context import Context
from meterline.services.base.workers import BatchAnswer, Record
from meterline.services.work.due_work import do_due_work, is_due
from meterline.services.work.message_tries import MOST_TRIES, MessageTry, hold_batch, receives
from meterline.services.work.test_clocks import fail_test_clock, run_test_clock
from meterline.store.base.failures import passes
from meterline.store.work.queues import DueMessage, enqueue


def do_due_batch(
    records: list[Record], *, work: str, seconds_left: int | None = None
) -> BatchAnswer:
    """Do the due work of the objects that SQS records name, at the wall clock's time.

    ``work`` names it in the metrics: renewals or invoices. The worker has ``seconds_left``.
    """
    hold_batch(records, seconds_left)
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
    hold_batch(records, seconds_left)
    return _measured(
        records, lambda record, ctx, clock: _run_clock(record, ctx, clock, has_time), "clocks"
    )


def _measured(
    records: list[Record], do: Callable[[Record, Context, str], None], work: str
) -> BatchAnswer:
    answer = process_messages(records, lambda record: _try(record, do))
    failed = len(answer["batchItemFailures"])
    record_metric("Count", work=work, WorkDone=len(records) - failed, WorkFailed=failed)
    return answer


def _try(record: Record, do: Callable[[Record, Context, str], None]) -> None:
    """Do what a message asks for."""
    one_try = MessageTry.of(record)
    ctx = one_try.context()
    try:
        if one_try.is_last:
            _do_last(one_try, record, ctx, do)
        else:
            do(record, ctx, one_try.message.object_id)
    except Exception as error:
        if not one_try.is_settled_after(error):
            raise


def _do_last(
    one_try: MessageTry,
    record: Record,
    ctx: Context,
    do: Callable[[Record, Context, str], None],
) -> None:
    """Do the work as the last try: note the object as stuck, and forget the note on success."""
    object_id = one_try.message.object_id
    document = ctx.store.get(object_id)
    due_at = (document and document.due_at) or 0
    one_try.note_stuck(due_at, ctx.wall_clock)
    try:
        do(record, ctx, object_id)
    except Exception as error:
        one_try.note_stuck(due_at, ctx.wall_clock, type(error).__name__)
        raise
    one_try.forget_stuck()


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
        has_failed = receives(record) >= MOST_TRIES and not passes(error)
        if not has_failed or not fail_test_clock(ctx, clock_id, error):
            raise
