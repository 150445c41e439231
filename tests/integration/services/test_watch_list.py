"""What nothing watches costs one read for a batch, and what is watched is entered beforehand."""

from collections.abc import Callable
from typing import Any

import pytest

from meterline.services.base.context import Context
from meterline.services.billing.unit_of_work import UnitOfWork
from meterline.services.customers.customer_state import CustomerState
from meterline.services.metering import alert_types
from meterline.services.metering.alerts import (
    activate_alert,
    archive_alert,
    create_alert,
    deactivate_alert,
)
from meterline.services.metering.count import count_records
from meterline.services.metering.watch_list import (
    Purpose,
    WatchList,
    enter_customer,
    enter_meter,
    read_watch_list,
    read_watch_list_beside,
)
from meterline.services.subscriptions.update import update_subscription
from meterline.services.work import usage_watch
from meterline.services.work.usage_watch import watch_batch
from meterline.store.billing.repository import BillingStore
from meterline.store.metering.watch_list import add_entry
from tests.benchmarks.traffic import Traffic
from tests.engines import Engine
from tests.factories.streams import counters_changed
from tests.factories.usage import usage_record
from tests.faults.billing.wire import Moment
from tests.faults.billing.world import NOW, World, world_on

HOUR = 3_600
CUSTOMERS = 3


@pytest.fixture
def world(dynamodb: Engine, monkeypatch: pytest.MonkeyPatch) -> World:
    return world_on(dynamodb, monkeypatch)


def counters(world: World, *, livemode: bool) -> list[dict[str, Any]]:
    """Counters of this hour, of so many customers."""
    mode = "l" if livemode else "t"
    records = [usage_record("mtr_1", f"cus_{number}", NOW, 1, mode) for number in range(CUSTOMERS)]
    for record in records:
        key = record["dynamodb"]["NewImage"]["identifier"]
        key["S"] = f"{mode}{key['S'][1:]}"
    assert count_records(records) == []
    return counters_changed(
        item for item in world.engine.scan("usage") if item["pk"]["S"].startswith(f"{mode}#")
    )


def test_live_usage_of_this_hour_that_nothing_watches_costs_a_read_for_a_batch(
    world: World,
) -> None:
    changes = counters(world, livemode=True)
    assert len(changes) == CUSTOMERS
    traffic = Traffic()
    with traffic.recorded():
        assert watch_batch(changes) == {"batchItemFailures": []}
    assert (traffic.calls, traffic.read_units) == (["GetItem"], 1)


@pytest.mark.parametrize(
    ("livemode", "hours"), [(True, 1), (False, 0)], ids=["an hour that is over", "a test clock's"]
)
def test_where_usage_may_be_late_its_customer_is_read(
    world: World, *, livemode: bool, hours: int
) -> None:
    changes = counters(world, livemode=livemode)
    world.clock.now += hours * HOUR
    traffic = Traffic()
    with traffic.recorded():
        assert watch_batch(changes) == {"batchItemFailures": []}
    assert traffic.calls.count("BatchGetItem") == 1
    assert "GetItem" not in traffic.calls


def test_what_a_process_knows_to_be_watched_is_read_with_the_list(world: World) -> None:
    changes, ctx = counters(world, livemode=True), Context(BillingStore(livemode=True), NOW, NOW)
    enter_meter(ctx, Purpose.ALERTS, "mtr_1")
    calls = []
    for _ in range(2):
        traffic = Traffic()
        with traffic.recorded():
            assert watch_batch(changes) == {"batchItemFailures": []}
        calls.append(traffic.calls)
    assert [some[:2] for some in calls] == [["GetItem", "BatchGetItem"], ["BatchGetItem"] * 2]


def test_what_was_entered_since_is_read_all_the_same(world: World) -> None:
    changes, ctx = counters(world, livemode=True), Context(BillingStore(livemode=True), NOW, NOW)
    enter_customer(ctx, Purpose.ALERTS, "cus_1")
    watch_batch(changes)
    enter_customer(ctx, Purpose.ALERTS, "cus_2")
    traffic = Traffic()
    with traffic.recorded():
        assert watch_batch(changes) == {"batchItemFailures": []}
    assert traffic.calls[:2] == ["BatchGetItem", "BatchGetItem"]


