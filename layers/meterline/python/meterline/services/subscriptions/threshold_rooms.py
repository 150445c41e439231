"""How far the usage of a customer is from billing thresholds: remembered, as for alerts.

A look at the thresholds drafts invoices. From a draft follows how much each meter may grow so that
no threshold can be crossed, whatever the others do: what is left is divided among the items of a
subscription. A total grows by no more than the amounts of its lines do, since discounts only take
from a growth; ``_slack`` is what rounding may add.

All that a draft is made of, but for usage, is written by decisions on the customer. Each of those
writes a customer that has thresholds, and what is remembered counts for one state of the customer
only. Discounts that end, and credits that expire, make it count until then.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING

from meterline.core.base.frozen import frozen
from meterline.core.base.money import EXACT, ZERO
from meterline.core.billing.cycles import CyclePeriod
from meterline.core.billing.invoicing import BilledItem, interim_line
from meterline.core.catalog.price_models import Usage
from meterline.core.metering.acceptance import measure_of
from meterline.core.metering.aggregation import Measure
from meterline.core.metering.headroom import (
    Headroom,
    Left,
    adds_up,
    headroom,
    hours_around,
    level_of,
)
from meterline.core.subscriptions.threshold_rooms import (
    MOST_ROOM,
    divided,
    peaks_of,
    room_below,
)
from meterline.services.base.context import Context
from meterline.services.billing.discounts import active_discounts
from meterline.services.billing.invoice_bodies import billed_item_of, invoice_lines
from meterline.services.billing.item_terms import billed_item, is_metered, usage_period, usage_span
from meterline.services.billing.private_states import LineState
from meterline.services.billing.subscription_bodies import items_of
from meterline.services.billing.unit_of_work import UnitOfWork
from meterline.services.credits.balances import first_expiry
from meterline.services.invoices.metered import meter_of
from meterline.services.metering.usage_stream import UsageChange
from meterline.services.subscriptions.threshold_terms import amount_due, amount_threshold
from meterline.services.subscriptions.usage_so_far import ItemUsage
from meterline.store.metering.threshold_rooms import RememberedRooms
from meterline.store.metering.usage import HOUR_SECONDS, counters_between

if TYPE_CHECKING:
    from meterline.core.base.wire import (
        Customer,
        Invoice,
        Price,
        Subscription,
        SubscriptionItem,
    )
    from meterline.store.base.documents import Document

type Levels = dict[str, dict[int, tuple[int, Decimal]]]
"""By meter: hours with the versions of their counters and what they held."""

NEVER = 1 << 40
"""A second that is not reached."""


@dataclass(slots=True)
class Rooms:
    """How much the meters of a customer's thresholds may grow, from one look on.

    A meter without a bound may not grow at all before somebody looks again. ``hours`` are those of
    which that is known, ``until`` is when the look is out of date. ``may_recover`` says that usage
    which falls is to be looked at too.
    """

    meters: dict[str, Decimal] = field(default_factory=dict)
    hours: dict[str, range] = field(default_factory=dict)
    until: int = NEVER
    may_recover: bool = False

    def add(
        self,
        subscription: "Subscription",
        draft: "Invoice",
        usage: Sequence[ItemUsage],
        ahead: Mapping[str, Usage],
    ) -> None:
        """Let the meters of a subscription grow by no more than its thresholds leave.

        ``ahead`` is what its items have used by events ahead of the clock: the draft leaves it out.
        """
        rooms = zip(usage, _rooms(subscription, draft, usage), strict=True)
        known = {used.item["id"]: room for used, room in rooms}
        for item in filter(is_metered, items_of(subscription)):
            room = known.get(item["id"], ZERO)
            used_ahead = ahead[item["id"]].quantity if item["id"] in ahead else ZERO
            self._lower(item, EXACT.subtract(room, max(used_ahead, ZERO)))
        for meter in _meters_of_pending_items(draft):
            self.meters[meter], self.hours[meter] = ZERO, range(0)

    def add_spend(
        self,
        subscription: "Subscription",
        draft: "Invoice",
        usage: Sequence[ItemUsage],
        left_minor: int | None,
    ) -> None:
        """The same for alerts on what the usage has come to, with so much left to the next of
        them; None without any.
        """
        rooms = [MOST_ROOM for _ in usage]
        if left_minor is not None:
            left = left_minor - _slack(draft, usage)
            rooms = _rooms_of_amount(left, [(subscription, used) for used in usage])
        for used, room in zip(usage, rooms, strict=True):
            self._lower(used.item, room)

    def add_balance(self, billed: "Sequence[BilledUsage]", left_minor: int) -> None:
        """The same for a balance of credits, with so much left until it is too low: what all
        subscriptions of the customer use takes from it.
        """
        slack = sum(_rounding(one.draft, one.usage) for one in billed)
        slack += _paid_by_units([(one.draft, one.usage) for one in billed])
        parts = [(one.subscription, used) for one in billed for used in one.usage]
        rooms = _rooms_of_amount(left_minor - slack, parts) if parts else []
        for (_, used), room in zip(parts, rooms, strict=True):
            self._lower(used.item, room)
        for meter in (one for part in billed for one in _meters_of_pending_items(part.draft)):
            self.meters[meter], self.hours[meter] = ZERO, range(0)

    def _lower(self, item: "SubscriptionItem", room: Decimal) -> None:
        meter, period = str(meter_of(item["price"])), usage_period(item)
        own = range(-(-period.start // HOUR_SECONDS), period.end // HOUR_SECONDS)
        hours = self.hours.get(meter, own)
        self.hours[meter] = range(max(hours.start, own.start), min(hours.stop, own.stop))
        self.meters[meter] = min(room, self.meters.get(meter, room))


@frozen
class BilledUsage:
    """What a subscription has used of its running periods, and the invoice that would bill it."""

    subscription: "Subscription"
    draft: "Invoice"
    usage: Sequence[ItemUsage]


def earliest_end(uow: UnitOfWork, subscription: "Subscription") -> int:
    """When the first discount of a subscription ends, or the first grant of credits of its customer
    expires: more is due from then on.
    """
    active = active_discounts(uow, subscription)
    ends = [discount["end"] for discount in active.known.values()]
    ends.append(first_expiry(uow.customer, uow.ctx.now))
    return min([end for end in ends if end is not None], default=NEVER)


def holds(
    remembered: RememberedRooms,
    basis: str,
    changes: Iterable[UsageChange],
    now: int,
) -> bool:
    """Whether changes of a customer's usage cannot have crossed a threshold, ``basis`` being the
    state of the alerts for everybody now.

    Of a replayed record nothing is known, as the Billing table may be another since.
    """
    return (
        remembered.basis == basis
        and now < remembered.until
        and all(_holds(remembered, change) for change in changes)
    )


def _holds(remembered: RememberedRooms, change: UsageChange) -> bool:
    meter = change.bucket.meter
    if not change.has_counter:
        return False
    if meter not in remembered.rooms:
        return True
    known = remembered.rooms[meter]
    if known is None or (remembered.may_recover and change.may_have_fallen(known.formula)):
        return False
    return known.holds(change.bucket.hour, change.level(known.formula))


def levels_of(
    ctx: Context, customer: "Document[Customer]", measures: Mapping[str, Measure], latest: int
) -> Levels:
    """What the hours around the latest hold, of meters whose hours add up.

    They are read before and after the drafts, and must not have changed: so what is remembered of
    an hour is what it held in the drafts.
    """
    return {
        meter: {
            hour: (counter.version, level_of(counter.aggregate, measure.formula) or ZERO)
            for hour, counter in counters_between(
                ctx.livemode, meter, customer.id, hours_around(latest), measure
            )
        }
        for meter, measure in measures.items()
        if adds_up(measure)
    }


def measures_of(ctx: Context, subscription_ids: Iterable[str]) -> dict[str, Measure]:
    """How the meters of these subscriptions count, by id."""
    found: Mapping[str, Document[Subscription]] = ctx.store.get_many(subscription_ids)
    meters = {
        meter
        for document in found.values()
        for item in items_of(document.body)
        if (meter := meter_of(item["price"]))
    }
    stored = ctx.store.get_many(sorted(meters))
    return {meter: measure_of(document.body) for meter, document in stored.items()}


def grow_by_time(measures: Iterable[Measure]) -> bool:
    """Whether usage of one of them grows as time goes by, and so leaves less to all others."""
    return any(measure.has_levels for measure in measures)


def headrooms(
    rooms: Rooms, measures: Mapping[str, Measure], levels: Levels, latest: int
) -> dict[str, Headroom | None]:
    """What hours of the meters may hold; None of meters that have to be looked at each time."""

    def room_of(meter: str) -> Headroom | None:
        room = rooms.meters[meter]
        if meter not in levels or room <= 0:
            return None
        held = {hour: level for hour, (_, level) in levels[meter].items()}
        return headroom(measures[meter], Left(room, room), latest, held, rooms.hours[meter])

    return {meter: room_of(meter) for meter in rooms.meters}


def _rooms(
    subscription: "Subscription", draft: "Invoice", usage: Sequence[ItemUsage]
) -> list[Decimal]:
    """How much each metered item of a subscription may grow."""
    amount = amount_threshold(subscription)
    bounds = [MOST_ROOM for _ in usage]
    if amount is not None:
        left = amount - amount_due(draft) - _slack(draft, usage)
        parts = [(subscription, used) for used in usage]
        bounds = _rooms_of_amount(left, parts) if usage else []
    if _meters_of_pending_items(draft):
        bounds = [ZERO for _ in usage]  # they count hours of their own
    return [
        bound if used.left is None else min(bound, used.left)
        for bound, used in zip(bounds, usage, strict=True)
    ]


def _rooms_of_amount(left: int, items: "Sequence[tuple[Subscription, ItemUsage]]") -> list[Decimal]:
    """How much items may grow so that together they cost no more than is left."""
    if left <= 0:
        return [ZERO for _ in items]
    prices = [_Price.of(subscription, used) for subscription, used in items]
    amounts = [price.amount_of(price.quantity) for price in prices]
    parts = zip(prices, amounts, divided(left, amounts), strict=True)
    return [price.room(amount + part) for price, amount, part in parts]


@frozen
class _Price:
    """What the usage of an item costs in the middle of its period, asked many times."""

    used: ItemUsage
    billed: BilledItem
    span: CyclePeriod

    @classmethod
    def of(cls, subscription: "Subscription", used: ItemUsage) -> "_Price":
        """The price of an item of a subscription."""
        anchor = subscription["billing_cycle_anchor"]
        span = usage_span(used.item, anchor, usage_period(used.item))
        return cls(used, billed_item(used.item), span)

    @property
    def quantity(self) -> Decimal:
        """What is used so far."""
        return self.used.usage.quantity

    def amount_of(self, quantity: Decimal) -> int:
        """What that much would cost, minor units."""
        usage = Usage(max(quantity, ZERO), self.used.usage.events)
        return interim_line(self.billed, usage, self.used.period, self.span).amount_minor

    def room(self, most_minor: int) -> Decimal:
        """How much more costs no more than that; 0 where it cannot be told."""
        peaks = peaks_of(self.billed.plan)
        if peaks is None:
            return ZERO
        return room_below(self.amount_of, peaks, self.quantity, most_minor)


def _meters_of_pending_items(draft: "Invoice") -> list[str]:
    """The meters of pending items of usage on a draft."""
    lines = (line for line in invoice_lines(draft) if billed_item_of(line) is None)
    return [meter for line in lines if (meter := LineState.of(line).meter)]


def _slack(draft: "Invoice", usage: Sequence[ItemUsage]) -> int:
    """What rounding may make of growing lines, their discounts and taxes, minor units, and what
    grants in units of a meter may pay less than now.
    """
    return _rounding(draft, usage) + _paid_by_units([(draft, usage)])


def _paid_by_units(drafts: "Sequence[tuple[Invoice, Sequence[ItemUsage]]]") -> int:
    """What units pay that they may not pay once usage has grown: where the average of a line falls,
    and where items share a meter, of which another may take the units for less.
    """
    items = [used.item for _, usage in drafts for used in usage]
    sharing = Counter(meter_of(item["price"]) for item in items)
    unsteady = {
        item["id"]
        for item in items
        if sharing[meter_of(item["price"])] > 1 or not _has_steady_units(item["price"])
    }
    return sum(
        part["amount"]
        for draft, _ in drafts
        for line in invoice_lines(draft)
        if billed_item_of(line) in unsteady
        for part in LineState.of(line).credits or ()
        if "parts" in part
    )


def _has_steady_units(price: "Price") -> bool:
    """Whether a unit costs the same on a line however many there are: by the unit, or in its tier
    of a graduated price.
    """
    is_plain = price["transform_quantity"] is None and "meterline" not in price
    return is_plain and price["tiers_mode"] != "volume"


def _rounding(draft: "Invoice", usage: Sequence[ItemUsage]) -> int:
    tiers = sum(len(used.item["price"].get("tiers") or ()) for used in usage)
    lines = invoice_lines(draft)
    of_lines = sum(len(line["discounts"]) + len(line["taxes"]) for line in lines)
    return 2 * (len(lines) + tiers + len(usage)) * (1 + len(draft["discounts"]) + of_lines)
