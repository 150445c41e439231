"""Every event that is counted is billed once, whatever begins or ends in its second."""

from typing import Any

import pytest

from tests.factories.streams import counter_of, watch_counters
from tests.integration.api.conftest import Api
from tests.integration.stories.stage import Stage, at, day

CLASSIC = {"billing_mode": {"type": "classic"}}


def bills(stage: Stage) -> list[list[tuple[str, int]]]:
    """All invoices, each as its lines: the day on which one begins, and its amount."""
    return [
        [(day(line.period.start), line.amount) for line in invoice.lines.data]
        for invoice in stage.invoices()
    ]


# ---------------------------------------------------------------- owed from before a trial


def then_wait(stage: Stage, _: Any) -> None:
    stage.until("2024-06-01 02:00")


def then_end_the_trial(stage: Stage, subscription: Any) -> None:
    stage.until("2024-05-20")
    stage.change(subscription, trial_end="now")


@pytest.mark.parametrize("behavior", ["cancel", "pause"])
@pytest.mark.parametrize("ending", [then_wait, then_end_the_trial])
def test_usage_of_before_a_trial_is_billed_though_the_subscription_does_not_outlast_it(
    api: Api, ending: Any, behavior: str
) -> None:
    stage = Stage(api, "2024-05-01")
    made = stage.subscribe(
        stage.metered("Storage", stage.meter(), 100),
        backdate_start_date=at("2024-03-01"),
        trial_end=at("2024-06-01"),
        trial_settings={"end_behavior": {"missing_payment_method": behavior}},
        **CLASSIC,
    )
    stage.use(7, "2024-03-31 23:59")
    stage.use(50, "2024-04-30 23:59")
    stage.use(1000)
    ending(stage, made)
    assert bills(stage) == [[("2024-05-01", 0)], [("2024-03-01", 5700)]]
    status = "canceled" if behavior == "cancel" else "paused"
    assert stage.client.v1.subscriptions.retrieve(made.id).status == status


def test_usage_of_before_a_trial_is_not_billed_again_after_the_pause_that_follows_it(
    api: Api,
) -> None:
    stage = Stage(api, "2024-05-01")
    made = stage.subscribe(
        stage.metered("Storage", stage.meter(), 100),
        backdate_start_date=at("2024-04-01"),
        trial_end=at("2024-05-10"),
        trial_settings={"end_behavior": {"missing_payment_method": "pause"}},
        **CLASSIC,
    )
    stage.use(50, "2024-04-30 23:59")
    stage.until("2024-05-20")
    stage.client.v1.subscriptions.resume(made.id, {"billing_cycle_anchor": "now"})
    stage.until("2024-06-20 02:00")
    amounts = [line.amount for invoice in stage.invoices() for line in invoice.lines.data]
    assert amounts == [0, 5000, 0, 0]


# ---------------------------------------------------------------- who has the second of a change


def cancelled(stage: Stage, made: Any, _: str) -> None:
    stage.client.v1.subscriptions.cancel(made.id, {"invoice_now": True})


def paused(stage: Stage, made: Any, _: str) -> None:
    stage.client.v1.subscriptions.pause(made.id, {"type": "subscription"})


def removed(stage: Stage, made: Any, calls: str) -> None:
    stage.change(made, items=[{"id": item_of(made, calls), "deleted": True}])


def licensed(stage: Stage, made: Any, calls: str) -> None:
    flat = stage.price("Flat", 100)
    stage.change(made, items=[{"id": item_of(made, calls), "price": flat}])


def given_a_trial(stage: Stage, made: Any, _: str) -> None:
    stage.change(made, trial_end=at("2024-06-01"))


def created(stage: Stage, _: Any, calls: str) -> None:
    stage.subscribe(calls)


def created_and_restarted(stage: Stage, _: Any, calls: str) -> None:
    stage.change(stage.subscribe(calls), billing_cycle_anchor="now", proration_behavior="none")


