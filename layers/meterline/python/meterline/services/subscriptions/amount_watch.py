"""Watching what is due: billing thresholds and alerts on spend, once usage was counted.

A look at a customer drafts invoices, tells of alerts that are crossed, bills thresholds that are
crossed, and remembers how far usage is from all others (``threshold_rooms``).
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from meterline.core.base.errors import BillingError
from meterline.services.base.context import Context
from meterline.services.base.lookups import on_customers_time
from meterline.services.billing.unit_of_work import running_subscriptions
from meterline.services.metering.usage_stream import UsageChange
from meterline.services.subscriptions.spend_alerts import (
    NO_ALERTS_STATE,
    everybodys_state,
    spend_alerts,
    tell_spend,
)
from meterline.services.subscriptions.threshold_rooms import (
    Rooms,
    basis_of,
    grow_by_time,
    headrooms,
    holds,
    levels_of,
    measures_of,
)
from meterline.services.subscriptions.threshold_terms import marked
from meterline.services.subscriptions.thresholds import bill_crossed
from meterline.store.metering.threshold_rooms import RememberedRooms, forget_rooms, save_rooms
from meterline.store.metering.usage import HOUR_SECONDS

if TYPE_CHECKING:
    from meterline.core.base.wire import Customer
    from meterline.store.base.documents import Document


def may_have_crossed(
    ctx: Context,
    customer: "Document[Customer]",
    remembered: RememberedRooms,
    changes: Sequence[UsageChange],
    *,
    everybody: bool,
) -> bool:
    """Whether changes of a customer's usage may have crossed something; ``everybody`` if there may
    be alerts on what any customer spends.

    ``remembered`` was read after the changes. Of customers on test clocks nothing is remembered; of
    others also that there is nothing to cross.
    """
    if not running_subscriptions(customer.body):
        return False
    if customer.body.get("test_clock") is not None:
        return True
    state = everybodys_state(ctx) if everybody else NO_ALERTS_STATE
    return not holds(remembered, basis_of(customer, state), changes, ctx.wall_clock)


def look_at_amounts(ctx: Context, customer_id: str, changes: Sequence[UsageChange]) -> list[str]:
    """Tell of alerts on a customer's spend, and bill subscriptions, whose thresholds are crossed
    now, ``changes`` being what was counted; the invoices' ids.

    Two workers at once decide on one stored state: an alert is told once, and of two that bill one
    fails, and finds nothing left to do when it is called again. Alerts come first: a threshold may
    end the period that they are about.

    What is remembered is forgotten before anything is read, the customer is read before what it is
    billed for, and hours before and after that: so it holds of whatever has come since.
    """
    generation = forget_rooms(ctx.livemode, customer_id)
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
        return bill_crossed(ctx, customer)
    latest = max([ctx.now // HOUR_SECONDS, *(change.bucket.hour for change in changes)])
    watched = running_subscriptions(customer.body) if alerts.active else marked(customer.body)
    measures = measures_of(ctx, watched)
    before, rooms = levels_of(ctx, customer, measures, latest), Rooms()
    tell_spend(ctx, customer, alerts.active, changes, rooms)
    billed = bill_crossed(ctx, customer, rooms)
    is_steady = not grow_by_time(measures.values())
    if not billed and is_steady and levels_of(ctx, customer, measures, latest) == before:
        held = headrooms(rooms, measures, before, latest)
        basis = basis_of(customer, alerts.state)
        known = RememberedRooms(generation, basis, rooms.until, rooms.may_recover, held)
        save_rooms(ctx.livemode, customer_id, known)
    return billed


def look_on_arrival(ctx: Context, customer: "Document[Customer]") -> list[str]:
    """The same as a test clock arrives at the instant of ``ctx``: usage may have come meanwhile."""
    tell_spend_so_far(ctx, customer)
    return bill_crossed(ctx, customer)


def tell_spend_so_far(ctx: Context, customer: "Document[Customer]") -> None:
    """Tell of the alerts on spend alone, at the instant of ``ctx``."""
    tell_spend(ctx, customer, spend_alerts(ctx, customer.id).active, (), Rooms())
