"""Situations that went wrong in billing systems in public, and what is right in each.

Each names where it was reported. Amounts and instants are facts; what is right follows from the
rules that Stripe publishes ("Compare billing modes", "Backdate subscriptions", "Use trial periods",
"Billing thresholds").
"""

from collections.abc import Callable
from typing import Any

import pytest
import stripe

from tests.integration.api.conftest import Api
from tests.integration.stories.stage import Stage, at, day

CLASSIC = {"billing_mode": {"type": "classic"}}
FLEXIBLE = {"billing_mode": {"type": "flexible"}}


def bills(stage: Stage) -> list[list[tuple[str, int]]]:
    """All invoices, each as its lines: the day on which one begins, and its amount."""
    return [
        [(day(line.period.start), line.amount) for line in one.lines.data]
        for one in stage.invoices()
    ]


# ---------------------------------------------------------------- a start in the past


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        (
            FLEXIBLE,
            [[("2024-03-01", 10000), ("2024-04-01", 15000)], [("2024-05-01", 700)]],
        ),
        (
            FLEXIBLE | {"trial_period_days": 31},
            [[("2024-03-01", 10000), ("2024-04-01", 15000)]],
        ),
        (CLASSIC, [[("2024-05-01", 0)], [("2024-03-01", 25700)]]),
        (
            CLASSIC | {"trial_period_days": 31},
            [[("2024-05-01", 0)], [("2024-03-01", 25000), ("2024-06-01", 0)]],
        ),
        (FLEXIBLE | {"proration_behavior": "none"}, [[("2024-05-01", 700)]]),
    ],
)
def test_usage_before_a_backdated_subscription_is_billed(
    api: Api, params: dict[str, Any], expected: list[Any]
) -> None:
    """polarsource/polar#8451, getlago/lago-api#1520."""
    stage = Stage(api, "2024-05-01")
    storage = stage.metered("Storage", stage.meter(), 100)
    stage.use(100, "2024-03-31 23:59")
    stage.use(150, "2024-04-01")
    stage.subscribe(storage, backdate_start_date=at("2024-03-01"), **params)
    stage.until("2024-05-20")
    stage.use(7)
    stage.until("2024-06-01 02:00")
    assert bills(stage) == expected


def test_a_trial_can_follow_a_time_that_is_billed(api: Api) -> None:
    """stripe/stripe-dotnet#2689, laravel/cashier-stripe#1682."""
    stage = Stage(api, "2024-03-15")
    base = stage.price("Base", 3100)
    stage.subscribe(base, backdate_start_date=at("2024-01-01"), trial_end=at("2024-04-01"))
    stage.until("2024-04-01 02:00")
    assert bills(stage) == [
        [("2024-01-01", 3100), ("2024-02-01", 3100), ("2024-03-01", 1400), ("2024-03-15", 0)],
        [("2024-04-01", 3100)],
    ]


@pytest.mark.parametrize("trial", [{"trial_period_days": 10}, {"trial_end": at("2024-01-11")}])
def test_an_anchor_by_its_day_counts_from_the_end_of_the_trial(
    api: Api, trial: dict[str, int]
) -> None:
    """stripe/stripe-dotnet#2689."""
    stage = Stage(api, "2024-01-01")
    config = {"day_of_month": 15}
    stage.subscribe(stage.price("Base", 3100), billing_cycle_anchor_config=config, **trial)
    stage.until("2024-01-15 02:00")
    assert bills(stage) == [[("2024-01-01", 0)], [("2024-01-11", 400)], [("2024-01-15", 3100)]]


# ---------------------------------------------------------------- an end in the first period


@pytest.mark.parametrize(
    ("mode", "behavior", "total"),
    [
        (CLASSIC, "none", 1000),
        (FLEXIBLE, "none", 3100),
        (CLASSIC, "create_prorations", 1000),
        (FLEXIBLE, "create_prorations", 1000),
    ],
)
def test_an_end_in_the_first_period_is_charged_as_the_mode_has_it(
    api: Api, mode: dict[str, Any], behavior: str, total: int
) -> None:
    """YumaInaura/YumaInaura#2910, #2913, #2920."""
    stage = Stage(api, "2024-01-01")
    stage.subscribe(
        stage.price("Base", 3100),
        cancel_at=at("2024-01-11"),
        proration_behavior=behavior,
        **mode,
    )
    stage.until("2024-01-12")
    assert stage.totals() == [("2024-01-01", total)]