def created_and_swapped(stage: Stage, _: Any, calls: str) -> None:
    """The price of other intervals is of the same meter: it restarts the cycle."""
    made = stage.subscribe(calls, **CLASSIC)
    meter = stage.client.v1.prices.retrieve(calls).recurring.meter
    yearly = stage.metered("Calls of a year", meter, 10, interval="year")
    stage.change(made, items=[{"id": item_of(made, calls), "price": yearly}])
    stage.change(made, items=[{"id": item_of(made, calls), "price": calls}])


def out_of_its_trial(stage: Stage, trying: Any, _: str) -> None:
    stage.change(trying, trial_end="now")


def resumed(stage: Stage, waiting: Any, _: str) -> None:
    stage.client.v1.subscriptions.resume(waiting.id, {})


def added(stage: Stage, other: Any, calls: str) -> None:
    stage.change(other, items=[{"price": calls}])


def item_of(made: Any, price: str) -> str:
    return next(str(item.id) for item in made["items"].data if item.price.id == price)


def nobody(_: Stage, __: str) -> None:
    return None


def one_in_a_trial(stage: Stage, calls: str) -> Any:
    return stage.subscribe(calls, trial_end=at("2024-03-01"))


def one_that_is_paused(stage: Stage, calls: str) -> Any:
    made = stage.subscribe(calls)
    paused(stage, made, calls)
    return made


def one_without_usage(stage: Stage, _: str) -> Any:
    return stage.subscribe(stage.price("More", 100))


def usage_billed(stage: Stage, price: str) -> int:
    """The units of a price on all invoices, and on items that wait for one."""
    waiting = stage.client.v1.invoice_items.list({"customer": stage.customer, "pending": True})
    lines = [line for invoice in stage.invoices() for line in invoice.lines.data]
    return sum(
        int(one.quantity)
        for one in [*lines, *waiting.data]
        if one.pricing.price_details.price == price
    )


STOPS = [cancelled, paused, removed, licensed, given_a_trial]
STARTS = [
    (nobody, created),
    (nobody, created_and_restarted),
    (nobody, created_and_swapped),
    (one_in_a_trial, out_of_its_trial),
    (one_that_is_paused, resumed),
    (one_without_usage, added),
]


@pytest.mark.parametrize("stop", STOPS)
def test_what_stops_counting_bills_its_own_second(api: Api, stop: Any) -> None:
    stage = Stage(api, "2024-01-01")
    calls = stage.metered("Calls", stage.meter(), 10)
    made = stage.subscribe(stage.price("Base", 1000), calls)
    stage.until("2024-01-10")
    stage.use(5)
    stop(stage, made, calls)
    assert usage_billed(stage, calls) == 5


@pytest.mark.parametrize("stops_first", [True, False], ids=["stop_start", "start_stop"])
@pytest.mark.parametrize(
    ("stop", "before", "start"),
    [(stop, *STARTS[0]) for stop in STOPS] + [(cancelled, *start) for start in STARTS[1:]],
)
def test_of_one_that_stops_and_one_that_starts_in_a_second_one_bills_it(
    api: Api, stop: Any, before: Any, start: Any, *, stops_first: bool
) -> None:
    """getlago/lago-api#158, novuhq/novu#10503, and their kin."""
    stage = Stage(api, "2024-01-01")
    calls = stage.metered("Calls", stage.meter(), 10)
    made = stage.subscribe(stage.price("Base", 1000), calls)
    other = before(stage, calls)
    stage.until("2024-01-10")
    stage.use(1, "2024-01-09 23:59")
    stage.use(10)
    for change, whose in [(stop, made), (start, other)][:: 1 if stops_first else -1]:
        change(stage, whose, calls)
    stage.until("2024-01-20")
    stage.use(100)
    stage.until("2024-02-15")
    assert usage_billed(stage, calls) == 111


def test_the_second_of_a_start_is_billed_beside_the_trial_that_is_given_in_it(api: Api) -> None:
    stage = Stage(api, "2024-01-01")
    made = stage.subscribe(stage.metered("Calls", stage.meter(), 10), **CLASSIC)
    stage.use(5)
    stage.change(made, trial_end=at("2024-02-01"))
    lines = [line for invoice in stage.invoices() for line in invoice.lines.data]
    assert sorted(line.amount for line in lines) == [0, 0, 50]
    assert len({line.id for line in lines}) == 3


