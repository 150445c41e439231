"""What a seller grants, taxes, promises and takes back, drawn from a seed."""

import re
from random import Random

from meterline.store.base.documents import Body
from tests.faults.billing.world import DAY
from tests.faults.lives.beginnings import BEHAVIORS, begin, new_item, some_tags
from tests.faults.lives.catalogue import WORDS, Tag
from tests.faults.lives.changes import one_of
from tests.faults.lives.life import Life, items_of
from tests.faults.lives.previews import compare_change, compare_start

_TO_GIVE_BACK = re.compile(r"(\d+) of it exceed ")
"""Who is refused a note is told how much of it was paid."""

PROMISES = ("month", "month", "week", "day")


def begin_with_offers(life: Life, chance: Random) -> None:
    """A beginning with codes that can be redeemed, and credits at times."""
    begin(life, chance)
    for word, coupon in WORDS.items():
        params: Body = {"promotion": {"type": "coupon", "coupon": coupon}, "code": word}
        if chance.random() < 0.8:
            params["max_redemptions"] = chance.choice([1, 1, 2])
        if chance.random() < 0.2:
            params["restrictions"] = {"first_time_transaction": True}
        made = life.shop.ask("POST", "/v1/promotion_codes", **params)
        life.codes.append(made.body["id"])
    for _ in range(chance.choice([0, 1, 2, 3])):
        grant(life, chance)
    subscribe_taxed(life, chance)


# ------------------------------------------------------------------ taxes and codes
def subscribe_taxed(life: Life, chance: Random) -> None:
    """A new subscription with tax rates, and a code at times."""
    currency = life.currency if chance.random() < 0.9 else "usd"
    mode = chance.choice(["flexible", "classic"])
    items = []
    tags = some_tags(life, chance, currency, mixed=mode == "flexible")
    if chance.random() < 0.6:
        tags = [tag for tag in tags if tag.meter] or [_metered(life, chance, currency)]
    for tag in tags:
        item = new_item(life, chance, tag)
        if chance.random() < 0.3:
            item["tax_rates"] = rates(life, chance)
        items.append(item)
    params: Body = {
        "customer": chance.choice(life.customers),
        "items": items,
        "billing_mode": {"type": mode},
        "default_tax_rates": rates(life, chance),
    }
    if chance.random() < 0.5:
        params["discounts"] = [{"promotion_code": chance.choice(life.codes)}]
    compare_start(life, params, lambda: life.shop.ask("POST", "/v1/subscriptions", **params))


def _metered(life: Life, chance: Random, currency: str) -> Tag:
    metered = [tag for tag in life.catalogue.tags if tag.meter and tag.currency == currency]
    return chance.choice(metered)


def tax(life: Life, chance: Random) -> None:
    """Other tax rates for a subscription or one of its items, or who is exempt."""
    if chance.random() < 0.2:
        path = f"/v1/customers/{chance.choice(life.customers)}"
        life.shop.ask("POST", path, tax_exempt=chance.choice(["none", "exempt", "reverse"]))
        return
    subscription = one_of(life, chance)
    if subscription is None:
        return
    params: Body = {"default_tax_rates": rates(life, chance)}
    if chance.random() < 0.4:
        item: Body = {"id": chance.choice(items_of(subscription))["id"]}
        item["tax_rates"] = rates(life, chance)
        if chance.random() < 0.5:
            item["quantity"] = chance.choice([1, 2, 7])
        params = {"items": [item], "proration_behavior": chance.choice(BEHAVIORS)}
    _update(life, subscription, params)


def rates(life: Life, chance: Random) -> list[str] | str:
    """Up to two tax rates, as a parameter asks for them."""
    return chance.sample(list(life.catalogue.rates), chance.choice([0, 1, 1, 2])) or ""


def redeem(life: Life, chance: Random) -> None:
    """A customer redeems a code, and once more."""
    code = chance.choice(life.codes)
    subscription = one_of(life, chance)
    if subscription is None:
        return
    for _ in range(2):
        _update(life, subscription, {"discounts": [{"promotion_code": code}]})


def _update(life: Life, subscription: Body, params: Body) -> None:
    path = f"/v1/subscriptions/{subscription['id']}"
    compare_change(life, subscription["id"], params, lambda: life.shop.ask("POST", path, **params))


