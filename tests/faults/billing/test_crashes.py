"""Wherever a process of the scheduled half dies, the retry of its trigger completes the same work.

Each piece of work is run once undisturbed; then, for every call that it makes to AWS, it is run
again from the same beginning and dies just before that call reaches AWS, and once more just after.
Its trigger invokes it again. At the end every item of every table, and everything that was sent or
published, must be what the undisturbed run left, byte for byte.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import boto3
import pytest

from meterline.core.base.periods import Period
from meterline.core.billing import pending_batches
from meterline.services.account.settings_changes import update_settings
from meterline.services.billing.unit_of_work import open_unit_of_work
from meterline.services.catalog.coupons import create_coupon
from meterline.services.catalog.tax_rates import create_tax_rate
from meterline.services.credit_notes.verbs import create_credit_note
from meterline.services.credits.grants import create_credit_grant, expire_credit_grant
from meterline.services.invoices.item_bodies import ItemTerms, new_item
from meterline.services.invoices.item_verbs import create_invoice_item
from meterline.services.invoices.manual import create_invoice
from meterline.services.invoices.pay_or_close import void_invoice
from meterline.services.metering.alerts import create_alert
from meterline.services.schedules.create import create_schedule
from meterline.services.subscriptions.cancel import cancel_subscription
from meterline.services.subscriptions.item_verbs import delete_item
from meterline.services.work.test_clocks import (
    advance_test_clock,
    create_test_clock,
    delete_test_clock,
)
from meterline.store.base import listing_notes
from meterline.store.base.notes import notes_in
from meterline.store.billing import parts
from meterline.store.billing.repository import BillingStore
from tests.factories.streams import counter_of, counters_changed, inserted
from tests.factories.usage import use
from tests.faults.billing.wire import Moment, Wire, dies_at
from tests.faults.billing.world import DAY, NOW, State, World
from tests.handlers import load_handler

HOUR = 3_600
SUBSCRIBED = NOW - 75 * DAY


@dataclass(frozen=True, slots=True)
class Work:
    """What is set up, what is invoked, and what was sent: all that must not depend on crashes."""

    trigger: Callable[[], Any]
    sent: Callable[[], list[str]] = list


def renewal(world: World) -> Work:
    """Two renewals that were missed, each of one licensed and two metered items."""
    subscription = _subscription(world, _customer(world))
    return Work(world.deliver("roll_billing_cycles", subscription))


def large_renewal(world: World) -> Work:
    """A renewal of a long invoice: its lines in parts, its pending items on several tabs."""
    customer = _customer(world)
    subscription = _subscription(world, customer)
    _charge(world, customer, 24)
    return Work(world.deliver("roll_billing_cycles", subscription))


def large_finalisation(world: World) -> Work:
    """A long draft with usage that came within its hour, on its own lines and on a tab's items."""
    customer = _customer(world)
    subscription = _subscription(world, customer)
    _charge(world, customer, 24)
    item = next(one for one in world.stored(subscription)["items"]["data"] if "quantity" not in one)
    ctx = world.context(NOW - 50 * DAY)
    delete_item(ctx, item["id"], {})
    _at(world, NOW - 44 * DAY, world.deliver("roll_billing_cycles", subscription))
    [draft] = [invoice for invoice in world.bodies("invoice") if invoice["status"] == "draft"]
    for meter in _meters(world):
        use(meter, customer, at=SUBSCRIBED + 3 * DAY, quantity=9, name="late")
    return Work(world.deliver("produce_invoices", draft["id"]))


def finalisation(world: World) -> Work:
    """A draft with usage that came within its hour, for a customer with some credit."""
    customer = _customer(world)
    subscription = _subscription(world, customer)
    _at(world, NOW - 44 * DAY, world.deliver("roll_billing_cycles", subscription))
    [draft] = [invoice for invoice in world.bodies("invoice") if invoice["status"] == "draft"]
    world.credit(customer, -700)
    use(_meters(world)[0], customer, at=SUBSCRIBED + 3 * DAY, quantity=9, name="late")
    return Work(world.deliver("produce_invoices", draft["id"]))


