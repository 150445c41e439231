"""One customer's usage of two meters at random, billed by a subscription with thresholds."""

import itertools
from dataclasses import dataclass, field
from decimal import Decimal
from random import Random
from typing import Any

import pytest

from meterline.services.billing.unit_of_work import UnitOfWork
from meterline.services.catalog.coupons import create_coupon
from meterline.services.credits.grants import create_credit_grant
from meterline.services.invoices.item_verbs import create_invoice_item
from meterline.services.metering.count import count_records
from meterline.services.subscriptions.thresholds import bill_crossed
from meterline.services.subscriptions.update import update_subscription
from tests.factories.objects import licence, product
from tests.factories.usage import usage_record
from tests.faults.billing.watched_life import HOUR, Life
from tests.faults.billing.wire import Moment
from tests.faults.billing.world import DAY, LONG_AGO, NOW, World

PER_UNIT: dict[str, Any] = {"unit_amount": 7}
GRADUATED: dict[str, Any] = {
    "billing_scheme": "tiered",
    "tiers_mode": "graduated",
    "tiers": [{"up_to": 50, "unit_amount": 9}, {"up_to": "inf", "unit_amount": 4}],
}
VOLUME: dict[str, Any] = GRADUATED | {
    "tiers_mode": "volume",
    "tiers": [
        {"up_to": 10, "unit_amount": 12},
        {"up_to": 14, "unit_amount": 90},
        {"up_to": "inf", "unit_amount": 3},
    ],
}
DISTURBED = 0.1
"""How many of the calls of a look: there are many, and most looks are to be done."""


PRICES = (PER_UNIT, GRADUATED, VOLUME)


