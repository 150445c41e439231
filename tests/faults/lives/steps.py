"""What happens in a life: requests of the seller and usage of the customer, drawn from a seed."""

from random import Random

from meterline.store.base.documents import Body
from tests.faults.billing.world import DAY
from tests.faults.lives.beginnings import BEHAVIORS, HOUR, begin, subscribe
from tests.faults.lives.bills import bill_mix, credit_on, void_recent
from tests.faults.lives.changes import change, one_of, reprice, set_end
from tests.faults.lives.life import Life, Verb, items_of
from tests.faults.lives.offers import (
    begin_with_offers,
    credit,
    end_grant,
    end_schedule,
    grant,
    redeem,
    reschedule,
    schedule,
    subscribe_taxed,
    tax,
    void_note,
    void_paid_by_credits,
)
from tests.faults.lives.previews import compare_end, compare_renewal


# ------------------------------------------------------------------ time
def advance(life: Life, chance: Random) -> None:
    """Let time pass: to what is due next, a second before or after it, or anywhere."""
    step(life, _next_stop(life, chance))


def see_out(life: Life, chance: Random) -> None:
    """Let the rest of the story come: a few periods more, and an hour for the last drafts."""
    for _ in range(3):
        step(life, _far(life, chance))
    step(life, life.now + 2 * HOUR)


def step(life: Life, target: int) -> None:
    """Advance the clock, as far as it goes at once."""
    life.look()
    life.shop.advance(life.clock, max(target, life.now + 1))
    life.look()


def _next_stop(life: Life, chance: Random) -> int:
    if chance.random() < 0.45:
        return _far(life, chance)
    ends = [
        item["current_period_end"]
        for subscription in life.subscriptions()
        for item in items_of(subscription)
    ]
    ends += [
        subscription["cancel_at"]
        for subscription in life.subscriptions()
        if subscription["cancel_at"]
    ]
    coming = sorted(end for end in set(ends) if end > life.now)
    if not coming:
        return _far(life, chance)
    stop = coming[0] if chance.random() < 0.8 else chance.choice(coming)
    return min(int(stop) + chance.choice([-1, 0, 0, 1, HOUR - 1, HOUR]), _limit(life))


def _far(life: Life, chance: Random) -> int:
    return min(life.now + chance.randrange(1, 60 * DAY), _limit(life))


def _limit(life: Life) -> int:
    """About as far as the clock goes at once: two of the shortest intervals."""
    lengths = [
        {"day": 1, "week": 7, "month": 28, "year": 365}[item["price"]["recurring"]["interval"]]
        for subscription in life.subscriptions()
        for item in items_of(subscription)
    ]
    return life.now + 2 * DAY * min(lengths, default=300)


# ------------------------------------------------------------------ usage
def use(life: Life, chance: Random) -> None:
    """Usage: now, late, or about the beginning of a period."""
    for _ in range(chance.choice([1, 1, 2, 4])):
        metered = _metered(life)
        if metered and chance.random() < 0.8:
            subscription, item, event_name = chance.choice(metered)
            _send(life, chance, subscription["customer"], event_name, _moment(life, chance, item))
        else:
            event_name = chance.choice(list(life.catalogue.meters))
            _send(life, chance, chance.choice(life.customers), event_name, life.now)
    life.shop.count()


