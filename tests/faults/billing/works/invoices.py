"""Renewals and invoices that are due."""

from meterline.services.account.settings_changes import update_settings
from meterline.services.invoices.item_verbs import create_invoice_item
from meterline.services.invoices.manual import create_invoice
from meterline.services.subscriptions.cancel import cancel_subscription
from meterline.services.subscriptions.item_verbs import delete_item
from tests.factories.usage import use
from tests.faults.billing.works.work import (
    HOUR,
    SUBSCRIBED,
    Work,
    at_time,
    charge,
    customer_of,
    meters_of,
    used_subscription,
)
from tests.faults.billing.world import DAY, NOW, World


def renewal(world: World) -> Work:
    """Two renewals that were missed, each of one licensed and two metered items."""
    subscription = used_subscription(world, customer_of(world))
    return Work(world.deliver("roll_billing_cycles", subscription))


def large_renewal(world: World) -> Work:
    """A renewal of a long invoice: its lines in parts, its pending items on several tabs."""
    customer = customer_of(world)
    subscription = used_subscription(world, customer)
    charge(world, customer, 24)
    return Work(world.deliver("roll_billing_cycles", subscription))


def large_finalisation(world: World) -> Work:
    """A long draft with usage that came within its hour, on its own lines and on a tab's items."""
    customer = customer_of(world)
    subscription = used_subscription(world, customer)
    charge(world, customer, 24)
    item = next(one for one in world.stored(subscription)["items"]["data"] if "quantity" not in one)
    ctx = world.context(NOW - 50 * DAY)
    delete_item(ctx, item["id"], {})
    at_time(world, NOW - 44 * DAY, world.deliver("roll_billing_cycles", subscription))
    [draft] = [invoice for invoice in world.bodies("invoice") if invoice["status"] == "draft"]
    for meter in meters_of(world):
        use(meter, customer, at=SUBSCRIBED + 3 * DAY, quantity=9, name="late")
    return Work(world.deliver("produce_invoices", draft["id"]))


def finalisation(world: World) -> Work:
    """A draft with usage that came within its hour, for a customer with some credit."""
    customer = customer_of(world)
    subscription = used_subscription(world, customer)
    at_time(world, NOW - 44 * DAY, world.deliver("roll_billing_cycles", subscription))
    [draft] = [invoice for invoice in world.bodies("invoice") if invoice["status"] == "draft"]
    world.credit(customer, -700)
    use(meters_of(world)[0], customer, at=SUBSCRIBED + 3 * DAY, quantity=9, name="late")
    return Work(world.deliver("produce_invoices", draft["id"]))


def notice(world: World) -> Work:
    """A trial that will end, and does: its notice, its first bill, and no second notice."""
    prices = [world.price(unit_amount=1_500)]
    trial = {"trial_period_days": 10}
    subscription = world.subscribe(customer_of(world), prices, at=NOW - 10 * DAY, **trial)
    return Work(world.deliver("roll_billing_cycles", subscription))


def overdue(world: World) -> Work:
    """An invoice that was sent and not paid in time."""
    prices = [world.price(unit_amount=1_500)]
    sends = {"collection_method": "send_invoice", "days_until_due": 5}
    subscription = world.subscribe(customer_of(world), prices, at=NOW - 20 * DAY, **sends)
    invoice = world.stored(subscription)["latest_invoice"]
    at_time(world, NOW - 20 * DAY + HOUR, world.deliver("produce_invoices", invoice))
    assert world.stored(invoice)["status"] == "open"
    return Work(world.deliver("produce_invoices", invoice))


def expiry(world: World) -> Work:
    """A first invoice that was not paid within 23 hours, of a customer whose credit it took."""
    customer = customer_of(world)
    world.credit(customer, -700)
    prices = [world.price(unit_amount=1_500)]
    waits = {"payment_behavior": "default_incomplete"}
    subscription = world.subscribe(customer, prices, at=NOW - DAY, **waits)
    assert world.stored(subscription)["status"] == "incomplete"
    return Work(world.deliver("roll_billing_cycles", subscription))


def late(world: World) -> Work:
    """An invoice that was not paid in time, first late and then given up."""
    patience = {"past_due_window_seconds": 5 * DAY, "unpaid_window_seconds": 5 * DAY}
    update_settings(world.context(), patience)
    prices = [world.price(unit_amount=1_500)]
    subscription = world.subscribe(customer_of(world), prices, at=NOW - 20 * DAY)
    return Work(world.deliver("produce_invoices", world.stored(subscription)["latest_invoice"]))


def given_up(world: World) -> Work:
    """The same, of an account that then cancels."""
    update_settings(world.context(), {"unpaid_action": "cancel"})
    return late(world)


def stopping(world: World) -> Work:
    """A cancelled subscription whose open invoices did not all stop advancing at once."""
    customer = customer_of(world)
    prices = [world.price(unit_amount=1_500)]
    subscription = world.subscribe(customer, prices, at=SUBSCRIBED)
    world.deliver("roll_billing_cycles", subscription)()
    for number in range(45):
        created = {"customer": customer, "subscription": subscription}
        item = {**created, "amount": number, "currency": "usd"}
        create_invoice_item(world.context(), item)
        create_invoice(world.context(), created | {"auto_advance": True})
    cancel_subscription(world.context(), subscription, {})
    return Work(world.deliver("roll_billing_cycles", subscription))