@dataclass
class Billed(Life):
    """One customer's usage of two meters, billed by a subscription with thresholds."""

    other_meter: str = ""
    subscription: str = ""
    meters: dict[str, str] = field(default_factory=dict)
    scale: int = 1

    def begin(self) -> None:
        """Subscribe the customer."""
        world, chance = self.world, self.chance
        prices = [self.price(meter) for meter in (self.meter, self.other_meter)]
        start = NOW - chance.choice((3, 10)) * DAY - chance.choice((0, 1_234))
        terms = {
            "billing_thresholds": {
                "amount_gte": chance.choice((2_000, 6_000, 15_000)) // self.scale
            }
        }
        self.subscription = world.subscribe(self.customer, prices, at=start, **terms)

    def price(self, meter: str) -> str:
        """A price of usage."""
        amounts = dict(self.chance.choice(PRICES))
        unit_amount = amounts.pop("unit_amount", None)
        made: dict[str, Any] = {
            "at": LONG_AGO,
            "product": product("Tokens", at=LONG_AGO),
            "meter": meter,
        }
        return licence(unit_amount, **made, **amounts)

    def other(self) -> None:
        """Something that happens less often."""
        self.chance.choice(
            [self.cancel, self.wait, self.pend, self.discount, self.reprice, self.move_thresholds]
        )()

    def pend(self) -> None:
        """Charge or credit something with the next invoice."""
        amount = self.chance.choice((-400, 300, 2_000)) // self.scale
        params = {"customer": self.customer, "amount": amount, "currency": "usd"}
        self._ask(lambda: create_invoice_item(self.world.context(), params))

    def discount(self) -> None:
        """Give the subscription a discount, in place of those before, or none."""
        terms = self.chance.choice(
            (
                {"percent_off": Decimal(50), "duration": "forever"},
                {"amount_off": 150, "currency": "usd", "duration": "forever"},
                None,
            )
        )

        def change() -> None:
            context = self.world.context()
            coupons = [] if terms is None else [{"coupon": create_coupon(context, terms)["id"]}]
            update_subscription(context, self.subscription, {"discounts": coupons})

        self._ask(change)

    def credit(self, minor: int) -> None:
        """Grant credits that pay for usage for some hours."""
        params = {
            "customer": self.customer,
            "amount": {"type": "monetary", "monetary": {"currency": "usd", "value": minor}},
            "applicability_config": {"scope": {"price_type": "metered"}},
            "expires_at": self.world.clock.now + 20 * HOUR,
        }
        self._ask(lambda: create_credit_grant(self.world.context(), params))

    def move_thresholds(self) -> None:
        """Change the thresholds of the subscription or of an item."""
        amount = self.chance.choice((1_000, 4_000, 12_000)) // self.scale
        usage = self.chance.choice((60 // self.scale, 400 // self.scale, None))
        [item, *_] = self.world.stored(self.subscription)["items"]["data"]
        of_item: Any = {"id": item["id"]}
        if usage:
            of_item["billing_thresholds"] = {"usage_gte": usage}
        params = {"billing_thresholds": {"amount_gte": amount}, "items": [of_item]}
        self._ask(lambda: update_subscription(self.world.context(), self.subscription, params))

    def reprice(self) -> None:
        """Change the price of an item."""
        item = self.chance.choice(self.world.stored(self.subscription)["items"]["data"])
        price = self.price(item["price"]["recurring"]["meter"])
        items = [{"id": item["id"], "price": price}]
        params = {"items": items}
        self._ask(lambda: update_subscription(self.world.context(), self.subscription, params))

    def calm(self) -> None:
        """Deliver all that waits, and one more event of each meter; then nothing is due."""
        self.depth = 2
        for meter in (self.meter, self.other_meter):
            self.count(self.world.clock.now, 1, meter)
        self.deliver_all()
        assert not crosses(self.world, self.customer), "it was missed"

    def count(self, at: int, quantity: int, meter: str | None = None) -> None:
        """Count an event of one of the meters."""
        name = f"u{len(self.used)}"
        self.meters[name] = meter or self.chance.choice((self.meter, self.other_meter))
        self.used[name] = at, quantity
        self._count(name)

    def _at(self, moment: Moment, operation: str) -> None:
        if self.chance.random() < DISTURBED:
            super()._at(moment, operation)

    def _count(self, name: str) -> None:
        at, quantity = self.used[name]
        record = usage_record(self.meters[name], self.customer, at, quantity, name)
        if name in self.cancelled:
            record["dynamodb"]["NewImage"]["cancelled_at"] = {"N": str(at)}
        with self._apart():
            assert count_records([record]) == []


class _Crossed(Exception):  # noqa: N818 - an outcome
    """Something would be billed."""


def crosses(world: World, customer_id: str) -> bool:
    """Whether a threshold of a customer is crossed; nothing is written."""

    def refuse(_: UnitOfWork) -> None:
        raise _Crossed

    context = world.context()
    customer = context.store.get(customer_id)
    assert customer is not None
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(UnitOfWork, "save", refuse)
        try:
            bill_crossed(context, customer)
        except _Crossed:
            return True
    return False


def begun[L: Billed](
    world: World, seed: int, kind: type[L], scale: int = 1, *, subscribes: bool = True
) -> L:
    """A customer with a subscription, as the seed tells; its thresholds are divided by a scale."""
    world.clock.now = NOW
    chance = Random(seed)
    name = next(_names)
    customer = world.customer(at=NOW - 20 * DAY)
    life = kind(world, chance, world.meter(f"one{name}"), customer)
    life.scale = scale
    life.other_meter = world.meter(f"two{name}")
    assert world.engine.memory is not None
    world.engine.memory.on_change = life.changed
    if subscribes:
        life.begin()
    return life


_names = itertools.count()


def subscribed[L: Billed](world: World, kind: type[L], amount_gte: int, **price: Any) -> L:
    """A customer with a threshold, subscribed to usage of one meter, who has used a little."""
    life = begun(world, 0, kind, subscribes=False)
    made: dict[str, Any] = {"at": LONG_AGO, "product": product("Tokens", at=LONG_AGO)}
    metered = licence(price.pop("unit_amount", None), **made, meter=life.meter, **price)
    terms = {"billing_thresholds": {"amount_gte": amount_gte}}
    life.subscription = world.subscribe(life.customer, [metered], at=NOW - 3 * DAY, **terms)
    life.count(NOW, 1, life.meter)
    life.calm()
    return life