# ---------------------------------------------------------------- metered prices that change


@pytest.mark.parametrize(
    ("mode", "behavior", "totals"),
    [
        (CLASSIC, "create_prorations", [0, 6000, 700]),
        (FLEXIBLE, "create_prorations", [6000, 1100]),
        (FLEXIBLE, "none", [6000, 700]),
    ],
)
def test_a_metered_price_changes_after_a_threshold_was_billed(
    api: Api, mode: dict[str, Any], behavior: str, totals: list[int]
) -> None:
    """laravel/cashier-stripe#1680."""
    stage = Stage(api, "2024-01-01")
    meter = stage.meter()
    old, new = stage.metered("Old", meter, 10), stage.metered("New", meter, 7)
    made = stage.subscribe(old, billing_thresholds={"amount_gte": 5000}, **mode)
    stage.use(600, "2024-01-01")
    stage.until("2024-01-10")
    stage.use(40, "2024-01-09")
    changed = {"id": made["items"].data[0].id, "price": new}
    stage.change(made, items=[changed], proration_behavior=behavior, billing_thresholds="")
    stage.use(100, "2024-01-10")
    stage.until("2024-02-01 02:00")
    assert [one.total for one in stage.invoices()] == totals


# ---------------------------------------------------------------- a trial that ends at once


@pytest.mark.parametrize(
    ("behavior", "status", "totals"),
    [
        ("create_invoice", "active", [0, 3100]),
        ("pause", "paused", [0]),
        ("cancel", "canceled", [0]),
    ],
)
def test_a_trial_that_is_ended_obeys_what_was_said_of_a_missing_payment_method(
    api: Api, behavior: str, status: str, totals: list[int]
) -> None:
    """Kiln-AI/stripe_world (a recorded conversation)."""
    stage = Stage(api, "2024-01-01")
    made = stage.subscribe(
        stage.price("Base", 3100),
        trial_period_days=14,
        trial_settings={"end_behavior": {"missing_payment_method": behavior}},
    )
    stage.until("2024-01-05")
    ended = stage.change(made, trial_end="now")
    now = at("2024-01-05")
    assert (ended.status, ended.trial_end, ended.billing_cycle_anchor) == (status, now, now)
    assert [one.total for one in stage.invoices()] == totals
    item = ended["items"].data[0]
    if behavior != "create_invoice":
        periods = (item.current_period_start, item.current_period_end)
        assert periods == (at("2024-01-01"), now)
    if behavior == "cancel":
        assert (ended.ended_at, ended.canceled_at) == (now, now)
        assert ended.cancellation_details.reason == "cancellation_requested"


# ---------------------------------------------------------------- the second of an end


def usage_billed(stage: Stage) -> int:
    """The units of all lines of usage, and of usage items that wait for an invoice."""
    waiting = stage.client.v1.invoice_items.list({"customer": stage.customer, "pending": True})
    lines = [line for one in stage.invoices() for line in one.lines.data]
    return sum(int(one.quantity) for one in [*lines, *waiting.data])


def then_another(stage: Stage, price: str, ended: Any, **params: Any) -> None:
    stage.client.v1.subscriptions.cancel(ended.id, {"invoice_now": True})
    stage.subscribe(price, **params)


def with_another(stage: Stage, price: str, ended: Any, **params: Any) -> None:
    stage.subscribe(price, **params)
    stage.client.v1.subscriptions.cancel(ended.id, {"invoice_now": True})


@pytest.mark.parametrize("mode", [CLASSIC, FLEXIBLE])
@pytest.mark.parametrize("follow", [then_another, with_another])
def test_each_event_is_billed_once_by_subscriptions_that_follow_each_other_in_one_second(
    api: Api, follow: Callable[..., None], mode: dict[str, Any]
) -> None:
    """getlago/lago-api#158, #682, novuhq/novu#10503."""
    stage = Stage(api, "2024-01-01")
    calls = stage.metered("Calls", stage.meter(), 100)
    first = stage.subscribe(calls, **mode)
    stage.use(1)
    stage.until("2024-01-10")
    stage.use(10, "2024-01-09 23:59")
    stage.use(100)
    follow(stage, calls, first, **mode)
    stage.until("2024-01-20")
    stage.use(1000)
    stage.until("2024-02-10 02:00")
    assert usage_billed(stage) == 1111