ENTRIES = [
    ([], False),
    (["customer:cus_1"], True),
    (["meter:mtr_1"], True),
    (["customer:cus_2", "meter:mtr_2"], False),
    (["customer:mtr_1", "meter:cus_1"], False),
]


@pytest.mark.parametrize(("entered", "concerns"), ENTRIES)
def test_an_entry_is_of_a_customer_or_of_a_meter_for_a_purpose_in_a_mode(
    world: World, entered: list[str], *, concerns: bool
) -> None:
    ctx = world.context()
    for entry in entered:
        subject, _, object_id = entry.partition(":")
        enter = enter_customer if subject == "customer" else enter_meter
        enter(ctx, Purpose.ALERTS, object_id)
    assert has(read_watch_list(livemode=False), Purpose.ALERTS) is concerns
    assert not has(read_watch_list(livemode=False), Purpose.THRESHOLDS)
    assert not has(read_watch_list(livemode=True), Purpose.ALERTS)


def has(watch_list: WatchList, purpose: Purpose, meter: str = "mtr_1", who: str = "cus_1") -> bool:
    """Whether a customer's usage of a meter may be watched for a purpose."""
    of_all = watch_list.has_meter(purpose, meter) or watch_list.has_everybody(purpose)
    return of_all or watch_list.has_customer(purpose, who)


def test_each_commit_of_an_alert_for_all_is_seen_in_the_list(world: World) -> None:
    meter, other = world.meter("tokens"), world.meter("calls")
    customer, ctx = world.customer(at=NOW), world.context()
    states = [read_watch_list(livemode=False).alerts_state(meter)]
    alert(world, meter, None)
    states.append(read_watch_list(livemode=False).alerts_state(meter))
    for verb in (deactivate_alert, activate_alert, archive_alert):
        [made] = world.bodies("billing.alert")
        verb(ctx, made["id"], {})
        states.append(read_watch_list(livemode=False).alerts_state(meter))
    assert len(set(states)) == len(states), "each change is another state"
    alert(world, meter, customer)
    alert(world, other, None)
    assert read_watch_list(livemode=False).alerts_state(meter) == states[-1]


def test_where_usage_is_remembered_to_be_far_from_alerts_for_all_no_set_is_read(
    world: World,
) -> None:
    meter, customer = world.meter("tokens"), world.customer(at=NOW)
    alert(world, meter, None, gte=1_000)
    traffic = Traffic()
    for number in range(3):
        count_records([usage_record(meter, customer, NOW, 1, str(number))])
        counted = [item for item in world.engine.scan("usage") if item["sk"]["S"].startswith("h#")]
        traffic = Traffic()
        with traffic.recorded():
            assert watch_batch(counters_changed(counted)) == {"batchItemFailures": []}
    assert (traffic.calls, traffic.read_units) == (["BatchGetItem"], 2), "the list and the customer"


# -------------------------------------------------------------- entered before it is committed


def alert(world: World, meter: str, customer: str | None, gte: int = 2) -> None:
    threshold: dict[str, Any] = {"meter": meter, "gte": gte, "recurrence": "one_time"}
    if customer is not None:
        threshold["filters"] = [{"type": "customer", "customer": customer}]
    params = {"alert_type": "usage_threshold", "title": "Much", "usage_threshold": threshold}
    create_alert(world.context(), params)


def of_a_customer(world: World, meter: str, customer: str) -> None:
    alert(world, meter, customer)


def of_all(world: World, meter: str, _: str) -> None:
    alert(world, meter, None)


def spend_alert(world: World, **terms: Any) -> None:
    gte = {"type": "amount", "amount": {"currency": "usd", "value": 5_000}}
    terms |= {"aggregation_period": "billing", "gte": gte}
    params = {"alert_type": "spend_threshold", "title": "Much", "spend_threshold": terms}
    create_alert(world.context(), params)


def of_a_customers_spend(world: World, _: str, customer: str) -> None:
    spend_alert(world, filters={"customer": customer})


def of_all_spend(world: World, _meter: str, _customer: str) -> None:
    spend_alert(world)