def test_a_renewal_that_ends_a_trial_leaves_out_the_second_that_another_has_billed(
    api: Api,
) -> None:
    stage = Stage(api, "2024-01-01")
    calls = stage.metered("Calls", stage.meter(), 10)
    made = stage.subscribe(stage.price("Base", 1000), calls)
    stage.subscribe(calls, trial_end=at("2024-01-10"))
    stage.until("2024-01-10")
    stage.use(10)
    cancelled(stage, made, calls)
    stage.use(100)
    stage.until("2024-02-15")
    assert usage_billed(stage, calls) == 110


def test_a_second_of_one_meter_that_is_left_out_is_not_left_out_of_another(api: Api) -> None:
    stage = Stage(api, "2024-01-01")
    calls = stage.metered("Calls", stage.meter(), 10)
    storage = stage.metered("Storage", stage.meter("storage"), 10)
    made = stage.subscribe(calls)
    stage.until("2024-01-10")
    stage.use(10)
    stage.use(7, meter="storage")
    cancelled(stage, made, calls)
    other = stage.subscribe(calls)
    swap = {"id": item_of(other, calls), "price": storage}
    stage.change(other, items=[swap], billing_cycle_anchor="now")
    stage.until("2024-02-15")
    assert (usage_billed(stage, calls), usage_billed(stage, storage)) == (10, 7)


@pytest.mark.parametrize("mode", ["classic", "flexible"])
def test_one_that_counts_since_the_past_takes_no_second_of_one_that_stops(
    api: Api, mode: str
) -> None:
    """It begins a period in that second, but has counted beside the other before."""
    stage = Stage(api, "2024-01-01", terms={"billing_mode": {"type": mode}})
    meter = stage.meter()
    calls, more = stage.metered("Calls", meter, 10), stage.metered("More calls", meter, 10)
    made = stage.subscribe(calls)
    stage.until("2024-01-20")
    stage.use(10)
    stage.subscribe(more, backdate_start_date=at("2023-12-20"))
    cancelled(stage, made, calls)
    stage.until("2024-02-25")
    assert (usage_billed(stage, calls), usage_billed(stage, more)) == (10, 10)


# ------------------------------------------- a second that a threshold's new cycle has billed


def cancelled_without_a_bill(stage: Stage, made: Any, _: str) -> None:
    stage.client.v1.subscriptions.cancel(made.id)


def paused_without_a_bill(stage: Stage, made: Any, _: str) -> None:
    given: dict[str, Any] = {"bill_for": {"outstanding_usage_through": {"type": "none"}}}
    stage.client.v1.subscriptions.pause(made.id, {"type": "subscription", **given})


def restarted(stage: Stage, made: Any, _: str) -> None:
    stage.change(made, billing_cycle_anchor="now")


def handed_to_another_item(stage: Stage, made: Any, calls: str) -> None:
    gone = {"id": item_of(made, calls), "deleted": True}
    stage.change(made, items=[gone, {"price": calls}])


def paused_and_resumed(stage: Stage, made: Any, calls: str) -> None:
    paused(stage, made, calls)
    resumed(stage, made, calls)


def _with_a_cycle_that_begins_anew(api: Api) -> tuple[Stage, str, str, Any]:
    """A subscription to calls and a fee, which 10 calls take to its threshold."""
    stage = Stage(api, "2024-01-01")
    meter = stage.meter()
    calls = stage.metered("Calls", meter, 10)
    resets = {"amount_gte": 100, "reset_billing_cycle_anchor": True}
    made = stage.subscribe(stage.price("Base", 1000), calls, billing_thresholds=resets)
    stage.until("2024-01-10")
    stage.use(10)
    return stage, meter, calls, made


def _begin_anew(stage: Stage, meter: str) -> None:
    before = len(stage.invoices())
    watch_counters([counter_of(meter, stage.customer, "2024-01-10T00")])
    assert len(stage.invoices()) == before + 1