# ------------------------------------------------------------------ credits
def grant(life: Life, chance: Random) -> None:
    """Give a customer credits for usage, in money or in units of a meter."""
    value = chance.choice([1, 90, 90, 300, 20_000])
    params: Body = {
        "customer": chance.choice(life.customers),
        "amount": {"type": "monetary", "monetary": {"currency": life.currency, "value": value}},
        "applicability_config": {"scope": {"price_type": "metered"}},
        "category": chance.choice(["paid", "promotional"]),
    }
    params["priority"] = priority = chance.randrange(101)
    if priority % 3 == 0:
        params["amount"] = _units(life, value, priority // 3)
    if chance.random() < 0.4:
        params["expires_at"] = life.now + chance.randrange(1, 90 * DAY)
    if chance.random() < 0.2:
        params["effective_at"] = life.now + chance.randrange(1, 20 * DAY)
    life.shop.ask("POST", "/v1/billing/credit_grants", **params)


def _units(life: Life, value: int, place: int) -> Body:
    """As many units and a half of one of the meters."""
    meters = sorted({tag.meter for tag in life.catalogue.tags if tag.meter})
    meter = life.catalogue.meters[meters[place % len(meters)]]
    return {
        "type": "custom_pricing_unit",
        "custom_pricing_unit": {"id": meter, "value": f"{value}.5"},
    }


def void_paid_by_credits(life: Life, chance: Random) -> None:
    """Void an open invoice that credits have paid a part of."""
    paid = [
        invoice
        for invoice in life.invoices("open", "uncollectible")
        if any(
            part["type"] == "credit_balance_transaction"
            for part in invoice["total_pretax_credit_amounts"]
        )
    ]
    if paid:
        life.shop.ask("POST", f"/v1/invoices/{chance.choice(paid)['id']}/void")


def end_grant(life: Life, chance: Random) -> None:
    """Void a grant, let it expire now, or move its expiry."""
    grants = life.shop.record.latest("billing.credit_grant")
    if not grants:
        return
    path = f"/v1/billing/credit_grants/{chance.choice(grants)['id']}"
    verb = chance.choice(["void", "expire", ""])
    if verb:
        life.shop.ask("POST", f"{path}/{verb}")
    else:
        life.shop.ask("POST", path, expires_at=life.now + chance.randrange(1, 30 * DAY))


# ------------------------------------------------------------------ credit notes
def credit(life: Life, chance: Random) -> None:
    """Take back a part of a final invoice, or all of it."""
    final = [one for one in life.invoices("open", "paid", "uncollectible") if one["lines"]["data"]]
    if not final:
        return
    worth = [one for one in final if one["total"] > 0]
    invoice = chance.choice(worth if worth and chance.random() < 0.9 else final)
    lines = [line for line in invoice["lines"]["data"] if line["amount"]]
    reduced = [line for line in lines if line["pretax_credit_amounts"] or line["taxes"]]
    line = chance.choice(reduced or invoice["lines"]["data"])
    match chance.choice(["amount", "parts", "parts", "lines"]):
        case "amount":
            amount = chance.randrange(1, max(invoice["total"], 1) + 2)
            issue_note(life, chance, invoice["id"], {"amount": amount})
        case "parts":
            for _ in range(3):
                issue_note(life, chance, invoice["id"], {"lines": [_part(chance, line)]})
        case _:
            own = [{"type": "invoice_line_item", "invoice_line_item": one["id"]} for one in lines]
            issue_note(life, chance, invoice["id"], {"lines": own} if own else {"amount": 1})


def _part(chance: Random, line: Body) -> Body:
    """A part of a line, of its sign; what rounds to nothing is one unit."""
    amount = line["amount"] // chance.choice([2, 3, 7]) or line["amount"]
    return {"type": "invoice_line_item", "invoice_line_item": line["id"], "amount": amount}


def issue_note(life: Life, chance: Random, invoice: str, params: Body) -> None:
    """Issue a note; what was paid is given back in one way or two."""
    asked: Body = {"invoice": invoice, **params}
    shown = life.shop.look_up("/v1/credit_notes/preview", method="GET", **asked)
    missing = _TO_GIVE_BACK.search(shown.body["error"]["message"] if shown.is_refusal else "")
    if missing:
        paid = int(missing[1])
        asked["credit_amount"] = chance.choice([paid, paid // 2])
        asked["out_of_band_amount"] = paid - asked["credit_amount"]
    life.shop.ask("POST", "/v1/credit_notes", **asked)


def void_note(life: Life, chance: Random) -> None:
    """Let a credit note never have been."""
    notes = life.shop.record.latest("credit_note")
    if notes:
        life.shop.ask("POST", f"/v1/credit_notes/{chance.choice(notes)['id']}/void")


# ------------------------------------------------------------------ schedules
def schedule(life: Life, chance: Random) -> None:
    """Plan phases, of a subscription that runs or of a new one."""
    subscription = one_of(life, chance)
    if subscription is not None and chance.random() < 0.7:
        made = life.shop.ask(
            "POST", "/v1/subscription_schedules", from_subscription=subscription["id"]
        )
        if not made.is_refusal:
            _plan(life, chance, made.body)
        return
    phases = [_phase(life, chance, life.currency) for _ in range(chance.choice([1, 2, 3]))]
    start = chance.choice(["now", "now", life.now + chance.randrange(1, 20 * DAY)])
    life.shop.ask(
        "POST",
        "/v1/subscription_schedules",
        customer=chance.choice(life.customers),
        start_date=start,
        end_behavior=chance.choice(["release", "cancel"]),
        phases=phases,
    )


def reschedule(life: Life, chance: Random) -> None:
    """Plan the rest of a schedule anew."""
    active = _schedules(life, "active")
    if active:
        _plan(life, chance, chance.choice(active))


def end_schedule(life: Life, chance: Random) -> None:
    """Release or cancel a schedule."""
    there = _schedules(life, "active", "not_started")
    if there:
        path = f"/v1/subscription_schedules/{chance.choice(there)['id']}"
        verb = chance.choice(["release", "release", "cancel"])
        life.shop.ask("POST", f"{path}/{verb}")


def _schedules(life: Life, *statuses: str) -> list[Body]:
    schedules = life.shop.record.latest("subscription_schedule")
    return [one for one in schedules if one["status"] in statuses]


def _plan(life: Life, chance: Random, schedule: Body) -> None:
    """Keep the current phase, and let others follow."""
    current = next(
        phase
        for phase in schedule["phases"]
        if schedule["current_phase"]
        and phase["start_date"] == schedule["current_phase"]["start_date"]
    )
    kept: Body = {
        "items": [_planned(item) for item in current["items"]],
        "start_date": current["start_date"],
        "end_date": chance.choice([current["end_date"], life.now + chance.randrange(1, 40 * DAY)]),
    }
    if current["discounts"]:
        kept["discounts"] = [
            {"discount": one["discount"]} if one["discount"] else {"coupon": one["coupon"]}
            for one in current["discounts"]
        ]
    currency = current["currency"]
    later = [_phase(life, chance, currency) for _ in range(chance.choice([1, 1, 2]))]
    life.shop.ask(
        "POST",
        f"/v1/subscription_schedules/{schedule['id']}",
        phases=[kept, *later],
        end_behavior=chance.choice(["release", "cancel"]),
    )


def _planned(item: Body) -> Body:
    planned: Body = {"price": item["price"]}
    return planned | ({"quantity": item["quantity"]} if item.get("quantity") is not None else {})


def _phase(life: Life, chance: Random, currency: str) -> Body:
    tags = some_tags(life, chance, currency, mixed=False)
    phase: Body = {
        "items": [new_item(life, chance, tag) for tag in tags],
        "duration": {"interval": chance.choice(PROMISES), "interval_count": chance.choice([1, 2])},
        "proration_behavior": chance.choice(BEHAVIORS),
    }
    if chance.random() < 0.3:
        phase["default_tax_rates"] = rates(life, chance)
    if chance.random() < 0.25:
        phase["discounts"] = [{"coupon": chance.choice(life.catalogue.coupons)}]
    if chance.random() < 0.15:
        phase["trial"] = True
    elif chance.random() < 0.15:
        phase["billing_cycle_anchor"] = "phase_start"
    return phase