@pytest.mark.parametrize("params", [{"invoice_now": True}, {"prorate": True}])
def test_a_cancellation_bills_its_own_second(api: Api, params: dict[str, Any]) -> None:
    """getlago/lago-api#158."""
    stage = Stage(api, "2024-01-01")
    made = stage.subscribe(stage.metered("Calls", stage.meter(), 100))
    stage.use(5)
    expected = stage.preview(made, cancel_now=True)
    stage.client.v1.subscriptions.cancel(made.id, params)
    assert (expected.total, usage_billed(stage)) == (500, 5)


# ---------------------------------------------------------------- classic mode as it is compared


@pytest.mark.parametrize(
    ("mode", "first", "second"),
    [
        (CLASSIC, "2024-01-01", "2024-01-01"),
        (FLEXIBLE, "2024-01-01", "2024-02-01"),
    ],
)
def test_a_second_trial_starts_a_new_one_in_flexible_mode_only(
    api: Api, mode: dict[str, Any], first: str, second: str
) -> None:
    """Stripe, "Compare billing modes"."""
    stage = Stage(api, "2024-01-01")
    made = stage.subscribe(stage.price("Base", 3100), trial_period_days=10, **mode)
    assert day(made.trial_start) == first
    stage.until("2024-02-01")
    again = stage.change(made, trial_end=at("2024-02-20"), proration_behavior="none")
    assert day(again.trial_start) == second


@pytest.mark.parametrize(("mode", "left"), [(CLASSIC, "2024-01-05"), (FLEXIBLE, "2024-01-11")])
def test_an_end_within_a_trial_shortens_it_in_classic_mode_for_good(
    api: Api, mode: dict[str, Any], left: str
) -> None:
    """Stripe, "Compare billing modes"."""
    stage = Stage(api, "2024-01-01")
    price = stage.price("Base", 3100)
    made = stage.subscribe(price, trial_period_days=10, **mode)
    ending = stage.change(made, cancel_at=at("2024-01-05"))
    assert day(ending.trial_end) == left
    goes_on = stage.change(made, cancel_at="")
    assert day(goes_on.trial_end) == left
    born = stage.subscribe(price, trial_period_days=10, cancel_at=at("2024-01-05"), **mode)
    assert day(born.trial_end) == left
    stage.until(f"{left} 02:00")
    bill = stage.invoices()[-1]
    assert (bill.total, day(bill.lines.data[0].period.start)) == (3100, left)


@pytest.mark.parametrize(
    ("mode", "behavior", "amounts"),
    [
        (CLASSIC, "always_invoice", [-2100, 3100]),
        (CLASSIC, "create_prorations", [-2100, 777, 3100]),
        (FLEXIBLE, "always_invoice", [-2100, 777, 3100]),
    ],
)
def test_a_reset_that_is_invoiced_leaves_pending_items_in_classic_mode(
    api: Api, mode: dict[str, Any], behavior: str, amounts: list[int]
) -> None:
    """Stripe, "Compare billing modes"."""
    stage = Stage(api, "2024-01-01")
    made = stage.subscribe(stage.price("Base", 3100), **mode)
    stage.client.v1.invoice_items.create(
        {"customer": stage.customer, "amount": 777, "currency": "usd"}
    )
    stage.until("2024-01-11")
    stage.change(made, billing_cycle_anchor="now", proration_behavior=behavior)
    assert sorted(line.amount for line in stage.invoices()[-1].lines.data) == amounts


@pytest.mark.parametrize(("mode", "lines"), [(CLASSIC, ["0 × Calls"]), (FLEXIBLE, [])])
def test_usage_that_is_added_and_invoiced_has_a_line_in_classic_mode(
    api: Api, mode: dict[str, Any], lines: list[str]
) -> None:
    """Stripe, "Compare billing modes"."""
    stage = Stage(api, "2024-01-01")
    made = stage.subscribe(stage.price("Base", 3100), **mode)
    stage.until("2024-01-11")
    calls = stage.metered("Calls", stage.meter(), 100)
    stage.change(made, items=[{"price": calls}], proration_behavior="always_invoice")
    found = [line for one in stage.invoices()[1:] for line in one.lines.data]
    assert [line.description.split(" (")[0] for line in found] == lines
    assert [(line.amount, day(line.period.start)) for line in found] == [
        (0, "2024-01-11") for _ in lines
    ]


