"""The usage watch: alerts, billing thresholds, late usage and estimates, once usage is counted.

A record that is delivered again emits nothing: the id of what it stores follows from it.
"""

from collections.abc import Sequence
from functools import cache

from meterline.services.base.context import Context
from meterline.services.base.ids import derived_object_id
from meterline.services.base.outbox import EventDraft
from meterline.services.base.stream_workers import UNBOUNDED, Invocation, StreamWorker
from meterline.services.base.workers import BatchAnswer, Record, worker_context
from meterline.services.invoices.late_usage_detection import emit_late_usage
from meterline.services.metering.alerts import watch_usage
from meterline.services.metering.lifetime import forget_if_old
from meterline.services.metering.usage_stream import UsageChange, usage_change
from meterline.services.subscriptions.threshold_terms import marked
from meterline.store.base.documents import Change, Conflict, Document
from meterline.store.metering.usage import HOUR_SECONDS, BucketKey

ESTIMATE = "meterline.usage_estimate"

WORKER = StreamWorker(
    read=usage_change,
    subject=lambda change: (change.bucket.livemode, change.bucket.customer),
)
"""A customer whose usage fails to be watched does not hold up others."""


def watch_batch(records: Sequence[Record], invocation: Invocation = UNBOUNDED) -> BatchAnswer:
    """Watch the usage that a batch of the Usage stream changed.

    Records that fail come again; those of a customer that fail for too long are set aside. Many
    records of a batch are of one customer and meter, or of one hour: each of these is watched once.
    """
    look_at_hour, look_at_all = cache(_look_at_hour), cache(_look_at_all)
    look_at_customer = cache(_look_at_customer)

    def look(change: UsageChange) -> None:
        bucket = change.bucket
        if change.became_estimate:
            emit_estimate(worker_context(livemode=bucket.livemode), bucket)
        look_at_hour(bucket)
        look_at_all(bucket.livemode, bucket.meter, bucket.customer)
        look_at_customer(bucket.livemode, bucket.customer)

    return WORKER.do(records, look, invocation)


def emit_estimate(ctx: Context, bucket: BucketKey) -> None:
    """Emit, once, that an hour has more distinct values than are counted exactly."""
    body = {
        "id": derived_object_id("meterline.usage_estimate", *bucket),
        "object": ESTIMATE,
        "created": ctx.now,
        "customer": bucket.customer,
        "end_time": bucket.start + HOUR_SECONDS,
        "livemode": bucket.livemode,
        "meter": bucket.meter,
        "start_time": bucket.start,
    }
    document = Document(ESTIMATE, ctx.livemode, body, parent=bucket.customer)
    try:
        ctx.save(Change(puts=[document]), [EventDraft(f"{ESTIMATE}.began", body)])
    except Conflict:
        return


def _look_at_hour(bucket: BucketKey) -> None:
    ctx = worker_context(livemode=bucket.livemode)
    forget_if_old(bucket, now=ctx.wall_clock)
    emit_late_usage(ctx, bucket)


def _look_at_all(livemode: bool, meter: str, customer: str) -> None:  # noqa: FBT001 - a part of the key
    watch_usage(worker_context(livemode=livemode), meter, customer)


def _look_at_customer(livemode: bool, customer: str) -> None:  # noqa: FBT001 - a part of the key
    ctx = worker_context(livemode=livemode)
    document = ctx.store.get(customer)
    if document is not None and marked(document.body):
        from meterline.services.subscriptions.thresholds import (  # noqa: PLC0415 - seldom needed
            bill_thresholds,
        )

        bill_thresholds(ctx, customer)