def of_an_amount(world: World, meter: str, customer: str) -> None:
    price = world.price(unit_amount=1_000, meter=meter)
    world.subscribe(customer, [price], at=NOW, billing_thresholds={"amount_gte": 5_000})


def given_later(world: World, meter: str, customer: str) -> None:
    subscription = world.subscribe(customer, [world.price(unit_amount=1_000, meter=meter)], at=NOW)
    thresholds = {"amount_gte": 5_000}
    update_subscription(world.context(), subscription, {"billing_thresholds": thresholds})


type Make = Callable[[World, str, str], None]

WATCHERS: list[Make] = [
    of_a_customer,
    of_all,
    of_a_customers_spend,
    of_all_spend,
    of_an_amount,
    given_later,
]


def watched_for(world: World, customer: str) -> Purpose | None:
    """What is committed that usage must be compared with."""
    for one in world.bodies("billing.alert"):
        is_on_spend = one["alert_type"] == "spend_threshold"
        return Purpose.THRESHOLDS if is_on_spend else Purpose.ALERTS
    has_thresholds = CustomerState.of(world.stored(customer)).threshold_subscriptions
    return Purpose.THRESHOLDS if has_thresholds else None


def make_with_a_look_at_each_moment(world: World, make: Make) -> None:
    """Whenever something watches usage, the list says so: at each call on the way, and after."""
    meter, customer = world.meter("tokens"), world.customer(at=NOW)

    def look(_moment: Moment, _operation: str) -> None:
        world.wire.watching = False
        if (purpose := watched_for(world, customer)) is not None:
            watch_list = read_watch_list(livemode=False)
            assert has(watch_list, purpose, meter, customer), "watched, and not entered"
        world.wire.watching = True

    world.wire.at = look
    world.wire.watch(lambda: make(world, meter, customer))
    assert watched_for(world, customer) is not None


@pytest.mark.parametrize("make", WATCHERS)
def test_usage_is_entered_before_anything_watches_it(world: World, make: Make) -> None:
    make_with_a_look_at_each_moment(world, make)


def alerts_entered_afterwards(patch: pytest.MonkeyPatch) -> None:
    save, late = Context.save, list[Callable[[], None]]()

    def saved(ctx: Context, *args: Any, **options: Any) -> None:
        save(ctx, *args, **options)
        for enter in late:
            enter()

    for name in ("enter_customer", "enter_everybody", "enter_meter"):
        enter = getattr(alert_types, name)
        patch.setattr(
            alert_types, name, lambda *args, enter=enter: late.append(lambda: enter(*args))
        )
    patch.setattr(Context, "save", saved)


def thresholds_not_entered(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(UnitOfWork, "_enter_first_thresholds", lambda _: None)


MISTAKES: list[tuple[Callable[[pytest.MonkeyPatch], None], Make]] = [
    (alerts_entered_afterwards, of_a_customer),
    (alerts_entered_afterwards, of_all),
    (alerts_entered_afterwards, of_a_customers_spend),
    (alerts_entered_afterwards, of_all_spend),
    (thresholds_not_entered, of_an_amount),
    (thresholds_not_entered, given_later),
]


@pytest.mark.parametrize(("mistake", "make"), MISTAKES)
def test_that_notices(
    world: World,
    monkeypatch: pytest.MonkeyPatch,
    mistake: Callable[[pytest.MonkeyPatch], None],
    make: Make,
) -> None:
    mistake(monkeypatch)
    with pytest.raises(AssertionError, match="not entered"):
        make_with_a_look_at_each_moment(world, make)


def test_the_list_is_read_after_the_changes_of_each_batch(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    changes = counters(world, livemode=False)
    reads: list[WatchList] = []

    def reading(*args: Any) -> Any:
        watch_list, found = read_watch_list_beside(*args)
        reads.append(watch_list)
        return watch_list, found

    monkeypatch.setattr(usage_watch, "read_watch_list_beside", reading)
    for number in range(2):
        add_entry(BillingStore(livemode=False).livemode, f"c00{number}")
        watch_batch(changes)
    assert [len(batch.entries) for batch in reads] == [1, 2]