@pytest.mark.parametrize("begins_first", [True, False], ids=["before it", "after it"])
@pytest.mark.parametrize("stop", [*STOPS, cancelled_without_a_bill, paused_without_a_bill])
def test_what_begins_leaves_out_a_second_that_a_threshold_billed_of_what_stops(
    api: Api, stop: Any, *, begins_first: bool
) -> None:
    stage, meter, calls, made = _with_a_cycle_that_begins_anew(api)
    if begins_first:
        created(stage, made, calls)
    _begin_anew(stage, meter)
    if not begins_first:
        created(stage, made, calls)
    stop(stage, made, calls)
    stage.until("2024-01-20")
    stage.use(100)
    stage.until("2024-03-05")
    assert usage_billed(stage, calls) == 110


@pytest.mark.parametrize("change", [restarted, handed_to_another_item, paused_and_resumed])
def test_what_goes_on_leaves_out_a_second_that_a_threshold_has_billed(
    api: Api, change: Any
) -> None:
    stage, meter, calls, made = _with_a_cycle_that_begins_anew(api)
    _begin_anew(stage, meter)
    change(stage, made, calls)
    stage.until("2024-01-20")
    stage.use(9)
    stage.until("2024-03-05")
    assert usage_billed(stage, calls) == 19


def test_an_item_that_began_beside_what_stops_leaves_out_what_a_threshold_has_billed(
    api: Api,
) -> None:
    stage, meter, calls, made = _with_a_cycle_that_begins_anew(api)
    _begin_anew(stage, meter)
    more = stage.metered("More calls", meter, 10)
    made = stage.change(made, items=[{"price": more}])
    removed(stage, made, calls)
    stage.until("2024-01-20")
    stage.use(9)
    stage.until("2024-03-05")
    assert (usage_billed(stage, calls), usage_billed(stage, more)) == (10, 9)


def test_what_has_begun_and_counts_another_meter_by_now_leaves_nothing_out(api: Api) -> None:
    stage, meter, calls, made = _with_a_cycle_that_begins_anew(api)
    storage = stage.metered("Storage", stage.meter("storage"), 10)
    stage.use(7, meter="storage")
    begun = stage.subscribe(calls, **CLASSIC)
    _begin_anew(stage, meter)
    stage.change(begun, items=[{"id": item_of(begun, calls), "price": storage}])
    cancelled(stage, made, calls)
    stage.until("2024-03-05")
    assert (usage_billed(stage, calls), usage_billed(stage, storage)) == (10, 7)


def test_of_two_that_go_on_each_bills_the_second_that_a_threshold_has_billed(api: Api) -> None:
    stage, meter, calls, made = _with_a_cycle_that_begins_anew(api)
    created(stage, made, calls)
    _begin_anew(stage, meter)
    created(stage, made, calls)
    stage.until("2024-02-15")
    assert usage_billed(stage, calls) == 30


# ---------------------------------------------------------------- items that show usage


def test_an_item_of_usage_says_how_much_though_more_of_it_costs_nothing(api: Api) -> None:
    stage = Stage(api, "2024-01-01")
    tiers = [{"up_to": 100, "unit_amount": 0}, {"up_to": "inf", "unit_amount": 5}]
    given: dict[str, Any] = {"tiers": tiers, "tiers_mode": "graduated", "billing_scheme": "tiered"}
    meter = stage.meter()
    old, new = stage.metered("Old", meter, **given), stage.metered("New", meter, 7)
    made = stage.subscribe(old)
    stage.use(3)
    stage.until("2024-01-10")
    stage.change(made, items=[{"id": made["items"].data[0].id, "price": new}])
    stage.use(4, "2024-01-05")
    stage.until("2024-02-01 02:00")
    item = stage.client.v1.invoice_items.list({"customer": stage.customer}).data[0]
    line = next(one for one in stage.invoices()[-1].lines.data if "Old" in one.description)
    assert (item.quantity, item.amount) == (line.quantity, line.amount) == (7, 0)