def finalisation_by_units(world: World) -> Work:
    """A draft that takes the last units of one grant and some of another."""
    customer = _customer(world)
    subscription = _subscription(world, customer)
    meter = _meters(world)[0]
    for units in ("4.5", "1000"):
        asked = {"id": meter, "value": Decimal(units)}
        grant = {
            "customer": customer,
            "amount": {"type": "custom_pricing_unit", "custom_pricing_unit": asked},
            "applicability_config": {"scope": {"price_type": "metered"}},
            "effective_at": SUBSCRIBED,
        }
        create_credit_grant(world.context(SUBSCRIBED), grant)
    _at(world, NOW - 44 * DAY, world.deliver("roll_billing_cycles", subscription))
    [draft] = [invoice for invoice in world.bodies("invoice") if invoice["status"] == "draft"]
    use(meter, customer, at=SUBSCRIBED + 3 * DAY, quantity=9, name="late")
    return Work(_with_same_ids(world, world.deliver("produce_invoices", draft["id"])))


def credited_finalisation(world: World) -> Work:
    """A draft with taxes, paid from three grants; what is left crosses an alert."""
    return Work(_with_same_ids(world, world.deliver("produce_invoices", _credited(world))))


def credited_void(world: World) -> Work:
    """A final invoice that is void gives back what it took, some of it to a grant that expired."""
    invoice = _credited(world)
    world.deliver("produce_invoices", invoice)()
    first = next(one for one in world.bodies("billing.credit_grant") if one["name"] == "0")
    expire_credit_grant(world.context(), first["id"], {})

    def void() -> None:
        if world.stored(invoice)["status"] == "open":
            void_invoice(world.context(), invoice, {})

    return Work(_with_same_ids(world, void))


def credited_note(world: World) -> Work:
    """A credit note for an invoice that credits paid in part."""
    invoice = _credited(world)
    world.deliver("produce_invoices", invoice)()

    def issue() -> None:
        if not world.bodies("credit_note"):
            create_credit_note(world.context(), {"invoice": invoice, "amount": 100})

    return Work(_with_same_ids(world, issue))


def credit_expiry(world: World) -> Work:
    """A grant whose time has come, of a customer that is told of it."""
    customer = _customer(world)
    grant = _grant(world, customer, 700, expires_at=NOW - DAY)
    _alert_on_credits(world, customer)
    return Work(_with_same_ids(world, world.deliver("produce_invoices", grant)))


def clock_advance(world: World) -> Work:
    """A clock that goes on by a week and two hours: a renewal, and its invoice finalised."""
    frozen = NOW - 200 * DAY
    clock = create_test_clock(world.context(), {"frozen_time": frozen})["id"]
    price = world.price(unit_amount=1_500, interval="week")
    world.subscribe(world.customer(at=frozen, test_clock=clock), [price], at=frozen)
    advance_test_clock(world.context(), clock, {"frozen_time": frozen + 7 * DAY + 2 * HOUR})
    return Work(world.deliver("advance_test_clocks", clock))


def clock_deletion(world: World) -> Work:
    """A deleted clock with a customer, a subscription and an invoice."""
    clock = create_test_clock(world.context(), {"frozen_time": NOW - 200 * DAY})["id"]
    customer = world.customer(at=NOW - 200 * DAY, test_clock=clock)
    world.subscribe(customer, [world.price(unit_amount=1_500)], at=NOW - 200 * DAY)
    delete_test_clock(world.context(), clock, {})
    return Work(world.deliver("advance_test_clocks", clock))


def notice(world: World) -> Work:
    """A trial that will end, and does: its notice, its first bill, and no second notice."""
    prices = [world.price(unit_amount=1_500)]
    trial = {"trial_period_days": 10}
    subscription = world.subscribe(_customer(world), prices, at=NOW - 10 * DAY, **trial)
    return Work(world.deliver("roll_billing_cycles", subscription))


