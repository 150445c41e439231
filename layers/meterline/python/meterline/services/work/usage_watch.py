"""The usage watch: alerts, billing thresholds, late usage and estimates, once usage is counted.

A record that is delivered again emits nothing: the id of what it stores follows from it. What most
changes need is read for a whole batch at once, and most need nothing: nothing watches their usage
(``watch_list``), and their hour still runs (``running_hours``).
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import batched
from typing import TYPE_CHECKING

from meterline.core.metering.dimensions import WHOLE
from meterline.observability import log_failure
from meterline.services.base.context import Context
from meterline.services.base.ids import derived_object_id
from meterline.services.base.limits import set_id
from meterline.services.base.outbox import EventDraft
from meterline.services.base.parallel import in_parallel
from meterline.services.base.stream_workers import UNBOUNDED, Invocation, StreamWorker
from meterline.services.base.workers import BatchAnswer, Record, wall_clock, worker_context
from meterline.services.customers.customer_state import may_have_invoices_since
from meterline.services.invoices.late_usage_detection import emit_late_usage
from meterline.services.invoices.running_hours import is_looked_at_later
from meterline.services.metering.alert_types import spend_set
from meterline.services.metering.alert_watch import sets_watching, watch_changes
from meterline.services.metering.crossings import BillingPeriods
from meterline.services.metering.lifetime import forget_if_old
from meterline.services.metering.running_usage import forget_if_totalled
from meterline.services.metering.usage_stream import UsageChange, usage_change
from meterline.services.metering.watch_list import (
    NOTHING_ENTERED,
    Purpose,
    WatchList,
    read_watch_list,
    read_watch_list_beside,
)
from meterline.store.base.batches import GET_LIMIT
from meterline.store.base.documents import Change, Conflict, Document
from meterline.store.metering.headrooms import UsageKey, headroom_beside
from meterline.store.metering.usage import HOUR_SECONDS, BucketKey

if TYPE_CHECKING:
    from meterline.core.base.wire import Customer

LATEST_LISTS: dict[bool, WatchList] = {}
"""The watch list of each mode as this process read it last: only what to read with the next."""

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

    now: int = field(default_factory=wall_clock)
    watched: dict[bool, WatchList] = field(default_factory=dict)
    changes: dict[UsageKey, list[UsageChange]] = field(default_factory=dict)
    known: dict[bool, dict[str, Document | None]] = field(default_factory=dict)
    seen: set[object] = field(default_factory=set)

    def read(self, changes: Iterable[UsageChange]) -> None:
        """Read what each change needs: the watch list of its mode; and where something may concern
        it its customer, with what is remembered of it, and the alerts' sets. If that fails, each
        change reads for itself, and fails by itself.
        """
        found = defaultdict(list)
        for change in changes:
            found[change.usage_key].append(change)
        self.changes = dict(found)
        try:
            for livemode in {key.livemode for key in found}:
                keys = [key for key in found if key.livemode == livemode]
                self.known[livemode] = self._read_list(keys, livemode=livemode)
                self._read_more(livemode, (name for key in keys for name in self._needed(key)))
                more = (name for key in keys for name in self._unremembered_sets(key))
                self._read_more(livemode, more)
        except Exception as error:  # noqa: BLE001 - one by one it shows whose it is
            log_failure("batch not read ahead", error)
            self.known, self.watched = {}, {}

    def _read_list(self, keys: Iterable[UsageKey], *, livemode: bool) -> dict[str, Document | None]:
        """Read the watch list, and in the same request the objects that will be needed: what was
        entered in the list that this process read last is still entered.
        """
        self.watched[livemode] = LATEST_LISTS.get(livemode, NOTHING_ENTERED)
        likely = sorted({name for key in keys for name in self._needed(key)})[: GET_LIMIT - 1]
        store = worker_context(livemode=livemode).store
        self.watched[livemode], found = read_watch_list_beside(store, likely)
        LATEST_LISTS[livemode] = self.watched[livemode]
        return found

    def _read_more(self, livemode: bool, names: Iterable[str]) -> None:  # noqa: FBT001 - a part of the key
        if wanted := {*names} - self.known[livemode].keys():
            self.known[livemode] |= _documents(wanted, livemode=livemode)

    def look(self, change: UsageChange) -> None:
        """Look at what concerns a change, if it was not looked at for another of the batch."""
        bucket, key = change.bucket, change.usage_key
        if change.became_estimate:
            emit_estimate(worker_context(livemode=bucket.livemode), bucket)
        for subject, look in self._looks(bucket, key):
            if subject not in self.seen:
                look()
                self.seen.add(subject)

    def _looks(
        self, bucket: BucketKey, key: UsageKey
    ) -> Iterator[tuple[object, Callable[[], None]]]:
        """What is to be looked at for a change, by its subject."""
        yield ("totals", key), partial(self._forget_old_totals, key)
        if self._list(key).has_meter(Purpose.LIMITS, key.meter):
            yield ("limits", key), partial(self._forget_running_total, key)
        if self._may_be_late(bucket):
            hour = bucket._replace(cell=WHOLE)
            yield hour, partial(self._look_for_late_usage, hour)
        if self._alerts_sets(key):
            yield key, partial(self._look_at_alerts, key)
        if self._may_have_thresholds(key):
            yield (key.livemode, key.customer), partial(self._look_at_thresholds, *key)

    def _needed(self, key: UsageKey) -> Iterator[str]:
        """The ids of the objects that changes of a customer's usage of a meter need."""
        sets = self._alerts_sets(key)
        is_late = any(self._may_be_late(one.bucket) for one in self.changes[key])
        if sets or is_late or self._may_have_thresholds(key):
            yield key.customer
        if self._is_everybody_watched(key.livemode):
            yield set_id(spend_set(None))

    def _unremembered_sets(self, key: UsageKey) -> Iterator[str]:
        """The ids of the sets of alerts on a customer's usage of a meter, where nothing is
        remembered beside the customer that tells of them.
        """
        customer = self.known[key.livemode].get(key.customer)
        if headroom_beside(customer, key.meter).headroom is None:
            yield from self._alerts_sets(key)

    def _may_be_late(self, bucket: BucketKey) -> bool:
        return not is_looked_at_later(bucket, now=self.now)

    def _may_have_thresholds(self, key: UsageKey) -> bool:
        is_entered = self._list(key).has_customer(Purpose.THRESHOLDS, key.customer)
        return is_entered or self._is_everybody_watched(key.livemode)

    def _is_everybody_watched(self, livemode: bool) -> bool:  # noqa: FBT001 - a part of the key
        return self._list_of(livemode).has_everybody(Purpose.THRESHOLDS)

    def _list(self, key: UsageKey) -> WatchList:
        return self._list_of(key.livemode)

    def _list_of(self, livemode: bool) -> WatchList:  # noqa: FBT001 - a part of the key
        if livemode not in self.watched:
            self.watched[livemode] = read_watch_list(livemode=livemode)
        return self.watched[livemode]

    def _alerts_sets(self, key: UsageKey) -> list[str]:
        """The ids of the sets that may have alerts on a customer's usage of a meter."""
        of_customer, of_all = sets_watching(key.meter, key.customer)
        watch_list = self._list(key)
        may_have = (
            (of_customer, watch_list.has_customer(Purpose.ALERTS, key.customer)),
            (of_all, watch_list.has_meter(Purpose.ALERTS, key.meter)),
        )
        return [set_name for set_name, is_entered in may_have if is_entered]

    def _forget_old_totals(self, key: UsageKey) -> None:
        for change in self.changes[key]:
            forget_if_old(change.bucket, now=self.now)

    def _forget_running_total(self, key: UsageKey) -> None:
        forget_if_totalled(key, (change.bucket.hour for change in self.changes[key]), now=self.now)

    def _look_for_late_usage(self, bucket: BucketKey) -> None:
        customer = self._customer(bucket.livemode, bucket.customer)
        if customer is None or may_have_invoices_since(customer.body, bucket.start):
            emit_late_usage(worker_context(livemode=bucket.livemode), bucket)

    def _look_at_alerts(self, key: UsageKey) -> None:
        known = headroom_beside(self._customer(key.livemode, key.customer), key.meter)
        state = self._list(key).alerts_state(key.meter)
        watch_changes(self._knowing(key), self.changes[key], known, state, _billing_periods)

    def _look_at_thresholds(self, livemode: bool, _meter: str, customer_id: str) -> None:  # noqa: FBT001 - a part of the key
        customer = self._customer(livemode, customer_id)
        if customer is None:
            return
        from meterline.services.work.amount_watch import (  # noqa: PLC0415 - seldom needed
            look_at_amounts,
            may_have_crossed,
        )

        ctx = worker_context(livemode=livemode, known=self.known.get(livemode))
        changes = [
            change
            for key, some in self.changes.items()
            if (key.livemode, key.customer) == (livemode, customer_id)
            for change in some
        ]
        everybody = self._is_everybody_watched(livemode)
        if may_have_crossed(ctx, customer, changes, everybody=everybody):
            look_at_amounts(worker_context(livemode=livemode), customer_id, changes)

    def _customer(self, livemode: bool, customer_id: str) -> "Document[Customer] | None":  # noqa: FBT001 - a part of the key
        customer: Document[Customer] | None
        customer = self._reading_ahead(livemode=livemode).store.get(customer_id)
        return customer

    def _reading_ahead(self, *, livemode: bool) -> Context:
        """The context of decisions that what was read for the batch suffices for."""
        return worker_context(livemode=livemode, known=self.known.get(livemode))

    def _knowing(self, key: UsageKey) -> Context:
        """The same for alerts: sets that were never entered are known to be empty."""
        entered = self._alerts_sets(key)
        names = sets_watching(key.meter, key.customer)
        empty = {name: None for name in names if name not in entered}
        known = {**self.known.get(key.livemode, {}), **empty}
        return worker_context(livemode=key.livemode, known=known)


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


def _documents(wanted: Collection[str], *, livemode: bool) -> dict[str, Document | None]:
    """The objects with these ids, a hundred to a request, side by side; None for each that is not
    there.
    """
    store = worker_context(livemode=livemode).store
    calls = [
        partial(store.get_many, some) for some in batched(sorted(wanted), GET_LIMIT, strict=False)
    ]
    found = {name: one for some in in_parallel(calls) for name, one in some.items()}
    return {object_id: found.get(object_id) for object_id in wanted}
