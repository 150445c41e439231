"""Watching what is due: billing thresholds, alerts on spend and balances of credits, once usage
was counted.

A look at a customer drafts invoices, tells of alerts that are crossed, bills thresholds that are
crossed, buys credits where too few are left, and remembers how far usage is from all others
(``threshold_rooms``).
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from meterline.core.base.errors import BillingError
from meterline.core.base.frozen import frozen
from meterline.services.base.context import Context
from meterline.services.base.lookups import on_customers_time
from meterline.services.billing.unit_of_work import running_subscriptions
from meterline.services.credits.top_up_bodies import idle_top_ups
from meterline.services.metering.usage_stream import UsageChange
from meterline.services.subscriptions.spend_alerts import (
    NO_ALERTS_STATE,
    everybodys_state,
    spend_alerts,
    tell_spend,
)
from meterline.services.subscriptions.threshold_rooms import (
    Rooms,
    grow_by_time,
    headrooms,
    holds,
    levels_of,
    measures_of,
)
from meterline.services.subscriptions.threshold_terms import marked
from meterline.services.subscriptions.thresholds import bill_crossed
from meterline.store.metering.threshold_rooms import (
    RememberedRooms,
    forget_rooms,
    rooms_beside,
    save_rooms,
)
from meterline.store.metering.usage import HOUR_SECONDS

if TYPE_CHECKING:
    from meterline.core.base.wire import Customer
    from meterline.store.base.documents import Document


def may_have_crossed(
    ctx: Context,
    customer: "Document[Customer]",
    changes: Sequence[UsageChange],
    *,
    everybody: bool,
) -> bool:
    """Whether changes of a customer's usage may have crossed something; ``everybody`` if there may
    be alerts on what any customer spends.

    The customer was read after the changes, with what is remembered of it. Of customers on test
    clocks nothing is remembered; of others also that there is nothing to cross.
    """
    if not running_subscriptions(customer.body):
        return False
    if customer.body.get("test_clock") is not None:
        return True
    state = everybodys_state(ctx) if everybody else NO_ALERTS_STATE
    return not holds(rooms_beside(customer), state, changes, ctx.wall_clock)


def look_at_amounts(ctx: Context, customer_id: str, changes: Sequence[UsageChange]) -> list[str]:
    """Tell of alerts on a customer's spend, bill subscriptions, whose thresholds are crossed now,
    and buy credits, ``changes`` being what was counted; the ids of the thresholds' invoices.

    Two workers at once decide on one stored state: an alert is told once, and of two that bill one
    fails, and finds nothing left to do when it is called again. Alerts come first: a threshold may
    end the period that they are about.

    What is remembered is forgotten before anything is read, the customer is read before what it is
    billed for, and hours before and after that: so it holds of whatever has come since.
    """
    place = forget_rooms(ctx.livemode, customer_id)
    customer: Document[Customer] | None = ctx.store.get(customer_id)
    if customer is None or customer.body.get("deleted"):
        return []
    try:
        ctx = on_customers_time(ctx, customer)
    except BillingError:
        return []  # the test clock is advancing and looks when it arrives, or is deleted
    alerts = spend_alerts(ctx, customer_id)
    if customer.body.get("test_clock") is not None:
        tell_spend(ctx, customer, alerts.active, changes, Rooms())
        return _billed(ctx, customer, Rooms()).invoices
    latest = max([ctx.now // HOUR_SECONDS, *(change.bucket.hour for change in changes)])
    concerns_all = alerts.active or idle_top_ups(customer.body)
    watched = running_subscriptions(customer.body) if concerns_all else marked(customer.body)
    measures = measures_of(ctx, watched)
    before, rooms = levels_of(ctx, customer, measures, latest), Rooms()
    tell_spend(ctx, customer, alerts.active, changes, rooms)
    billed = _billed(ctx, customer, rooms)
    is_steady = not grow_by_time(measures.values())
    if (
        place is not None
        and place.version == customer.version
        and not billed.is_anything
        and is_steady
        and levels_of(ctx, customer, measures, latest) == before
    ):
        held = headrooms(rooms, measures, before, latest)
        known = RememberedRooms(alerts.state, rooms.until, rooms.may_recover, held)
        save_rooms(ctx.livemode, customer_id, place, known)
    return billed.invoices


def look_on_arrival(ctx: Context, customer: "Document[Customer]") -> list[str]:
    """The same as a test clock arrives at the instant of ``ctx``: usage may have come meanwhile."""
    tell_spend_so_far(ctx, customer)
    return _billed(ctx, customer, Rooms()).invoices


def tell_spend_so_far(ctx: Context, customer: "Document[Customer]") -> None:
    """Tell of the alerts on spend alone, at the instant of ``ctx``."""
    tell_spend(ctx, customer, spend_alerts(ctx, customer.id).active, (), Rooms())


@frozen
class _Billed:
    """What a look has billed: by thresholds, with these invoices, and credits by rules."""

    invoices: list[str]
    rules: list[str]

    @property
    def is_anything(self) -> bool:
        """Whether the customer is another than before."""
        return bool(self.invoices or self.rules)


def _billed(ctx: Context, customer: "Document[Customer]", rooms: Rooms) -> _Billed:
    """Bill the thresholds that are crossed, then buy credits where what is left is too little."""
    invoices = bill_crossed(ctx, customer, rooms)
    latest: Document[Customer] | None = ctx.store.get(customer.id) if invoices else customer
    if latest is None or latest.body.get("deleted") or not idle_top_ups(latest.body):
        return _Billed(invoices, [])
    from meterline.services.top_ups.looks import buy_where_low  # noqa: PLC0415 - seldom needed

    return _Billed(invoices, buy_where_low(ctx, latest, rooms))