def overdue(world: World) -> Work:
    """An invoice that was sent and not paid in time."""
    prices = [world.price(unit_amount=1_500)]
    sends = {"collection_method": "send_invoice", "days_until_due": 5}
    subscription = world.subscribe(_customer(world), prices, at=NOW - 20 * DAY, **sends)
    invoice = world.stored(subscription)["latest_invoice"]
    _at(world, NOW - 20 * DAY + HOUR, world.deliver("produce_invoices", invoice))
    assert world.stored(invoice)["status"] == "open"
    return Work(world.deliver("produce_invoices", invoice))


def expiry(world: World) -> Work:
    """A first invoice that was not paid within 23 hours, of a customer whose credit it took."""
    customer = _customer(world)
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
    subscription = world.subscribe(_customer(world), prices, at=NOW - 20 * DAY)
    return Work(world.deliver("produce_invoices", world.stored(subscription)["latest_invoice"]))


def given_up(world: World) -> Work:
    """The same, of an account that then cancels."""
    update_settings(world.context(), {"unpaid_action": "cancel"})
    return late(world)


def schedule_start(world: World) -> Work:
    """A schedule whose start has come: its subscription, and a first invoice with a charge."""
    phase = {"items": [{"price": world.price(unit_amount=1_500)}], "end_date": NOW + 40 * DAY}
    made = create_schedule(
        world.context(SUBSCRIBED),
        {"customer": _customer(world), "start_date": NOW - DAY, "phases": [phase]},
    )
    return Work(_with_same_ids(world, world.deliver("roll_billing_cycles", made["id"])))


def phase_change(world: World) -> Work:
    """A renewal, a phase within the next period that bills at once, a renewal, and the end."""
    metered = world.price(unit_amount=3, meter=_meters(world)[0])
    first, second = (world.price(unit_amount=amount) for amount in (1_500, 2_700))
    ends = (SUBSCRIBED + 45 * DAY, SUBSCRIBED + 70 * DAY)
    phases = [
        {"items": [{"price": price}, {"price": metered}], "end_date": end}
        for price, end in zip((first, second), ends, strict=True)
    ]
    phases[1]["proration_behavior"] = "always_invoice"
    customer = _customer(world)
    wanted = {"customer": customer, "start_date": "now", "phases": phases}
    made = create_schedule(world.context(SUBSCRIBED), wanted)
    use(_meters(world)[0], customer, at=SUBSCRIBED + DAY, quantity=40)
    subscription = str(made["subscription"])
    return Work(_with_same_ids(world, world.deliver("roll_billing_cycles", subscription)))


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
    wanted = {"customer": _customer(world), "start_date": "now", "phases": phases}
    made = create_schedule(then, {**wanted, "end_behavior": "cancel"})
    subscription = str(made["subscription"])
    return Work(_with_same_ids(world, world.deliver("roll_billing_cycles", subscription)))


def stopping(world: World) -> Work:
    """A cancelled subscription whose open invoices did not all stop advancing at once."""
    customer = _customer(world)
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


def dispatch(world: World) -> Work:
    """Subscriptions, a draft and a clock that are due."""
    first, _ = (_subscription(world, _customer(world)) for _ in range(2))
    _at(world, NOW - 44 * DAY, world.deliver("roll_billing_cycles", first))
    clock = create_test_clock(world.context(), {"frozen_time": NOW - DAY})["id"]
    advance_test_clock(world.context(), clock, {"frozen_time": NOW})
    queues = [
        world.engine.environment[f"METERLINE_{name}_QUEUE_URL"]
        for name in ("RENEWALS", "INVOICES", "CLOCKS")
    ]
    for queue in queues:
        world.drain(queue)

    def sent() -> list[str]:
        return [text for queue in queues for text in world.drain(queue)]

    return Work(lambda: load_handler("dispatch_due_work")({}, None), sent)


def alert(world: World) -> Work:
    """Usage that crosses the thresholds of two alerts."""
    customer = _customer(world)
    meter = _meters(world)[0]
    use(meter, customer, at=NOW - DAY, quantity=7)
    for gte in (5, 6):
        threshold = {"meter": meter, "gte": gte, "recurrence": "one_time"}
        params = {"alert_type": "usage_threshold", "title": "Much", "usage_threshold": threshold}
        create_alert(world.context(), params)
    records = counters_changed([counter_of(meter, customer, "2026-01-01T00")])
    return Work(lambda: load_handler("watch_usage")({"Records": records}, None))