def use_at_the_edge(life: Life, chance: Random) -> None:
    """Usage of a period's last second and the next one's first, in time or while it is drafted."""
    metered = _metered(life)
    if not metered:
        return
    subscription, item, event_name = chance.choice(metered)
    end = item["current_period_end"]
    step(life, min(end + chance.choice([-1, 0, 0, HOUR // 2, HOUR - 1, HOUR]), _limit(life)))
    for at in (end - 1, end):
        if life.now - 34 * DAY < at <= life.now:
            _send(life, chance, subscription["customer"], event_name, at)
    life.shop.count()


def use_late(life: Life, chance: Random) -> None:
    """Usage of a period that an invoice has billed already, final or not."""
    billed = [
        (invoice, line)
        for invoice in life.invoices("draft", "open", "paid", "uncollectible")
        for line in invoice["lines"]["data"]
        if line["_"]["meter"] and life.now - 34 * DAY < line["period"]["end"] <= life.now
    ]
    if not billed:
        return
    invoice, line = chance.choice(billed)
    names = {meter: name for name, meter in life.catalogue.meters.items()}
    at = max(line["period"]["end"] - 1, line["period"]["start"])
    _send(life, chance, invoice["customer"], names[line["_"]["meter"]], at)
    life.shop.count()


def hand_over(life: Life, chance: Random) -> None:
    """End a subscription of usage and begin another to its price, in one second."""
    metered = [pair for pair in _metered(life) if pair[0]["status"] == "active"]
    if not metered:
        return
    subscription, item, event_name = chance.choice(metered)
    _send(life, chance, subscription["customer"], event_name, life.now)
    life.shop.count()
    path = f"/v1/subscriptions/{subscription['id']}"
    begun = {
        "customer": subscription["customer"],
        "items": [{"price": item["price"]["id"]}],
        "currency": subscription["currency"],
        "billing_mode": {"type": subscription["billing_mode"]["type"]},
    }
    for ends in chance.sample([True, False], 2):
        if ends:
            life.shop.ask("DELETE", path, invoice_now=True)
        else:
            life.shop.ask("POST", "/v1/subscriptions", **begun)


def watch_amount(life: Life, chance: Random) -> None:
    """Give a subscription of usage a threshold, and use as much in the middle of its period."""
    metered = [pair for pair in _metered(life) if pair[0]["status"] == "active"]
    if not metered:
        return
    subscription, _, event_name = chance.choice(metered)
    thresholds: Body = {"amount_gte": chance.choice([50, 600])}
    if chance.random() < 0.3:
        thresholds["reset_billing_cycle_anchor"] = True
    path = f"/v1/subscriptions/{subscription['id']}"
    life.shop.ask("POST", path, billing_thresholds=thresholds)
    for _ in range(chance.choice([1, 2])):
        _send(life, chance, subscription["customer"], event_name, life.now)
        life.shop.count()


def _metered(life: Life) -> list[tuple[Body, Body, str]]:
    """The metered items of running subscriptions, and the names of the events that they count."""
    names = {meter: name for name, meter in life.catalogue.meters.items()}
    return [
        (subscription, item, names[item["price"]["recurring"]["meter"]])
        for subscription in life.subscriptions()
        for item in items_of(subscription)
        if item["price"]["recurring"]["meter"]
    ]


def _send(life: Life, chance: Random, customer: str, event_name: str, at: int) -> None:
    value = chance.choice([1, 7, 40, 333])
    asked = life.shop.ask(
        "POST",
        "/v1/billing/meter_events",
        event_name=event_name,
        payload={"stripe_customer_id": customer, "value": value},
        identifier=f"event {len(life.usage)} {at}",
        timestamp=at,
    )
    if not asked.is_refusal:
        life.usage.append((customer, event_name, at, value))


def _moment(life: Life, chance: Random, item: Body) -> int:
    late = chance.choices(["now", "late", "edge"], [5, 2, 3])[0]
    start = int(item["current_period_start"])
    if late == "edge" and life.now - 34 * DAY < start <= life.now:
        return start - chance.choice([0, 1])
    return life.now - chance.randrange(30 * DAY) if late == "late" else life.now


# ------------------------------------------------------------------ subscriptions
def migrate(life: Life, chance: Random) -> None:
    """Move a classic subscription to flexible billing."""
    classic = [
        subscription
        for subscription in life.subscriptions()
        if subscription["billing_mode"]["type"] == "classic"
    ]
    if classic:
        path = f"/v1/subscriptions/{chance.choice(classic)['id']}/migrate"
        life.shop.ask("POST", path, billing_mode={"type": "flexible"})


def cancel(life: Life, chance: Random) -> None:
    """End a subscription now."""
    subscription = one_of(life, chance)
    if subscription is None:
        return
    flags = {name: True for name in ("prorate", "invoice_now") if chance.random() < 0.5}
    path = f"/v1/subscriptions/{subscription['id']}"
    if "invoice_now" not in flags:
        life.shop.ask("DELETE", path, **flags)
        return
    behavior = "create_prorations" if "prorate" in flags else "none"
    details = {"cancel_now": True, "proration_behavior": behavior}
    compare_end(life, subscription["id"], details, lambda: life.shop.ask("DELETE", path, **flags))


def pause_or_resume(life: Life, chance: Random) -> None:
    """Pause a running subscription, or let a paused one go on."""
    subscription = one_of(life, chance)
    if subscription is None:
        return
    path = f"/v1/subscriptions/{subscription['id']}"
    if subscription["status"] != "paused":
        bill_for = {
            "outstanding_usage_through": {"type": chance.choice(["now", "none"])},
            "unused_time_from": {"type": chance.choice(["now", "none"])},
        }
        behavior = chance.choice(["invoice", "pending_invoice_item"])
        paused: Body = {"bill_for": bill_for, "invoicing_behavior": behavior}
        compare_end(
            life,
            subscription["id"],
            {"pause": paused},
            lambda: life.shop.ask("POST", f"{path}/pause", **paused),
        )
        return
    params: Body = {"billing_cycle_anchor": chance.choice(["now", "unchanged"])}
    if params["billing_cycle_anchor"] == "unchanged":
        params["proration_behavior"] = chance.choice(BEHAVIORS)
    compare_end(
        life,
        subscription["id"],
        {"resume_at": "now", **params},
        lambda: life.shop.ask("POST", f"{path}/resume", **params),
    )


# ------------------------------------------------------------------ invoices and money
def settle(life: Life, chance: Random) -> None:
    """Pay open invoices, void them, or give them up."""
    for invoice in life.invoices("open", "uncollectible"):
        path = f"/v1/invoices/{invoice['id']}"
        verb = chance.choices(["pay", "void", "mark_uncollectible", ""], [6, 2, 1, 4])[0]
        if verb == "pay":
            life.shop.ask("POST", f"{path}/pay", paid_out_of_band=True)
        elif verb:
            life.shop.ask("POST", f"{path}/{verb}")


def handle_drafts(life: Life, chance: Random) -> None:
    """Finalise, delete or hold drafts."""
    for invoice in life.invoices("draft"):
        path = f"/v1/invoices/{invoice['id']}"
        match chance.choices(["finalize", "delete", "hold", ""], [4, 3, 1, 3])[0]:
            case "finalize":
                life.shop.ask("POST", f"{path}/finalize")
            case "delete":
                life.shop.ask("DELETE", path)
            case "hold":
                life.shop.ask("POST", path, auto_advance=False)


def add_item(life: Life, chance: Random) -> None:
    """Charge or credit something once."""
    params: Body = {
        "customer": chance.choice(life.customers),
        "amount": chance.choice([-700, -5, 1, 30, 400, 9_000]),
        "currency": life.currency if chance.random() < 0.85 else chance.choice(["eur", "usd"]),
    }
    subscription = one_of(life, chance)
    if subscription is not None and chance.random() < 0.4:
        params |= {"customer": subscription["customer"], "subscription": subscription["id"]}
    life.shop.ask("POST", "/v1/invoiceitems", **params)


def drop_item(life: Life, chance: Random) -> None:
    """Delete an item that waits for its invoice."""
    waiting = [item for item in life.shop.record.latest("invoiceitem") if item["invoice"] is None]
    if waiting:
        life.shop.ask("DELETE", f"/v1/invoiceitems/{chance.choice(waiting)['id']}")


def drop_proration(life: Life, chance: Random) -> None:
    """Delete a proration that waits or stands on a draft, rather a debit; or ask for less of it.

    Often its subscription changes once more, or ends, right after that.
    """
    if not _editable_prorations(life):
        reprice(life, chance)
    there = _editable_prorations(life)
    if not there:
        return
    item = chance.choice([one for one in there if one["amount"] > 0] or there)
    path = f"/v1/invoiceitems/{item['id']}"
    if chance.random() < 0.1:
        life.shop.ask("POST", path, amount=1)
    life.shop.ask("DELETE", path)
    details = (item["parent"] or {}).get("subscription_details")
    then = chance.choice(["", "reprice", "end"])
    if then == "reprice":
        reprice(life, chance)
    elif then == "end" and details:
        life.shop.ask("DELETE", f"/v1/subscriptions/{details['subscription']}", prorate=True)


def _editable_prorations(life: Life) -> list[Body]:
    places = {invoice["id"] for invoice in life.invoices("draft")} | {None}
    items = life.shop.record.latest("invoiceitem")
    return [item for item in items if item["proration"] and item["invoice"] in places]


def bill_by_hand(life: Life, chance: Random) -> None:
    """An invoice that nobody asked for, with what waits or without."""
    params: Body = {"customer": chance.choice(life.customers)}
    subscription = one_of(life, chance)
    if subscription is not None and chance.random() < 0.3:
        params = {"subscription": subscription["id"]}
    behavior = chance.choice(["include", "include", "exclude"])
    made = life.shop.ask("POST", "/v1/invoices", pending_invoice_items_behavior=behavior, **params)
    if not made.is_refusal and chance.random() < 0.6:
        life.shop.ask("POST", f"/v1/invoices/{made.body['id']}/finalize")


def book(life: Life, chance: Random) -> None:
    """Credit or debit a customer's balance."""
    life.shop.ask(
        "POST",
        f"/v1/customers/{chance.choice(life.customers)}/balance_transactions",
        amount=chance.choice([-5_000, -300, -1, 2, 450]),
        currency=life.currency if chance.random() < 0.85 else chance.choice(["eur", "usd"]),
    )


def part(life: Life, chance: Random) -> None:
    """Delete a customer."""
    if chance.random() < 0.3:
        life.shop.ask("DELETE", f"/v1/customers/{chance.choice(life.customers)}")


def preview_renewal(life: Life, chance: Random) -> None:
    """Look at the next renewal a second before it comes, then let it come."""
    running = [
        subscription
        for subscription in life.subscriptions()
        if subscription["status"] in ("active", "trialing")
    ]
    if running:
        compare_renewal(life, chance.choice(running)["id"], step)


VERBS: dict[str, Verb] = {
    one.__name__: one
    for one in (
        begin,
        subscribe,
        advance,
        see_out,
        use,
        use_at_the_edge,
        use_late,
        hand_over,
        watch_amount,
        change,
        reprice,
        set_end,
        migrate,
        cancel,
        pause_or_resume,
        settle,
        handle_drafts,
        add_item,
        drop_item,
        drop_proration,
        bill_by_hand,
        book,
        part,
        preview_renewal,
        begin_with_offers,
        subscribe_taxed,
        tax,
        redeem,
        grant,
        end_grant,
        credit,
        void_note,
        void_paid_by_credits,
        schedule,
        reschedule,
        end_schedule,
        bill_mix,
        credit_on,
        void_recent,
    )
}
