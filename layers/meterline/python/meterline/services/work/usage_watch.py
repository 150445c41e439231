"""The usage watch: alerts, billing thresholds, late usage and estimates, once usage is counted.

A record that is delivered again emits nothing: the id of what it stores follows from it. What most
changes need is read for a whole batch at once.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import batched
from typing import TYPE_CHECKING

from meterline.core.metering.dimensions import WHOLE
from meterline.observability import log_failure
from meterline.services.base.context import Context
from meterline.services.base.ids import derived_object_id
from meterline.services.base.outbox import EventDraft
from meterline.services.base.parallel import in_parallel
from meterline.services.base.stream_workers import UNBOUNDED, Invocation, StreamWorker
from meterline.services.base.workers import BatchAnswer, Record, worker_context
from meterline.services.customers.customer_state import may_have_invoices_since
from meterline.services.invoices.late_usage_detection import emit_late_usage
from meterline.services.metering.alert_watch import (
    PURPOSE,
    is_watched,
    sets_watching,
    watch_changes,
)
from meterline.services.metering.crossings import BillingPeriods
from meterline.services.metering.lifetime import forget_if_old
from meterline.services.metering.usage_stream import UsageChange, usage_change
from meterline.services.subscriptions.threshold_terms import marked
from meterline.store.base.batches import GET_LIMIT
from meterline.store.base.documents import Change, Conflict, Document
from meterline.store.metering.headrooms import Remembered, UsageKey, read_headrooms
from meterline.store.metering.usage import HOUR_SECONDS, BucketKey

if TYPE_CHECKING:
    from meterline.core.base.wire import Customer

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
    batch = _Batch()
    return WORKER.do(records, batch.look, invocation, before=batch.read)


@dataclass(slots=True)
class _Batch:
    """The changes of a batch by whose usage they are of, and what was read for them together."""

    changes: dict[UsageKey, list[UsageChange]] = field(default_factory=dict)
    known: dict[bool, dict[str, Document | None]] = field(default_factory=dict)
    remembered: dict[UsageKey, Remembered] = field(default_factory=dict)
    seen: set[object] = field(default_factory=set)

    def read(self, changes: Iterable[UsageChange]) -> None:
        """Read what each change needs: its customer, the alerts' sets, and the headrooms of usage
        that is watched. If that fails, each change reads for itself, and fails by itself.
        """
        found = defaultdict(list)
        for change in changes:
            found[change.usage_key].append(change)
        self.changes = dict(found)
        try:
            for livemode in {key.livemode for key in found}:
                keys = [key for key in found if key.livemode == livemode]
                self.known[livemode] = _documents(keys, livemode=livemode)
                ctx = self._reading_ahead(livemode=livemode)
                watched = [key for key in keys if is_watched(ctx, key.meter, key.customer)]
                self.remembered |= read_headrooms(watched, PURPOSE)
        except Exception as error:  # noqa: BLE001 - one by one it shows whose it is
            log_failure("batch not read ahead", error)
            self.known, self.remembered = {}, {}

    def look(self, change: UsageChange) -> None:
        """Look at what concerns a change, if it was not looked at for another of the batch."""
        bucket, key = change.bucket, change.usage_key
        if change.became_estimate:
            emit_estimate(worker_context(livemode=bucket.livemode), bucket)
        hour = bucket._replace(cell=WHOLE)
        for subject, look in (
            (hour, partial(self._look_for_late_usage, hour)),
            (key, partial(self._look_at_alerts, key)),
            ((key.livemode, key.customer), partial(self._look_at_thresholds, key)),
        ):
            if subject not in self.seen:
                look()
                self.seen.add(subject)

    def _look_for_late_usage(self, bucket: BucketKey) -> None:
        customer = self._customer(bucket.livemode, bucket.customer)
        if customer is None or may_have_invoices_since(customer.body, bucket.start):
            emit_late_usage(worker_context(livemode=bucket.livemode), bucket)

    def _look_at_alerts(self, key: UsageKey) -> None:
        ctx = self._reading_ahead(livemode=key.livemode)
        changes = self.changes[key]
        for change in changes:
            forget_if_old(change.bucket, now=ctx.wall_clock)
        if is_watched(ctx, key.meter, key.customer):
            known = self.remembered.get(key) or read_headrooms([key], PURPOSE)[key]
            watch_changes(ctx, changes, known, _billing_periods)

    def _look_at_thresholds(self, key: UsageKey) -> None:
        customer = self._customer(key.livemode, key.customer)
        if customer is not None and marked(customer.body):
            from meterline.services.subscriptions.thresholds import (  # noqa: PLC0415 - seldom needed
                bill_thresholds,
            )

            bill_thresholds(worker_context(livemode=key.livemode), key.customer)

    def _customer(self, livemode: bool, customer_id: str) -> "Document[Customer] | None":  # noqa: FBT001 - a part of the key
        customer: Document[Customer] | None
        customer = self._reading_ahead(livemode=livemode).store.get(customer_id)
        return customer

    def _reading_ahead(self, *, livemode: bool) -> Context:
        """The context of decisions that what was read for the batch suffices for."""
        return worker_context(livemode=livemode, known=self.known.get(livemode))


def _billing_periods(ctx: Context, key: UsageKey, hours: Collection[int]) -> BillingPeriods:
    from meterline.services.billing.metered_periods import (  # noqa: PLC0415 - seldom needed
        billing_periods,
    )

    return billing_periods(ctx, key, hours)


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


def _documents(keys: Iterable[UsageKey], *, livemode: bool) -> dict[str, Document | None]:
    """The customers and the sets of alerts of these, a hundred to a request, side by side."""
    wanted = {
        one for key in keys for one in (key.customer, *sets_watching(key.meter, key.customer))
    }
    store = worker_context(livemode=livemode).store
    calls = [
        partial(store.get_many, some) for some in batched(sorted(wanted), GET_LIMIT, strict=False)
    ]
    found = {name: one for some in in_parallel(calls) for name, one in some.items()}
    return {one: found.get(one) for one in wanted}
