"""The story: a company sells tokens with a base fee, and bills them to the cent."""

import random
import time
import urllib.request
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import stripe
from rich.progress import track

from local.aws import Stack
from local.demo import arithmetic
from local.demo.arithmetic import instant
from local.demo.cast import Clock, Listener, Usage, listening, sdk
from local.demo.stage import chapter, check, console, moment, money, say, table, wait_until

START = instant("2026-01-15 10:00:00")
FIRST_END = instant("2026-01-31 10:00:00")
SECOND_END = instant("2026-02-28 10:00:00")
THIRD_END = instant("2026-03-31 10:00:00")
ONE_MONTH_ON = instant("2026-02-15 10:00:00")
HOUR = 3600
SELLER: dict[str, Any] = {
    "company": {
        "name": "Analytical Engines Ltd",
        "address": {"line1": "12 St James's Square", "city": "London", "country": "GB"},
    },
    "branding": {"primary_color": "#0b5cad"},
    "invoice_settings": {
        "payment_instructions": "Please transfer the amount and name the invoice number.",
    },
}
ALERT_TOKENS = 100_000
STREAM_EVENTS = 300
SEED = 2026


@dataclass(slots=True)
class Story:
    """What the chapters share, and the tokens that must have been counted so far."""

    stack: Stack
    client: stripe.StripeClient
    listener: Listener
    event_name: str
    meter: str = ""
    prices: dict[str, str] = field(default_factory=dict)
    customer: str = ""
    clock: Any = None
    subscription: str = ""
    usage: Any = None
    tokens: Decimal = Decimal(0)


def emit(stack: Stack) -> str:
    """Tell the whole story on a running stack; Wrong if a figure is not what it should be.

    Returns the address of the last invoice's page.
    """
    client = sdk(stack.api_key, stack.api_base)
    with listening(stack, stack.outputs()["AlertsTopicArn"]) as listener:
        story = Story(stack, client, listener, event_name=f"tokens_{time.time_ns()}")
        catalogue(story)
        customer_on_a_clock(story)
        single_events(story)
        watch_for_a_threshold(story)
        stream_of_events(story)
        one_alert(story)
        summaries(story)
        first_cycle(story)
        second_cycle(story)
        what_was_told(story)
        return what_the_payer_sees(story)


def catalogue(story: Story) -> None:
    """Chapter 1."""
    chapter("1  The catalogue")
    client = story.client
    describe_seller(client)
    product = client.v1.products.create({"name": "Tokens", "unit_label": "token"})
    plan = client.v1.products.create({"name": "Team plan"})
    meter = client.v1.billing.meters.create(
        {
            "display_name": "Tokens",
            "event_name": story.event_name,
            "default_aggregation": {"formula": "sum"},
        }
    )
    tiers: Any = [
        {"up_to": "inf" if up_to is None else up_to, "unit_amount_decimal": cents}
        for up_to, cents in arithmetic.TIERS
    ]
    metered = client.v1.prices.create(
        {
            "product": product.id,
            "currency": "usd",
            "billing_scheme": "tiered",
            "tiers_mode": "graduated",
            "tiers": tiers,
            "recurring": {"interval": "month", "usage_type": "metered", "meter": meter.id},
        }
    )
    base = client.v1.prices.create(
        {
            "product": plan.id,
            "currency": "usd",
            "unit_amount": arithmetic.BASE_MINOR,
            "recurring": {"interval": "month"},
        }
    )
    story.meter = meter.id
    story.prices = {"tokens": metered.id, "base": base.id}
    say(f"A meter sums [cyan]{meter.event_name}[/]: {meter.id}")
    say(f"Team plan, {money(arithmetic.BASE_MINOR)} a month in advance: {base.id}")
    table(
        f"Tokens, graduated, in arrears: {metered.id}",
        ["tokens", "cents each"],
        [(f"up to {up_to:,}" if up_to else "above", cents) for up_to, cents in arithmetic.TIERS],
    )


