"""How a life begins: its clock and customers, and subscriptions of any kind."""

from random import Random
from typing import TYPE_CHECKING

from meterline.store.base.documents import Body
from tests.faults.billing.world import DAY, NOW
from tests.faults.lives.catalogue import DAYS, FAMILIES, Tag
from tests.faults.lives.life import Life
from tests.faults.lives.previews import compare_start

if TYPE_CHECKING:
    from collections.abc import Callable

HOUR = 3_600
BEHAVIORS = ["create_prorations", "create_prorations", "always_invoice", "none"]


def begin(life: Life, chance: Random) -> None:
    """A clock, one or two customers, and how the account treats late payments and late usage."""
    start = NOW - 1_200 * DAY + chance.randrange(400 * DAY)
    if chance.random() < 0.3:
        start = start // DAY * DAY
    life.shop.now = start
    clock = life.shop.ask("POST", "/v1/test_helpers/test_clocks", frozen_time=start)
    life.clock = clock.body["id"]
    life.currency = chance.choices(["usd", "eur", "jpy", "kwd"], [8, 1, 1, 1])[0]
    for _ in range(chance.choice([1, 1, 1, 2])):
        made = life.shop.ask("POST", "/v1/customers", test_clock=life.clock)
        life.customers.append(made.body["id"])
    settings: Body = {}
    if chance.random() < 0.4:
        settings["past_due_window_seconds"] = chance.choice([0, HOUR, 3 * DAY])
        settings["unpaid_window_seconds"] = settings["past_due_window_seconds"] + chance.choice(
            [0, HOUR, 10 * DAY]
        )
        settings["unpaid_action"] = chance.choice(["mark_unpaid", "cancel"])
    if chance.random() < 0.4:
        settings["late_usage"] = "next_invoice"
        life.bills_late = True
    if chance.random() < 0.2:
        settings["invoice_grace_seconds"] = chance.choice([0, 60, 2 * DAY])
    if settings:
        life.shop.ask("POST", "/v1/meterline/settings", **settings)


def subscribe(life: Life, chance: Random) -> None:
    """A new subscription of any kind."""
    mode = chance.choice(["flexible", "flexible", "classic"])
    currency = life.currency if chance.random() < 0.92 else chance.choice(["usd", "eur", "jpy"])
    tags = some_tags(life, chance, currency, mixed=mode == "flexible")
    params: Body = {
        "customer": chance.choice(life.customers),
        "items": [new_item(life, chance, tag) for tag in tags],
        "billing_mode": {"type": mode},
    }
    params |= _start(life, chance, tags)
    params |= _standing(life, chance, tags)
    if chance.random() < 0.2:
        params |= _end(life, chance, tags)
    if chance.random() < 0.15:
        params["proration_behavior"] = chance.choice(BEHAVIORS)
    if chance.random() < 0.1:
        params["payment_behavior"] = "default_incomplete"
    if chance.random() < 0.3:
        params["collection_method"] = "send_invoice"
        params["days_until_due"] = chance.choice([0, 1, 14, 30])
    compare_start(life, params, lambda: life.shop.ask("POST", "/v1/subscriptions", **params))


def some_tags(life: Life, chance: Random, currency: str, *, mixed: bool) -> list[Tag]:
    """Prices that one subscription can have, of several intervals only if ``mixed``."""
    family = chance.choices(FAMILIES, [1, 4])[0]
    intervals = family if mixed and chance.random() < 0.4 else (chance.choice(family),)
    offered = [
        tag for tag in life.catalogue.tags if tag.currency == currency and tag.interval in intervals
    ]
    number = min(len(offered), chance.choice([1, 1, 2, 2, 3]))
    return chance.sample(offered, number)


