"""Random lives of a customer: what it is entitled to is what a plain recount says, and is told.

The recount knows subscriptions, their items and products as they are stored after each step, and
notes what a product has when a period of an item begins.
"""

from collections.abc import Callable
from itertools import pairwise
from random import Random
from typing import Any

import pytest

from meterline.core.base.errors import BillingError
from meterline.services.billing import entitlements
from meterline.services.billing.entitlements import UPDATED, entitlements_of
from meterline.services.billing.limited_features import attach_feature
from meterline.services.catalog.features import create_feature
from meterline.services.catalog.product_bodies import features_of
from meterline.services.catalog.product_features import detach_feature
from meterline.services.subscriptions.cancel import cancel_subscription
from meterline.services.subscriptions.pauses import pause_subscription, resume_subscription
from meterline.services.subscriptions.update import update_subscription
from tests.factories import objects
from tests.factories.objects import FROZEN, context

DAY = 86_400
STEPS = 20
GRANTING = ("active", "trialing", "past_due")

type Period = tuple[str, int]


def feature(key: str) -> str:
    return str(create_feature(context(), {"name": key, "lookup_key": key})["id"])


class Life:
    """A customer on a test clock, three products, and five features."""

    def __init__(self, seed: int) -> None:
        self.chance = Random(seed)
        self.now = FROZEN
        self.clock = objects.clock()
        self.customer = objects.customer(test_clock=self.clock)
        self.products = [objects.product() for _ in range(3)]
        self.prices = [objects.licence(product=one) for one in self.products]
        self.features = [feature(f"{letter}{seed}") for letter in "abcde"]
        self.subscriptions: list[str] = []
        self.noted: dict[tuple[str, str], tuple[Period, set[str]]] = {}

    def step(self) -> None:
        """Do something; a refusal is nothing."""
        verbs: list[Callable[[], object]] = [
            *[self.attach] * 4,
            *[self.detach] * 2,
            *[self.subscribe] * 2,
            *[self.advance] * 3,
            *[self.touch] * 3,
            self.change,
            self.cancel,
            self.pause,
            self.resume,
        ]
        try:
            self.chance.choice(verbs)()
        except BillingError:
            return

    def attach(self) -> None:
        wanted = {"entitlement_feature": self.chance.choice(self.features)}
        attach_feature(context(), self.chance.choice(self.products), wanted)

    def detach(self) -> None:
        product = self.chance.choice(self.products)
        attached = features_of(objects.stored(product))
        if attached:
            detach_feature(context(), product, self.chance.choice(attached)["id"], {})

    def subscribe(self) -> None:
        prices = self.chance.sample(self.prices, self.chance.choice([1, 2]))
        trial = self.chance.choice([{}, {"trial_period_days": 4}])
        made = objects.subscribe(self.customer, *prices, **trial)
        self.subscriptions.append(str(made["id"]))

    def change(self) -> None:
        subscription = self.any()
        [item, *_] = objects.stored(subscription)["items"]["data"]
        items = [{"id": item["id"], "price": self.chance.choice(self.prices)}]
        update_subscription(context(), subscription, {"items": items})

    def touch(self) -> None:
        metadata = {"at": str(self.chance.random())}
        update_subscription(context(), self.any(), {"metadata": metadata})

    def cancel(self) -> None:
        cancel_subscription(context(), self.any(), {})

    def pause(self) -> None:
        pause_subscription(context(), self.any(), {"type": "subscription"})

    def resume(self) -> None:
        resume_subscription(context(), self.any(), {"billing_cycle_anchor": "now"})

    def advance(self) -> None:
        self.now += self.chance.choice([1, 5, 20, 31]) * DAY
        objects.advance(self.clock, self.now)

    def any(self) -> str:
        if not self.subscriptions:
            self.subscribe()
        return self.chance.choice(self.subscriptions)

    def recount(self) -> set[str]:
        """The lookup keys of the features that the customer has."""
        before, self.noted = self.noted, {}
        for body in map(objects.stored, self.subscriptions):
            for item in body["items"]["data"] if body["status"] in GRANTING else ():
                place = body["id"], item["id"]
                period = item["price"]["product"], item["current_period_start"]
                noted = before.get(place)
                if noted is None or noted[0] != period:
                    attached = features_of(objects.stored(period[0]))
                    noted = period, {one["lookup_key"] for one in attached}
                self.noted[place] = noted
        return {key for _, keys in self.noted.values() for key in keys}

    def entitled(self) -> set[str]:
        return {one["lookup_key"] for one in entitlements_of(objects.stored(self.customer))}

    def told(self) -> list[tuple[set[str], set[str]]]:
        """What each event says that the customer had, and has, the oldest first."""
        events = [
            event
            for batch in reversed(objects.listed("event"))
            for event in batch["events"]
            if event["type"] == UPDATED
        ]
        data = [event["data"] for event in events]
        return [
            (_keys(one["previous_attributes"]), _keys(one["object"]))
            for one in data
            if one["object"]["customer"] == self.customer
        ]


def _keys(summary: Any) -> set[str]:
    return {one["lookup_key"] for one in summary["entitlements"]["data"]}


def lived(seed: int) -> bool:
    """Whether a life agrees with its recount after each step, and its events with both."""
    life = Life(seed)
    had: list[set[str]] = [set()]
    for _ in range(STEPS):
        life.step()
        if life.entitled() != life.recount():
            return False
        if had[-1] != life.entitled():
            had.append(life.entitled())
    told = life.told()
    chained = all(one[1] == other[0] for one, other in pairwise(told))
    ends = (told[0][0], told[-1][1]) == (had[0], had[-1]) if told else had == [set()]
    return chained and ends and all(before != after for before, after in told)


@pytest.mark.usefixtures("dynamodb")
@pytest.mark.parametrize("seed", range(2))
def test_a_life_agrees_with_a_plain_recount(seed: int) -> None:
    assert lived(seed)


def ends_take_nothing(patch: pytest.MonkeyPatch) -> None:
    everything = frozenset({"active", "canceled", "past_due", "paused", "trialing"})
    patch.setattr("meterline.services.billing.entitlements.GRANTING", everything)


def periods_bring_nothing(patch: pytest.MonkeyPatch) -> None:
    def only_new(before: Any, after: Any) -> Any:
        return {item: period for item, period in after.items() if item not in before}

    patch.setattr("meterline.services.billing.entitlements.begun", only_new)


def each_change_brings_features(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("meterline.services.billing.entitlements.begun", lambda _, after: after)


def nothing_is_told(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(entitlements, "is_entitled_alike", lambda *_: True)


PLANTED = (
    ends_take_nothing,
    periods_bring_nothing,
    each_change_brings_features,
    nothing_is_told,
)


@pytest.mark.usefixtures("dynamodb")
@pytest.mark.parametrize("plant", PLANTED)
def test_a_planted_mistake_is_noticed(
    monkeypatch: pytest.MonkeyPatch, plant: Callable[[pytest.MonkeyPatch], None]
) -> None:
    plant(monkeypatch)
    assert not all(lived(seed) for seed in range(6))