def customer_on_a_clock(story: Story) -> None:
    """Chapter 2."""
    chapter("2  A customer, and a subscription that renews on the last day of each month")
    client = story.client
    clock = client.v1.test_helpers.test_clocks.create({"frozen_time": START})
    customer = client.v1.customers.create(
        {"name": "Ada Lovelace", "email": "ada@example.com", "test_clock": clock.id}
    )
    subscription = client.v1.subscriptions.create(
        {
            "customer": customer.id,
            "items": [{"price": story.prices["base"]}, {"price": story.prices["tokens"]}],
            "billing_cycle_anchor_config": {"day_of_month": 31},
            "expand": ["latest_invoice"],
        }
    )
    story.clock = Clock(client, clock.id)
    story.customer = customer.id
    story.subscription = subscription.id
    story.usage = Usage(client, story.meter, customer.id)
    say(f"Ada's clock stands at {moment(START)} UTC; anchor config: day_of_month=31")
    period = subscription["items"].data[0]
    check("the first period ends", moment(period.current_period_end), moment(FIRST_END))
    invoice: Any = subscription.latest_invoice
    show_invoice(invoice)
    expected = arithmetic.first_invoice_minor(START, FIRST_END, ONE_MONTH_ON)
    check("16 of 31 days of the base fee", money(invoice.total), money(expected))
    check("it is finalised at once", invoice.status, "open")


def single_events(story: Story) -> None:
    """Chapter 3, events one by one."""
    chapter("3  Usage: single events, one of them twice")
    story.clock.advance(instant("2026-01-28 10:00:00"))
    for day, tokens in ((16, 1200), (20, 800), (25, 2500)):
        send(story, f"day-{day}", instant(f"2026-01-{day} 12:00:00"), tokens)
        story.tokens += tokens
        say(f"{day} Jan: {tokens:,} tokens")
    try:
        send(story, "day-25", instant("2026-01-25 12:00:00"), 2500)
    except stripe.InvalidRequestError as error:
        check("the same identifier again", error.user_message, _duplicate(story, "day-25"))
    send(story, "mistake", instant("2026-01-26 12:00:00"), 999_999)
    story.client.v1.billing.meter_event_adjustments.create(
        {
            "event_name": story.event_name,
            "type": "cancel",
            "cancel": {"identifier": identifier(story, "mistake")},
        }
    )
    say("26 Jan: 999,999 tokens by mistake, cancelled")
    story.usage.wait_for(story.tokens, START, FIRST_END)
    check("tokens counted", f"{story.usage.total(START, FIRST_END):,}", f"{story.tokens:,}")


def watch_for_a_threshold(story: Story) -> None:
    """Chapter 4, before the crossing."""
    chapter(f"4  An alert at {ALERT_TOKENS:,} tokens")
    alert = story.client.v1.billing.alerts.create(
        {
            "title": "Ada passes 100,000 tokens",
            "alert_type": "usage_threshold",
            "usage_threshold": {
                "gte": ALERT_TOKENS,
                "meter": story.meter,
                "recurrence": "one_time",
                "filters": [{"type": "customer", "customer": story.customer}],
            },
        }
    )
    say(f"{alert.id} watches Ada's tokens")


def stream_of_events(story: Story) -> None:
    """Chapter 3 again, in bulk."""
    say(f"{STREAM_EVENTS} events go through a v2 stream session, 100 a request, while it watches")
    session = story.client.v2.billing.meter_event_session.create()
    stream = sdk(session.authentication_token, story.stack.api_base)
    events = _random_events(story)
    began = time.monotonic()
    for first in track(range(0, len(events), 100), description="  Streaming", console=console):
        stream.v2.billing.meter_event_stream.create({"events": events[first : first + 100]})
    rate = len(events) / (time.monotonic() - began)
    story.tokens += sum(Decimal(event["payload"]["value"]) for event in events)
    say(f"{rate:,.0f} events a second, from one client")


