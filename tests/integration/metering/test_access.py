"""The gate: whether a customer may use a feature, and how much of it is left."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from random import Random
from typing import Any
from unittest.mock import patch

import pytest
from botocore.client import BaseClient

from meterline.core.base.errors import BillingError
from meterline.services.billing import access
from meterline.services.billing.access import access_of
from meterline.services.billing.limited_features import attach_feature
from meterline.services.catalog.features import create_feature
from meterline.services.metering import running_usage
from meterline.services.metering.usage_query import aggregate_between, billed_usage
from meterline.services.metering.watch_list import Purpose, read_watch_list
from meterline.services.work.due_work import do_due_work
from tests.benchmarks.units import units_read
from tests.engines import Engine
from tests.factories import objects
from tests.factories.objects import FROZEN, NOW, context
from tests.factories.streams import key_of, watch_counters
from tests.factories.usage import use

HOUR, DAY = 3_600, 86_400
ADD_UP = "meterline.services.metering.running_usage.aggregate_between"
BEGAN = NOW - 9 * DAY - 1_234
"""In the middle of an hour."""


class Shop:
    """A customer, and features that its products come with."""

    def __init__(self, engine: Engine) -> None:
        access._hints.clear()  # noqa: SLF001 - as a new process knows none
        self.engine = engine
        self.customer = objects.customer(at=BEGAN)
        self.meter = objects.meter("tokens", at=BEGAN)
        self.names = iter(range(1_000))
        self.before: dict[tuple[str, str], Any] = {}

    def sell(self, key: str = "tokens", limit: int | None = 100, **params: Any) -> str:
        """A subscription to a product with a feature."""
        customer = params.pop("customer", self.customer)
        sold = objects.product(at=BEGAN)
        lookup_key = f"{key}{next(self.names)}" if params.pop("is_other", False) else key
        wanted: dict[str, Any] = {"entitlement_feature": self.feature(lookup_key)}
        if limit is not None:
            wanted["meterline"] = {"limit": {"meter": self.meter, "quantity": Decimal(limit)}}
        attach_feature(context(BEGAN), sold, wanted)
        price = objects.licence(at=BEGAN, product=sold)
        at = params.pop("at", BEGAN)
        return str(objects.subscribe(customer, price, at=at, **params)["id"])

    def feature(self, key: str) -> str:
        found = context().store.claim_holder("feature_lookup_key", key)
        made = {"name": key, "lookup_key": key}
        return found or str(create_feature(context(BEGAN), made)["id"])

    def use(self, at: int, quantity: int) -> None:
        """Usage that is counted; nobody has watched it yet."""
        use(self.meter, self.customer, at=at, quantity=quantity, name=str(next(self.names)))

    def watch(self) -> None:
        """Let the counters that have changed be watched."""
        counters = {
            key_of(item): item
            for item in self.engine.scan("usage")
            if item["sk"]["S"].startswith("h#")
        }
        changed = [one for key, one in counters.items() if self.before.get(key) != one]
        self.before = counters
        watch_counters(changed)

    def ask(self, quantity: int = 1, *, at: int = NOW, key: str = "tokens") -> Mapping[str, Any]:
        return access_of(context(at), self.customer, key, Decimal(quantity))

    def used(self, *, at: int = NOW) -> Decimal:
        return Decimal(self.ask(at=at)["used"])

    def recount(self) -> Decimal:
        meter = objects.stored(self.meter)
        end = BEGAN + 40 * DAY
        return billed_usage(meter, self.customer, BEGAN, end, livemode=False).quantity


@pytest.fixture
def shop(dynamodb: Engine) -> Shop:
    return Shop(dynamodb)


@contextmanager
def reads() -> Iterator[list[tuple[str, float]]]:
    """The requests to DynamoDB inside, with the read units of each."""
    call = vars(BaseClient)["_make_api_call"]
    made: list[tuple[str, float]] = []

    def noting(client: BaseClient, operation: str, params: dict[str, Any]) -> Any:
        answer = call(client, operation, params)
        made.append((operation, units_read(operation, params, answer)))
        return answer

    with patch.object(BaseClient, "_make_api_call", noting):
        yield made


def numbers(answer: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(answer[name] for name in ("has_access", "reason", "limit", "used", "balance"))


def test_without_a_feature_there_is_no_access(shop: Shop) -> None:
    assert numbers(shop.ask()) == (False, "feature_unavailable", None, None, None)


def test_a_feature_without_a_limit_is_answered_by_one_read_of_one_item(shop: Shop) -> None:
    shop.sell(limit=None)
    with reads() as made:
        answer = shop.ask(10**9)
    assert numbers(answer) == (True, None, None, None, None)
    assert made == [("GetItem", 1.0)]


def test_a_limit_says_what_is_used_and_left_and_when_it_begins_anew(shop: Shop) -> None:
    subscription = shop.sell(limit=100)
    [item] = objects.stored(subscription)["items"]["data"]
    shop.use(BEGAN - 1, 1_000)
    shop.use(BEGAN, 10)
    shop.use(NOW - 5 * DAY, 20)
    shop.use(NOW, 30)
    answer = shop.ask(40)
    assert numbers(answer) == (True, None, "100", "60", "40")
    assert answer["resets_at"] == item["current_period_end"]
    assert numbers(shop.ask(41)) == (False, "usage_limit_reached", "100", "60", "40")
    shop.use(NOW, 70)
    assert numbers(shop.ask(0)) == (False, "usage_limit_reached", "100", "130", "0")


def test_a_feature_is_asked_for_by_its_id_as_well(shop: Shop) -> None:
    shop.sell(limit=5)
    assert shop.ask(key=shop.feature("tokens"))["has_access"] is True


def test_whoever_has_asked_before_is_answered_by_one_read_of_few_units(shop: Shop) -> None:
    shop.sell(limit=10_000)
    for number in range(190):
        shop.use(NOW - 8 * DAY + number * HOUR, 3)
    shop.ask()
    for quantity in (1, 2, 3):
        shop.use(NOW, quantity)
        with reads() as made:
            used = shop.used()
        assert used == shop.recount()
        assert [operation for operation, _ in made] == ["BatchGetItem"]
        assert sum(units for _, units in made) <= 7


def test_the_first_hours_of_a_period_are_answered_by_one_read_too(shop: Shop) -> None:
    shop.sell(limit=100)
    at = BEGAN + 2 * HOUR
    shop.use(BEGAN - 60, 50)
    shop.use(BEGAN + 60, 4)
    shop.use(at, 5)
    shop.ask(at=at)
    with reads() as made:
        assert shop.used(at=at) == 9
    assert [operation for operation, _ in made] == ["BatchGetItem"]


def test_usage_that_comes_late_is_told_once_it_was_watched(shop: Shop) -> None:
    shop.sell(limit=100)
    shop.use(NOW - 3 * DAY, 10)
    shop.watch()
    assert shop.used() == 10
    shop.use(NOW - 3 * DAY, 7)
    shop.watch()
    assert shop.used() == 17


def lives_of(shop: Shop, seed: int) -> bool:
    """Whether the gate said what a recount says, all through a life of asking and using."""
    chance, now = Random(seed), BEGAN + chance_hours(seed)
    for _ in range(25):
        now += chance.choice([60, 600, HOUR, 5 * HOUR])
        shop.use(now - chance.choice([0, 0, 60, HOUR, 2 * HOUR, 3 * HOUR, 2 * DAY]), 1)
        with patch("meterline.services.work.usage_watch.wall_clock", return_value=now):
            shop.watch()
        if shop.used(at=now) != shop.recount():
            return False
    return True


def chance_hours(seed: int) -> int:
    return Random(seed).randrange(2 * DAY)


@pytest.mark.parametrize("seed", range(3))
def test_what_is_used_is_what_a_recount_says_whenever_it_is_asked(shop: Shop, seed: int) -> None:
    shop.sell(limit=100)
    assert lives_of(shop, seed)


def totals_are_not_forgotten(patcher: pytest.MonkeyPatch) -> None:
    patcher.setattr(running_usage, "forget_running_total", lambda _: None)


def totals_hold_open_hours(patcher: pytest.MonkeyPatch) -> None:
    patcher.setattr(running_usage, "_OPEN_HOURS", 0)


def periods_do_not_matter(patcher: pytest.MonkeyPatch) -> None:
    def from_the_beginning(series: Any, _start: int, end: int) -> Any:
        return aggregate_between(series, 0, end)

    patcher.setattr(ADD_UP, from_the_beginning)


@pytest.mark.parametrize(
    "plant", [totals_are_not_forgotten, totals_hold_open_hours, periods_do_not_matter]
)
def test_a_planted_mistake_is_noticed(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, plant: Callable[[pytest.MonkeyPatch], None]
) -> None:
    shop.sell(limit=100)
    shop.use(BEGAN - DAY, 5)
    plant(monkeypatch)
    assert not all(lives_of(shop, seed) for seed in range(3))


def test_a_total_that_was_added_up_before_a_late_change_is_not_stored(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.sell(limit=100)
    shop.use(NOW - 3 * DAY, 10)
    shop.watch()

    def slowly(*arguments: Any) -> Any:
        before = aggregate_between(*arguments)
        shop.use(NOW - 3 * DAY, 7)
        shop.watch()
        return before

    monkeypatch.setattr(ADD_UP, slowly)
    assert shop.used() == 10
    monkeypatch.setattr(ADD_UP, aggregate_between)
    assert shop.used() == 17


def test_of_several_subscriptions_the_one_that_leaves_most_counts(shop: Shop) -> None:
    shop.sell(limit=10)
    shop.sell(limit=50)
    shop.use(NOW, 20)
    assert numbers(shop.ask(30)) == (True, None, "50", "20", "30")
    shop.sell(limit=None)
    assert numbers(shop.ask(1_000)) == (True, None, None, None, None)


def test_a_new_period_begins_with_nothing_used(shop: Shop) -> None:
    subscription = shop.sell(limit=100)
    [item] = objects.stored(subscription)["items"]["data"]
    end = item["current_period_end"]
    shop.use(end - 1, 90)
    shop.use(end + 60, 4)
    assert shop.used(at=end - 1) == 90
    late = shop.ask(at=end + 60)
    assert (late["used"], late["resets_at"]) == ("4", None)
    do_due_work(context(end + 60), subscription)
    renewed = shop.ask(at=end + 60)
    [item] = objects.stored(subscription)["items"]["data"]
    assert (renewed["used"], renewed["resets_at"]) == ("4", item["current_period_end"])


def test_a_customer_on_a_test_clock_has_its_own_time(shop: Shop) -> None:
    clock = objects.clock(FROZEN)
    shop.customer = objects.customer(test_clock=clock)
    shop.sell(limit=100, at=NOW)
    shop.use(FROZEN + DAY, 10)
    assert shop.used() == 10
    objects.advance(clock, FROZEN + 40 * DAY)
    shop.use(FROZEN + 39 * DAY, 3)
    assert shop.used() == 3


@pytest.mark.parametrize(
    "formula", ["max", "last", "unique_count", "count", "weighted_sum", "percentile"]
)
def test_a_limit_counts_by_any_formula(dynamodb: Engine, formula: str) -> None:
    shop = Shop(dynamodb)
    shop.meter = objects.meter("others", formula, at=BEGAN)
    shop.sell(limit=100)
    assert numbers(shop.ask()) == (True, None, "100", "0", "100")


def test_a_customer_that_is_not_there_is_refused(shop: Shop) -> None:
    for customer in ("cus_missing", shop.meter):
        with pytest.raises(BillingError) as refused:
            access_of(context(), customer, "tokens", Decimal(1))
        assert (refused.value.code, refused.value.param) == ("resource_missing", "customer")


def test_a_limit_needs_a_meter_that_is_there(shop: Shop) -> None:
    limit = {"limit": {"meter": "mtr_missing", "quantity": Decimal(1)}}
    wanted = {"entitlement_feature": shop.feature("tokens"), "meterline": limit}
    with pytest.raises(BillingError) as refused:
        attach_feature(context(), objects.product(), wanted)
    assert refused.value.param == "meterline[limit][meter]"


def test_an_attachment_that_is_refused_has_no_meter_watched(shop: Shop) -> None:
    limit = {"limit": {"meter": shop.meter, "quantity": Decimal(1)}}
    wanted = {"entitlement_feature": "feat_missing", "meterline": limit}
    with pytest.raises(BillingError):
        attach_feature(context(), objects.product(), wanted)
    assert not read_watch_list(livemode=False).has_meter(Purpose.LIMITS, shop.meter)
