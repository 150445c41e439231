"""Changes of subscriptions: their items, ends, cycles, trials, and how they are collected."""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from meterline.store.base.documents import Body
from tests.faults.billing.world import DAY
from tests.faults.lives.beginnings import BEHAVIORS, new_item
from tests.faults.lives.catalogue import FAMILIES, Tag
from tests.faults.lives.life import Life, items_of
from tests.faults.lives.previews import compare_change


@dataclass(frozen=True, slots=True)
class Draw:
    """A subscription that is to change, and where the details come from."""

    life: Life
    chance: Random
    subscription: Body


def change(life: Life, chance: Random) -> None:
    """Change a subscription in one or two respects."""
    subscription = one_of(life, chance)
    if subscription is None:
        return
    params: Body = {}
    for facet in chance.sample(list(_FACETS), chance.choice([1, 1, 2])):
        params |= _FACETS[facet](Draw(life, chance, subscription))
    if not params:
        return
    if chance.random() < 0.5:
        params["proration_behavior"] = chance.choice(BEHAVIORS)
    if chance.random() < 0.06:
        start = max(item["current_period_start"] for item in items_of(subscription))
        params["proration_date"] = chance.randrange(start, max(life.now, start) + 1)
    _update(life, subscription, params)


def reprice(life: Life, chance: Random) -> None:
    """Swap, add, remove items or change their quantities."""
    subscription = one_of(life, chance)
    if subscription is None:
        return
    params = _changed_items(Draw(life, chance, subscription))
    params["proration_behavior"] = chance.choice(BEHAVIORS)
    _update(life, subscription, params)


def set_end(life: Life, chance: Random) -> None:
    """Give a subscription an end, another one, or none."""
    subscription = one_of(life, chance)
    if subscription is None:
        return
    params = _changed_end(Draw(life, chance, subscription))
    if chance.random() < 0.3:
        params["proration_behavior"] = chance.choice(BEHAVIORS)
    _update(life, subscription, params)


def one_of(life: Life, chance: Random) -> Body | None:
    """A subscription: rather one that has an end, seldom one that is over."""
    running = life.subscriptions()
    ending = [subscription for subscription in running if subscription["cancel_at"] is not None]
    if ending and chance.random() < 0.4:
        return chance.choice(ending)
    if running and chance.random() < 0.97:
        return chance.choice(running)
    over = life.subscriptions(ended=True)
    return chance.choice(over) if over else None


def _update(life: Life, subscription: Body, params: Body) -> None:
    path = f"/v1/subscriptions/{subscription['id']}"
    compare_change(
        life,
        subscription["id"],
        params,
        lambda: life.shop.ask("POST", path, **params),
    )


def _changed_items(draw: Draw) -> Body:
    changed: list[Body] = []
    for item in draw.chance.sample(
        items_of(draw.subscription), draw.chance.choice([1, min(2, _count(draw.subscription))])
    ):
        one: Body = {"id": item["id"]}
        match draw.chance.choices(["quantity", "price", "delete", "discounts"], [4, 5, 2, 1])[0]:
            case "quantity" if "quantity" in item:
                one["quantity"] = draw.chance.choice([0, 1, 2, 3, 7, 20])
            case "delete" if _count(draw.subscription) > 1:
                one["deleted"] = True
            case "discounts":
                one["discounts"] = [{"coupon": draw.chance.choice(draw.life.catalogue.coupons)}]
            case _:
                one["price"] = _other_tag(draw).id
        changed.append(one)
    if draw.chance.random() < 0.3:
        changed.append(new_item(draw.life, draw.chance, _other_tag(draw)))
    return {"items": changed}


def _count(subscription: Body) -> int:
    return len(items_of(subscription))


def _other_tag(draw: Draw) -> Tag:
    """Another price: mostly one that goes with those that the subscription has."""
    interval = items_of(draw.subscription)[0]["price"]["recurring"]["interval"]
    family = next(one for one in FAMILIES if interval in one)
    offered = [
        tag
        for tag in draw.life.catalogue.tags
        if tag.currency == draw.subscription["currency"] and tag.interval in family
    ]
    same = [tag for tag in offered if tag.interval == interval]
    return draw.chance.choice(same if draw.chance.random() < 0.5 else offered)


def _changed_end(draw: Draw) -> Body:
    if draw.subscription["cancel_at"] is not None and draw.chance.random() < 0.5:
        return {"cancel_at": ""} if draw.chance.random() < 0.5 else {"cancel_at_period_end": False}
    if draw.chance.random() < 0.4:
        return {"cancel_at_period_end": True}
    if draw.chance.random() < 0.3:
        words = ["min_period_end", "max_period_end", "max_billed_until"]
        return {"cancel_at": draw.chance.choice(words)}
    if draw.chance.random() < 0.3:
        end = draw.chance.choice(items_of(draw.subscription))["current_period_end"]
        return {"cancel_at": end + draw.chance.choice([-1, 0, 1])}
    return {"cancel_at": draw.life.now + draw.chance.randrange(1, 80 * DAY)}


def _trial(draw: Draw) -> Body:
    if draw.chance.random() < 0.3:
        return {"trial_end": "now"}
    return {"trial_end": draw.life.now + draw.chance.randrange(1, 40 * DAY)}


def _collection(draw: Draw) -> Body:
    if draw.subscription["collection_method"] == "send_invoice":
        return {"collection_method": "charge_automatically", "days_until_due": ""}
    return {"collection_method": "send_invoice", "days_until_due": draw.chance.choice([0, 3, 30])}


def _pause(draw: Draw) -> Body:
    if draw.subscription["pause_collection"] is not None and draw.chance.random() < 0.6:
        return {"pause_collection": ""}
    pause: Body = {"behavior": draw.chance.choice(["keep_as_draft", "mark_uncollectible", "void"])}
    if draw.chance.random() < 0.6:
        pause["resumes_at"] = draw.life.now + draw.chance.randrange(1, 50 * DAY)
    return {"pause_collection": pause}


def _discounts(draw: Draw) -> Body:
    if draw.chance.random() < 0.3:
        return {"discounts": ""}
    return {"discounts": [{"coupon": draw.chance.choice(draw.life.catalogue.coupons)}]}


def _pending(draw: Draw) -> Body:
    if (
        draw.subscription["pending_invoice_item_interval"] is not None
        and draw.chance.random() < 0.5
    ):
        return {"pending_invoice_item_interval": ""}
    interval = draw.chance.choice(["day", "week", "month"])
    return {"pending_invoice_item_interval": {"interval": interval}}


def _thresholds(draw: Draw) -> Body:
    if draw.subscription["billing_thresholds"] is not None and draw.chance.random() < 0.5:
        return {"billing_thresholds": ""}
    return {"billing_thresholds": {"amount_gte": draw.chance.choice([50, 800])}}


def _extra(draw: Draw) -> Body:
    price = _other_tag(draw)
    product = items_of(draw.subscription)[0]["price"]["product"]
    data = {"currency": price.currency, "product": product, "unit_amount": 250}
    return {"add_invoice_items": [{"price_data": data, "quantity": draw.chance.choice([1, 2])}]}


_FACETS: dict[str, Callable[[Draw], Body]] = {
    "items": _changed_items,
    "end": _changed_end,
    "cycle": lambda _: {"billing_cycle_anchor": "now"},
    "trial": _trial,
    "collection": _collection,
    "pause": _pause,
    "discounts": _discounts,
    "pending": _pending,
    "thresholds": _thresholds,
    "extra": _extra,
}