def one_alert(story: Story) -> None:
    """Chapter 4, the crossing."""
    found = wait_until(
        "The alert travels from the counter to SNS", lambda: story.listener.messages() or None
    )
    story.usage.wait_for(story.tokens, START, FIRST_END)
    event = found[0]
    triggered = event["data"]["object"]
    table(
        "On SNS",
        ["field", "value"],
        [
            ("type", event["type"]),
            ("id", event["id"]),
            ("alert", triggered["alert"]["title"]),
            ("customer", triggered["customer"]),
            ("value", f"{triggered['value']:,}"),
        ],
    )
    check("the alert is Ada's", triggered["customer"], story.customer)
    if triggered["value"] < ALERT_TOKENS:
        check("tokens at the alert", triggered["value"], f"at least {ALERT_TOKENS}")
    send(story, "more", instant("2026-01-27 12:00:00"), 5000)
    story.tokens += 5000
    story.usage.wait_for(story.tokens, START, FIRST_END)
    again = [message for _ in range(3) for message in story.listener.messages()]
    check("alerts on SNS, after more usage too", len(found) + len(again), 1)


def summaries(story: Story) -> None:
    """Chapter 5, before the end of the period."""
    chapter("5  What Ada has used, by day and by hour")
    first, last = instant("2026-01-15 00:00:00"), instant("2026-02-01 00:00:00")
    days = story.usage.windows(first, last, "day")
    hours = story.usage.windows(first, last, "hour")
    table(
        "Tokens by day",
        ["day", "tokens"],
        [(moment(day)[:11], f"{tokens:,}") for day, tokens in sorted(days.items())],
    )
    check("the days' sum", f"{sum(days.values()):,}", f"{story.tokens:,}")
    check(f"the sum of {len(hours)} hours", f"{sum(hours.values()):,}", f"{story.tokens:,}")