def threshold(world: World) -> Work:
    """Usage that crosses the billing threshold of a subscription."""
    customer = _customer(world)
    meter = _meters(world)[0]
    prices = [world.price(unit_amount=1_500), world.price(unit_amount=100, meter=meter)]
    thresholds = {"amount_gte": 500, "reset_billing_cycle_anchor": None}
    world.subscribe(customer, prices, at=NOW - 5 * DAY, billing_thresholds=thresholds)
    _charge(world, customer, 2)
    use(meter, customer, at=NOW - DAY, quantity=7)
    records = counters_changed([counter_of(meter, customer, "2026-01-01T00")])
    watch = load_handler("watch_usage")
    return Work(_with_same_ids(world, lambda: watch({"Records": records}, None)))


def publication(world: World) -> Work:
    """The outboxes of a renewal and of a triggered alert."""
    subscription = _subscription(world, _customer(world))
    world.deliver("roll_billing_cycles", subscription)()
    alert(world).trigger()
    items = world.engine.scan("billing")
    records = inserted(item for item in items if item.get("kind", {}).get("S") == "event")
    heard = [_hears(world, topic) for topic in ("EVENTS", "ALERTS")]

    def sent() -> list[str]:
        texts = [text for queue in heard for text in world.drain(queue)]
        return sorted({json.loads(text)["Message"] for text in texts})

    return Work(lambda: load_handler("publish_events")({"Records": records}, None), sent)


WORKS = [
    renewal,
    large_renewal,
    large_finalisation,
    finalisation,
    finalisation_by_units,
    credited_finalisation,
    credited_void,
    credited_note,
    credit_expiry,
    notice,
    overdue,
    expiry,
    late,
    given_up,
    stopping,
    schedule_start,
    phase_change,
    phases_to_the_end,
    clock_advance,
    clock_deletion,
    dispatch,
    alert,
    threshold,
    publication,
]


@pytest.mark.crashes
@pytest.mark.parametrize("prepare", WORKS, ids=lambda one: one.__name__)
def test_work_that_dies_at_any_call_ends_as_if_it_had_not(
    world: World, prepare: Callable[[World], Work], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pending_batches, "MOST_ITEMS", 7)
    monkeypatch.setattr(parts, "INLINE_LINES", 20)
    monkeypatch.setattr(parts, "PART_BYTES", 1_000)
    work = prepare(world)
    beginning = world.state()
    undisturbed = _outcome(world, work, Wire().at)
    calls = len(world.wire.calls)
    assert calls >= 2, "nothing happened"
    assert undisturbed != (beginning, []), "nothing happened"
    for moment in (Moment(call, after) for call in range(calls) for after in (False, True)):
        world.restore(beginning)
        outcome = _outcome(world, work, dies_at(moment))
        assert outcome == undisturbed, f"differs when it dies at {moment}"


def _outcome(
    world: World, work: Work, at: Callable[[Moment, str], None]
) -> tuple[State, list[str]]:
    world.wire.at = at
    world.until_done(_by_a_new_process(work.trigger))
    return _told_apart(world.state()), work.sent()


def _by_a_new_process(trigger: Callable[[], Any]) -> Callable[[], Any]:
    """A trigger of work whose process knows nothing of how much was listed lately."""

    def begin() -> Any:
        listing_notes.PROCESS.allowances.clear()
        return trigger()

    return begin


def _told_apart(state: State) -> State:
    """The state without what nobody reads: parts that no invoice names, which its next change
    removes, search rows of values that an object has no more, which readers pass over, how often
    a total of old usage was forgotten, and what is remembered of thresholds: a look that comes
    again remembers what the next one would have.
    """
    billing: dict[tuple[str, ...], Any] = state["billing"]
    named = {
        (pk, name)
        for (pk, _), item in billing.items()
        for name in item.get("parts", {}).get("SS", ())
    }
    kept = {
        key: {name: value for name, value in item.items() if name not in notes_in(item)}
        for key, item in billing.items()
        if (not key[1].startswith("lines#") or key in named) and not _misleads(key, billing)
    }
    usage = {
        key: {name: value for name, value in item.items() if name != "generation"}
        for key, item in state["usage"].items()
    }
    return state | {"billing": kept, "usage": usage}


