"""What takes billing credits, gives them back, or ends them."""

from decimal import Decimal
from typing import Any

from meterline.services.catalog.tax_rates import create_tax_rate
from meterline.services.credit_notes.verbs import create_credit_note
from meterline.services.credits.grants import create_credit_grant, expire_credit_grant
from meterline.services.invoices.pay_or_close import void_invoice
from meterline.services.metering.alerts import create_alert
from tests.factories.usage import use
from tests.faults.billing.works.work import (
    SUBSCRIBED,
    Work,
    at_time,
    customer_of,
    meters_of,
    prices_of,
    used_subscription,
    with_same_ids,
)
from tests.faults.billing.world import DAY, NOW, World


def finalisation_by_units(world: World) -> Work:
    """A draft that takes the last units of one grant and some of another."""
    customer = customer_of(world)
    subscription = used_subscription(world, customer)
    meter = meters_of(world)[0]
    for units in ("4.5", "1000"):
        asked = {"id": meter, "value": Decimal(units)}
        grant = {
            "customer": customer,
            "amount": {"type": "custom_pricing_unit", "custom_pricing_unit": asked},
            "applicability_config": {"scope": {"price_type": "metered"}},
            "effective_at": SUBSCRIBED,
        }
        create_credit_grant(world.context(SUBSCRIBED), grant)
    at_time(world, NOW - 44 * DAY, world.deliver("roll_billing_cycles", subscription))
    [draft] = [invoice for invoice in world.bodies("invoice") if invoice["status"] == "draft"]
    use(meter, customer, at=SUBSCRIBED + 3 * DAY, quantity=9, name="late")
    return Work(with_same_ids(world, world.deliver("produce_invoices", draft["id"])))


def credited_finalisation(world: World) -> Work:
    """A draft with taxes, paid from three grants; what is left crosses an alert."""
    return Work(with_same_ids(world, world.deliver("produce_invoices", _credited(world))))


def credited_void(world: World) -> Work:
    """A final invoice that is void gives back what it took, some of it to a grant that expired."""
    invoice = _credited(world)
    world.deliver("produce_invoices", invoice)()
    first = next(one for one in world.bodies("billing.credit_grant") if one["name"] == "0")
    expire_credit_grant(world.context(), first["id"], {})

    def void() -> None:
        if world.stored(invoice)["status"] == "open":
            void_invoice(world.context(), invoice, {})

    return Work(with_same_ids(world, void))


def credited_note(world: World) -> Work:
    """A credit note for an invoice that credits paid in part."""
    invoice = _credited(world)
    world.deliver("produce_invoices", invoice)()

    def issue() -> None:
        if not world.bodies("credit_note"):
            create_credit_note(world.context(), {"invoice": invoice, "amount": 100})

    return Work(with_same_ids(world, issue))


def credit_expiry(world: World) -> Work:
    """A grant whose time has come, of a customer that is told of it."""
    customer = customer_of(world)
    grant = _grant(world, customer, 700, expires_at=NOW - DAY)
    alert_on_credits(world, customer)
    return Work(with_same_ids(world, world.deliver("produce_invoices", grant)))


def _grant(world: World, customer: str, value: int, **more: Any) -> str:
    amount = {"type": "monetary", "monetary": {"currency": "usd", "value": value}}
    params = {
        "customer": customer,
        "amount": amount,
        "applicability_config": {"scope": {"price_type": "metered"}},
        **more,
    }
    return str(create_credit_grant(world.context(SUBSCRIBED), params)["id"])


def _credited(world: World) -> str:
    """The draft of a customer with taxes, whose usage three grants pay for."""
    customer = customer_of(world)
    rate = create_tax_rate(
        world.context(SUBSCRIBED),
        {"display_name": "VAT", "inclusive": False, "percentage": Decimal(20)},
    )
    meters = meters_of(world)
    subscription = world.subscribe(
        customer, prices_of(world, meters), at=SUBSCRIBED, default_tax_rates=[rate["id"]]
    )
    for meter in meters:
        use(meter, customer, at=SUBSCRIBED + DAY, quantity=40)
    for number, value in enumerate((100, 90, 80)):
        _grant(world, customer, value, name=str(number))
    alert_on_credits(world, customer)
    at_time(world, NOW - 44 * DAY, world.deliver("roll_billing_cycles", subscription))
    [draft] = [invoice for invoice in world.bodies("invoice") if invoice["status"] == "draft"]
    assert draft["total_pretax_credit_amounts"]
    return str(draft["id"])


def alert_on_credits(world: World, customer: str) -> None:
    money = {"currency": "usd", "value": 10}
    params = {
        "alert_type": "credit_balance_threshold",
        "title": "Little",
        "credit_balance_threshold": {
            "filters": [{"type": "customer", "customer": customer}],
            "lte": {"balance_type": "monetary", "monetary": money},
        },
    }
    create_alert(world.context(), params)
