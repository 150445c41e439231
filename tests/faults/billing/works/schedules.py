"""Phases of schedules that begin and end."""

from decimal import Decimal

from meterline.services.catalog.coupons import create_coupon
from meterline.services.catalog.tax_rates import create_tax_rate
from meterline.services.schedules.create import create_schedule
from tests.factories.usage import use
from tests.faults.billing.works.work import SUBSCRIBED, Work, customer_of, meters_of, with_same_ids
from tests.faults.billing.world import DAY, NOW, World


def schedule_start(world: World) -> Work:
    """A schedule whose start has come: its subscription, and a first invoice with a charge."""
    phase = {"items": [{"price": world.price(unit_amount=1_500)}], "end_date": NOW + 40 * DAY}
    made = create_schedule(
        world.context(SUBSCRIBED),
        {"customer": customer_of(world), "start_date": NOW - DAY, "phases": [phase]},
    )
    return Work(with_same_ids(world, world.deliver("roll_billing_cycles", made["id"])))


def phase_change(world: World) -> Work:
    """A renewal, a phase within the next period that bills at once, a renewal, and the end."""
    metered = world.price(unit_amount=3, meter=meters_of(world)[0])
    first, second = (world.price(unit_amount=amount) for amount in (1_500, 2_700))
    ends = (SUBSCRIBED + 45 * DAY, SUBSCRIBED + 70 * DAY)
    phases = [
        {"items": [{"price": price}, {"price": metered}], "end_date": end}
        for price, end in zip((first, second), ends, strict=True)
    ]
    phases[1]["proration_behavior"] = "always_invoice"
    customer = customer_of(world)
    wanted = {"customer": customer, "start_date": "now", "phases": phases}
    made = create_schedule(world.context(SUBSCRIBED), wanted)
    use(meters_of(world)[0], customer, at=SUBSCRIBED + DAY, quantity=40)
    subscription = str(made["subscription"])
    return Work(with_same_ids(world, world.deliver("roll_billing_cycles", subscription)))


def phases_to_the_end(world: World) -> Work:
    """A phase with all that one can ask for, late, and the end of its subscription with it."""
    then = world.context(SUBSCRIBED)
    coupon = create_coupon(then, {"percent_off": Decimal(50), "duration": "forever"})["id"]
    terms = {"display_name": "VAT", "percentage": Decimal(19), "inclusive": False}
    rate = create_tax_rate(then, terms)["id"]
    items = [{"price": world.price(unit_amount=1_500)}]
    last = {
        "items": items,
        "end_date": SUBSCRIBED + 50 * DAY,
        "trial_end": SUBSCRIBED + 20 * DAY,
        "discounts": [{"coupon": coupon}],
        "default_tax_rates": [rate],
    }
    phases = [{"items": items, "end_date": SUBSCRIBED + 10 * DAY}, last]
    wanted = {"customer": customer_of(world), "start_date": "now", "phases": phases}
    made = create_schedule(then, {**wanted, "end_behavior": "cancel"})
    subscription = str(made["subscription"])
    return Work(with_same_ids(world, world.deliver("roll_billing_cycles", subscription)))