def _misleads(key: tuple[str, ...], billing: dict[tuple[str, ...], Any]) -> bool:
    """Whether a row of the search leads to an object that does not have its value."""
    mode, kind, *rest = key[0].split("#")
    if kind != "term":
        return False
    found = billing.get((f"{mode}#{key[1].partition('#')[2]}", "#"), {})
    return rest[-1] not in found.get("terms", {}).get("SS", ())


def _with_same_ids(world: World, trigger: Callable[[], Any]) -> Callable[[], Any]:
    """A trigger of work that makes ids of its own in one commit: each try makes the same ones."""

    def again() -> Any:
        world.seed_ids(1)
        return trigger()

    return again


def _at(world: World, now: int, act: Callable[[], object]) -> None:
    before, world.clock.now = world.clock.now, now
    act()
    world.clock.now = before


def _customer(world: World) -> str:
    return world.customer(at=SUBSCRIBED)


def _charge(world: World, customer: str, number: int) -> None:
    ctx = world.context(NOW - 60 * DAY)
    document = ctx.store.get(customer)
    assert document is not None
    uow = open_unit_of_work(ctx, document)
    for amount in range(1, number + 1):
        period = Period(ctx.now, ctx.now)
        terms = ItemTerms(amount=amount, currency="usd", period=period, description="Charge")
        uow.add_item(new_item(uow, terms))
    uow.save()


def _meters(world: World) -> list[str]:
    """The meters of the two metered prices, made when first asked for."""
    names = ("tokens", "requests")
    store = BillingStore(livemode=False)
    held = [store.claim_holder("meter_event_name", name) for name in names]
    return [one or world.meter(name) for one, name in zip(held, names, strict=True)]


def _prices(world: World, meters: list[str]) -> list[str]:
    return [
        world.price(unit_amount=1_500),
        world.price(unit_amount=3, meter=meters[0]),
        world.price(unit_amount=5, meter=meters[1]),
    ]


def _subscription(world: World, customer: str) -> str:
    meters = _meters(world)
    subscription = world.subscribe(customer, _prices(world, meters), at=SUBSCRIBED)
    use(meters[0], customer, at=SUBSCRIBED + DAY, quantity=40)
    use(meters[1], customer, at=SUBSCRIBED + 40 * DAY, quantity=11)
    return subscription


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
    customer = _customer(world)
    rate = create_tax_rate(
        world.context(SUBSCRIBED),
        {"display_name": "VAT", "inclusive": False, "percentage": Decimal(20)},
    )
    meters = _meters(world)
    subscription = world.subscribe(
        customer, _prices(world, meters), at=SUBSCRIBED, default_tax_rates=[rate["id"]]
    )
    for meter in meters:
        use(meter, customer, at=SUBSCRIBED + DAY, quantity=40)
    for number, value in enumerate((100, 90, 80)):
        _grant(world, customer, value, name=str(number))
    _alert_on_credits(world, customer)
    _at(world, NOW - 44 * DAY, world.deliver("roll_billing_cycles", subscription))
    [draft] = [invoice for invoice in world.bodies("invoice") if invoice["status"] == "draft"]
    assert draft["total_pretax_credit_amounts"]
    return str(draft["id"])


def _alert_on_credits(world: World, customer: str) -> None:
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


def _hears(world: World, topic: str) -> str:
    queue = str(boto3.client("sqs").create_queue(QueueName=f"heard-{topic}")["QueueUrl"])
    arn = boto3.client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])
    boto3.client("sns").subscribe(
        TopicArn=world.engine.environment[f"METERLINE_{topic}_TOPIC_ARN"],
        Protocol="sqs",
        Endpoint=arn["Attributes"]["QueueArn"],
    )
    return queue
