"""A piece of the work of the scheduled half, and what most pieces are set up of."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from meterline.core.base.periods import Period
from meterline.services.billing.unit_of_work import open_unit_of_work
from meterline.services.invoices.item_bodies import ItemTerms, new_item
from meterline.store.billing.repository import BillingStore
from tests.factories.usage import use
from tests.faults.billing.world import DAY, NOW, World

HOUR = 3_600
SUBSCRIBED = NOW - 75 * DAY


@dataclass(frozen=True, slots=True)
class Work:
    """What is set up, what is invoked, and what was sent: all that must not depend on crashes."""

    trigger: Callable[[], Any]
    sent: Callable[[], list[str]] = list


def with_same_ids(world: World, trigger: Callable[[], Any]) -> Callable[[], Any]:
    """A trigger of work that makes ids of its own in one commit: each try makes the same ones."""

    def again() -> Any:
        world.seed_ids(1)
        return trigger()

    return again


def at_time(world: World, now: int, act: Callable[[], object]) -> None:
    """Do something at another time of the wall clock."""
    before, world.clock.now = world.clock.now, now
    act()
    world.clock.now = before


def customer_of(world: World) -> str:
    """A customer who was there when subscriptions began."""
    return world.customer(at=SUBSCRIBED)


def charge(world: World, customer: str, number: int) -> None:
    """So many charges that wait for the next invoice, in one commit."""
    ctx = world.context(NOW - 60 * DAY)
    document = ctx.store.get(customer)
    assert document is not None
    uow = open_unit_of_work(ctx, document)
    for amount in range(1, number + 1):
        period = Period(ctx.now, ctx.now)
        terms = ItemTerms(amount=amount, currency="usd", period=period, description="Charge")
        uow.add_item(new_item(uow, terms))
    uow.save()


def meters_of(world: World) -> list[str]:
    """The meters of the two metered prices, made when first asked for."""
    names = ("tokens", "requests")
    store = BillingStore(livemode=False)
    held = [store.claim_holder("meter_event_name", name) for name in names]
    return [one or world.meter(name) for one, name in zip(held, names, strict=True)]


def prices_of(world: World, meters: list[str]) -> list[str]:
    """A licence, and a price of the usage of each of two meters."""
    return [
        world.price(unit_amount=1_500),
        world.price(unit_amount=3, meter=meters[0]),
        world.price(unit_amount=5, meter=meters[1]),
    ]


def used_subscription(world: World, customer: str) -> str:
    """A subscription to all of them, with usage of both meters."""
    meters = meters_of(world)
    subscription = world.subscribe(customer, prices_of(world, meters), at=SUBSCRIBED)
    use(meters[0], customer, at=SUBSCRIBED + DAY, quantity=40)
    use(meters[1], customer, at=SUBSCRIBED + 40 * DAY, quantity=11)
    return subscription