def new_item(life: Life, chance: Random, tag: Tag) -> Body:
    item: Body = {"price": tag.id}
    if tag.meter is None and chance.random() < 0.6:
        item["quantity"] = chance.choice([0, 1, 2, 3, 5, 12])
    if chance.random() < 0.1:
        item["discounts"] = [{"coupon": chance.choice(life.catalogue.coupons)}]
    if tag.meter is not None and chance.random() < 0.08:
        item["billing_thresholds"] = {"usage_gte": chance.choice([5, 50, 500])}
    return item


def _start(life: Life, chance: Random, tags: list[Tag]) -> Body:
    """Trials, anchors and backdating, a trial with any of the others at times."""
    kinds = ["plain", "trial", "anchor", "config", "back", "plan"]
    kind = chance.choices(kinds, [9, 4, 2, 2, 2, 1])[0]
    next_anchor = life.now + chance.randrange(1, min(DAYS[tag.interval] for tag in tags) * DAY)
    if kind == "config" and tags[0].interval not in FAMILIES[1]:
        kind = "plain"
    starts: dict[str, Callable[[], Body]] = {
        "plain": dict,
        "trial": lambda: _trial(life, chance),
        "anchor": lambda: {"billing_cycle_anchor": next_anchor},
        "config": lambda: {"billing_cycle_anchor_config": _config(chance)},
        "back": lambda: _backdated(life, chance, next_anchor),
        "plan": lambda: {"trial_from_plan": True},
    }
    started = starts[kind]()
    if kind in ("config", "back") and "billing_cycle_anchor" not in started:
        started |= _trial(life, chance) if chance.random() < 0.3 else {}
    return started


def _trial(life: Life, chance: Random) -> Body:
    behavior = chance.choice(["create_invoice", "create_invoice", "cancel", "pause"])
    settings = {"end_behavior": {"missing_payment_method": behavior}}
    if chance.random() < 0.5:
        given: Body = {"trial_period_days": chance.choice([1, 3, 7, 14, 31])}
    else:
        given = {"trial_end": life.now + chance.randrange(1, 40 * DAY)}
    return given | {"trial_settings": settings}


def _backdated(life: Life, chance: Random, next_anchor: int) -> Body:
    length = next_anchor - life.now
    back: Body = {"backdate_start_date": life.now - chance.randrange(1, 3 * length + 1)}
    if chance.random() < 0.4:
        back["billing_cycle_anchor"] = next_anchor
    return back


def _config(chance: Random) -> Body:
    config: Body = {"day_of_month": chance.choice([1, 15, 29, 30, 31])}
    if chance.random() < 0.3:
        config |= {"hour": chance.randrange(24), "minute": 0, "second": 0}
    if chance.random() < 0.2:
        config["month"] = chance.randrange(1, 13)
    return config


def _standing(life: Life, chance: Random, tags: list[Tag]) -> Body:
    """What a subscription has beside its items."""
    params: Body = {}
    if chance.random() < 0.25:
        number = chance.choice([1, 1, 2])
        coupons = chance.sample(life.catalogue.coupons, number)
        params["discounts"] = [{"coupon": coupon} for coupon in coupons]
    if chance.random() < 0.12:
        interval = chance.choice(["day", "week", "month"])
        params["pending_invoice_item_interval"] = {"interval": interval}
    if any(tag.meter for tag in tags) and chance.random() < 0.15:
        params["billing_thresholds"] = {"amount_gte": chance.choice([50, 600, 5_000])}
        if chance.random() < 0.5:
            params["billing_thresholds"]["reset_billing_cycle_anchor"] = True
    return params


def _end(life: Life, chance: Random, tags: list[Tag]) -> Body:
    """An end: with the period, at an end of a period, or anywhere."""
    if chance.random() < 0.35:
        return {"cancel_at_period_end": True}
    if chance.random() < 0.3:
        return {"cancel_at": chance.choice(["min_period_end", "max_period_end"])}
    longest = max(DAYS[tag.interval] for tag in tags)
    return {"cancel_at": life.now + chance.randrange(1, 2 * longest * DAY)}