def first_cycle(story: Story) -> None:
    """Chapter 6."""
    chapter("6  The month ends: draft, an hour for late usage, final invoice")
    preview = story.client.v1.invoices.create_preview({"subscription": story.subscription})
    check("preview of the period", money(preview.total), money(_renewal_minor(story.tokens)))
    story.clock.advance(FIRST_END + HOUR // 2)
    draft = latest_invoice(story)
    check("at the month's end there is a", draft.status, "draft")
    check("and it is what the preview said", money(draft.total), money(preview.total))
    late = 777
    send(story, "late", FIRST_END - 1, late)
    story.tokens += late
    story.usage.wait_for(story.tokens, START, FIRST_END)
    say(f"{late} tokens of the period's last second come in late")
    story.clock.advance(FIRST_END + HOUR)
    final = latest_invoice(story)
    show_invoice(final)
    check("status", final.status, "open")
    check("number", (final.number or "").rpartition("-")[2], "0002")
    check("total, late tokens included", money(final.total), money(_renewal_minor(story.tokens)))


def second_cycle(story: Story) -> None:
    """Chapter 7."""
    chapter("7  February has no 31st: the next periods end on the 28th and on 31 March")
    story.clock.advance(instant("2026-02-20 10:00:00"))
    tokens = Decimal("123456.5")
    send(story, "february", instant("2026-02-19 08:30:00"), tokens)
    story.usage.wait_for(tokens, FIRST_END, SECOND_END)
    say(f"19 Feb: {tokens:,} tokens")
    preview = story.client.v1.invoices.create_preview({"subscription": story.subscription})
    story.clock.advance(SECOND_END + HOUR)
    final = latest_invoice(story)
    show_invoice(final)
    check("total", money(final.total), money(_renewal_minor(tokens)))
    check("and what was previewed on 20 Feb", money(preview.total), money(final.total))
    subscription = story.client.v1.subscriptions.retrieve(story.subscription)
    period = subscription["items"].data[0]
    check("the next period starts", moment(period.current_period_start), moment(SECOND_END))
    check("and ends", moment(period.current_period_end), moment(THIRD_END))


def what_was_told(story: Story) -> None:
    """The end: the events of the subscription's invoices."""
    chapter("8  What webhooks would have heard")
    span: Any = {"gte": START, "lt": THIRD_END}
    listed = story.client.v1.events.list({"created": span, "limit": 100})
    events = list(listed.auto_paging_iter())
    rows = [
        (event.type, moment(event.created), event.id)
        for event in reversed(events)
        if event.type.startswith(("invoice.", "customer.sub"))
        and getattr(event.data.object, "customer", None) == story.customer
    ]
    table("Events of Ada's subscription and invoices", ["event", "at", "id"], rows)
    check("invoices finalised", sum(row[0] == "invoice.finalized" for row in rows), 3)


def describe_seller(client: stripe.StripeClient) -> None:
    """Say who sells, if nobody has: invoices' pages show it."""
    path = "/v1/meterline/settings"
    known: Any = client.raw_request("get", path).data
    if not known["company"]:
        client.raw_request("post", path, **SELLER)


def what_the_payer_sees(story: Story) -> str:
    """The end: the page of the last invoice, which needs no key; its address."""
    chapter("9  What the payer sees")
    invoice = latest_invoice(story)
    address = str(invoice.hosted_invoice_url)
    with urllib.request.urlopen(address, timeout=60) as answer:  # noqa: S310 - the stack's own address
        page = answer.read().decode()
    check("the page is there without a key", answer.status, 200)
    check("it names the invoice", str(invoice.number) in page, True)  # noqa: FBT003 - what is to be
    check("and what is due", money(invoice.amount_due) in page, True)  # noqa: FBT003 - see above
    return address


def send(story: Story, name: str, at: int, tokens: int | Decimal) -> None:
    """Send one v1 meter event."""
    story.client.v1.billing.meter_events.create(
        {
            "event_name": story.event_name,
            "identifier": identifier(story, name),
            "timestamp": at,
            "payload": {"stripe_customer_id": story.customer, "value": str(tokens)},
        }
    )


def identifier(story: Story, name: str) -> str:
    """An event's identifier, of this telling of the story."""
    return f"{story.event_name}-{name}"


def latest_invoice(story: Story) -> stripe.Invoice:
    """The subscription's latest invoice."""
    subscription = story.client.v1.subscriptions.retrieve(
        story.subscription, {"expand": ["latest_invoice"]}
    )
    invoice: Any = subscription.latest_invoice
    return stripe.Invoice.construct_from(invoice.to_dict(), None)


def show_invoice(invoice: Any) -> None:  # noqa: ANN401 - the SDK's object
    """Show an invoice's lines."""
    rows = [
        (
            line.description,
            f"{moment(line.period.start)[:11]} to {moment(line.period.end)[:11]}",
            f"{Decimal(str(line.quantity_decimal)):,}",
            money(line.amount),
        )
        for line in invoice.lines.data
    ]
    rows.append(("", "", "total", money(invoice.total)))
    number = invoice.number or "draft"
    table(f"Invoice {number}", ["line", "period", "quantity", "amount"], rows)


def _renewal_minor(tokens: Decimal) -> int:
    return arithmetic.BASE_MINOR + arithmetic.tokens_minor(tokens)


def _random_events(story: Story) -> list[Any]:
    """Events over twelve days of January; the same in each telling."""
    dice = random.Random(SEED)  # noqa: S311 - a story, not a secret
    first = instant("2026-01-16 00:00:00")
    return [
        {
            "event_name": story.event_name,
            "identifier": identifier(story, f"stream-{number}"),
            "timestamp": _rfc3339(first + dice.randrange(12 * 86_400)),
            "payload": {
                "stripe_customer_id": story.customer,
                "value": str(dice.randrange(1, 1000)),
            },
        }
        for number in range(STREAM_EVENTS)
    ]


def _rfc3339(seconds: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(seconds))


def _duplicate(story: Story, name: str) -> str:
    return f"An event already exists with identifier {identifier(story, name)}."