@pytest.mark.parametrize(
    ("mode", "texts"),
    [
        (CLASSIC, {"Trial period for Base", "0 × Calls (Free trial)"}),
        (FLEXIBLE, {"Free trial for 2 × Base"}),
    ],
)
def test_lines_of_a_trial_are_worded_as_the_mode_has_it(
    api: Api, mode: dict[str, Any], texts: set[str]
) -> None:
    """Stripe, "Compare billing modes"."""
    stage = Stage(api, "2024-01-01")
    calls = stage.metered("Calls", stage.meter(), 100)
    items = [{"price": stage.price("Base", 3100), "quantity": 2}, {"price": calls}]
    stage.subscribe(items=items, trial_period_days=10, **mode)
    assert {line.description for line in stage.invoices()[0].lines.data} == texts


# ---------------------------------------------------------------- periods and usage at their edges


def test_a_trial_of_prices_up_to_an_anchor_is_free_and_then_prorated(api: Api) -> None:
    """stripe/stripe-java#454."""
    stage = Stage(api, "2024-03-01")
    anchor, trial_end = at("2024-04-01"), at("2024-03-23")
    stage.subscribe(stage.price("Base", 3100), trial_end=trial_end, billing_cycle_anchor=anchor)
    stage.until("2024-04-01 02:00")
    assert stage.totals() == [("2024-03-01", 0), ("2024-03-23", 900), ("2024-04-01", 3100)]


def test_an_anchor_by_its_day_keeps_to_the_last_days_of_short_months(api: Api) -> None:
    """killbill/killbill#127, openmeterio/openmeter#3225."""
    stage = Stage(api, "2023-01-10")
    config = {"day_of_month": 31, "hour": 0, "minute": 0, "second": 0}
    base = stage.price("Base", 2800)
    stage.subscribe(base, trial_period_days=36, billing_cycle_anchor_config=config)
    stage.until("2023-06-01")
    assert stage.totals() == [
        ("2023-01-10", 0),
        ("2023-02-15", 1300),
        ("2023-02-28", 2800),
        ("2023-03-31", 2800),
        ("2023-04-30", 2800),
        ("2023-05-31", 2800),
    ]


def test_an_item_that_is_added_on_the_day_before_makes_no_invoice_of_its_own(api: Api) -> None:
    """killbill/killbill#2133."""
    stage = Stage(api, "2024-03-31")
    made = stage.subscribe(stage.price("Base", 500))
    stage.until("2024-05-30")
    stage.change(made, items=[{"price": stage.price("More", 3100)}])
    stage.until("2024-05-31 02:00")
    assert stage.totals()[1:] == [("2024-04-30", 500), ("2024-05-31", 100 + 500 + 3100)]


def test_a_metered_price_that_goes_and_comes_back_bills_each_event_once(api: Api) -> None:
    """polarsource/polar#9090, novuhq/novu#10503."""
    stage = Stage(api, "2024-01-01")
    meter = stage.meter()
    prices = [stage.metered("A", meter, 10), stage.metered("B", meter, 7)]
    made = stage.subscribe(prices[0])
    stage.use(1)
    for place, (when, price) in enumerate([("2024-01-10", prices[1]), ("2024-01-20", prices[0])]):
        stage.until(when)
        stage.use(10 ** (3 * place + 1), day(stage.now - 60))
        stage.change(made, items=[{"id": made["items"].data[0].id, "price": price}])
        stage.use(100 * 1000**place)
    stage.until("2024-01-31")
    stage.use(1_000_000)
    stage.until("2024-02-01 02:00")
    amounts = [line.amount for line in stage.invoices()[-1].lines.data]
    assert sorted(amounts) == sorted([11 * 10, 10_100 * 7, 1_100_000 * 10])


@pytest.mark.parametrize(
    ("mode", "behavior", "total"),
    [
        (FLEXIBLE, "create_prorations", 1300),
        (FLEXIBLE, "none", 1000),
        (CLASSIC, "create_prorations", 1000),
    ],
)
def test_a_metered_item_that_is_removed_bills_its_usage_as_the_mode_has_it(
    api: Api, mode: dict[str, Any], behavior: str, total: int
) -> None:
    """laravel/cashier-stripe#1680."""
    stage = Stage(api, "2024-01-01")
    calls = stage.metered("Calls", stage.meter(), 10)
    made = stage.subscribe(stage.price("Base", 1000), calls, **mode)
    stage.use(30)
    stage.until("2024-01-10")
    metered = next(one.id for one in made["items"].data if one.price.id == calls)
    stage.change(made, items=[{"id": metered, "deleted": True}], proration_behavior=behavior)
    stage.until("2024-02-01 02:00")
    assert stage.invoices()[-1].total == total


def test_usage_of_the_hour_of_a_draft_counts_by_its_own_time(api: Api) -> None:
    """stripe/stripe-node#725."""
    stage = Stage(api, "2024-01-01")
    stage.subscribe(stage.price("Base", 1000), stage.metered("Calls", stage.meter(), 10))
    stage.until("2024-02-01 00:30")
    stage.use(5, "2024-01-31 23:59")
    stage.use(7, "2024-02-01")
    stage.until("2024-03-01 02:00")
    assert [total for _, total in stage.totals()] == [1000, 1050, 1070]


def test_usage_below_zero_is_not_carried_into_the_next_period(api: Api) -> None:
    """getlago/lago-api#5569."""
    stage = Stage(api, "2024-01-01")
    tiers = [{"up_to": 2, "unit_amount": 0}, {"up_to": "inf", "unit_amount": 15000}]
    stage.subscribe(
        stage.metered(
            "Seats", stage.meter(), tiers=tiers, tiers_mode="graduated", billing_scheme="tiered"
        )
    )
    stage.use(-3)
    stage.until("2024-02-10")
    stage.use(4)
    stage.until("2024-03-01 02:00")
    assert [total for _, total in stage.totals()] == [0, 30000]


@pytest.mark.parametrize(
    ("anchor", "behavior", "total"),
    [
        (at("2024-07-01"), "create_prorations", 1100),
        (at("2024-07-01"), "none", None),
        (at("2024-07-20"), "create_prorations", 3000),
        (at("2024-07-20") + 1, "create_prorations", "refused"),
    ],
)
def test_an_anchor_lies_at_most_one_period_ahead(
    api: Api, anchor: int, behavior: str, total: int | str | None
) -> None:
    """stripe/stripe-node#729."""
    stage = Stage(api, "2024-06-20")
    terms = {"billing_cycle_anchor": anchor, "proration_behavior": behavior}
    base = stage.price("Base", 3000)
    if total == "refused":
        with pytest.raises(stripe.InvalidRequestError):
            stage.subscribe(base, **terms)
        return
    stage.subscribe(base, **terms)
    assert stage.totals() == ([] if total is None else [("2024-06-20", total)])


def test_an_anchor_is_not_reset_in_a_trial(api: Api) -> None:
    """Stripe, changelog of 2026-10-28.endive."""
    stage = Stage(api, "2024-01-01")
    made = stage.subscribe(stage.price("Base", 1000), trial_period_days=10)
    with pytest.raises(stripe.InvalidRequestError) as refused:
        stage.change(made, billing_cycle_anchor="now")
    assert refused.value.code == "subscription_update_trial_after_billing_cycle_anchor"


# ---------------------------------------------------------------- currencies charged in steps


def test_three_decimal_currencies_are_charged_in_tens(api: Api) -> None:
    """Stripe, "Supported currencies": 5.124 KWD must be rounded."""
    stage = Stage(api, "2024-01-01", "kwd")
    item = {"customer": stage.customer, "currency": "kwd"}
    with pytest.raises(stripe.InvalidRequestError) as refused:
        stage.client.v1.invoice_items.create(item | {"amount": 5124})
    assert (refused.value.http_status, refused.value.param) == (400, "amount")
    stage.subscribe(stage.metered("Calls", stage.meter(), 7))
    stage.use(732)
    stage.until("2024-02-01 02:00")
    bill = stage.invoices()[-1]
    assert (bill.total, bill.amount_due, bill.ending_balance) == (5124, 5120, 4)
