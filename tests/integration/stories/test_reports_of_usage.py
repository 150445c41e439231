"""Usage that was billed wrong in public, in billing systems of any kind, and what is right.

Each names where it was reported. Amounts and instants are facts of our own; what is right follows
from the rules that Stripe publishes ("Record usage", "Billing thresholds", "Coupons").
"""

from typing import Any

import pytest
import stripe

from tests.integration.api.conftest import Api
from tests.integration.stories.stage import Stage, at

CLASSIC = {"billing_mode": {"type": "classic"}}
FLEXIBLE = {"billing_mode": {"type": "flexible"}}


def totals(stage: Stage) -> list[int]:
    return [invoice.total for invoice in stage.invoices()]


# ---------------------------------------------------------------- the edges of periods


def test_usage_about_a_clamped_boundary_belongs_to_the_period_that_its_second_is_in(
    api: Api,
) -> None:
    """getlago/lago-api#1840."""
    stage = Stage(api, "2028-01-31")
    stage.subscribe(stage.metered("Calls", stage.meter(), 1))
    stage.use(1)
    stage.until("2028-02-29 00:30")
    stage.use(10, "2028-02-28 23:59:59")
    stage.use(100, "2028-02-29 00:00:00")
    stage.until("2028-03-31 00:30")
    stage.use(1_000, "2028-02-29 00:00:01")
    stage.use(10_000, "2028-03-30 23:59:59")
    stage.use(100_000, "2028-03-31 00:00:00")
    stage.until("2028-04-30 02:00")
    assert totals(stage) == [11, 11_100, 100_000]


def test_usage_of_the_last_day_is_billed_up_to_the_second_of_the_end(api: Api) -> None:
    """killbill/killbill#1438."""
    stage = Stage(api, "2024-01-10 09:00")
    made = stage.subscribe(stage.metered("Calls", stage.meter(), 1))
    stage.use(1)
    stage.until("2024-02-10 09:30")
    stage.use(10, "2024-02-10 08:59:59")
    stage.use(100, "2024-02-10 09:00:00")
    stage.until("2024-02-20 15:00")
    stage.use(1_000, "2024-02-20 14:59:59")
    stage.use(10_000, "2024-02-20 15:00:00")
    stage.client.v1.subscriptions.cancel(made.id, {"invoice_now": True})
    stage.use(100_000, "2024-02-20 15:00:01")
    stage.until("2024-03-10 09:30")
    assert totals(stage) == [11, 11_100]


# ---------------------------------------------------------------- little usage, or less than none

_FLAT_FIRST = [
    {"up_to": 100, "unit_amount": 0, "flat_amount": 500},
    {"up_to": "inf", "unit_amount": 2},
]
_FREE_FIRST = [{"up_to": 1, "unit_amount": 0}, *_FLAT_FIRST]
_NAMES = ("Flat", "Free")


@pytest.mark.parametrize("mode", [CLASSIC, FLEXIBLE], ids=["classic", "flexible"])
@pytest.mark.parametrize("usage", [[], [3, -3], [-5]], ids=["none", "cancelling", "negative"])
def test_the_flat_amount_of_the_tier_that_no_usage_reaches_is_billed(
    api: Api, mode: dict[str, Any], usage: list[int]
) -> None:
    """getlago/lago#648, #5760, openmeterio/openmeter#2119: none where the first tier is free."""
    stage = Stage(api, "2024-01-01")
    terms: dict[str, Any] = {"tiers_mode": "graduated", "billing_scheme": "tiered"}
    meter = stage.meter()
    stage.subscribe(
        stage.metered("Flat", meter, tiers=_FLAT_FIRST, **terms),
        stage.metered("Free", meter, tiers=_FREE_FIRST, **terms),
        **mode,
    )
    for value in usage:
        stage.use(value)
    stage.until("2024-02-01 02:00")
    lines = stage.invoices()[-1].lines.data
    billed = {
        name: sum(line.amount for line in lines if name in line.description) for name in _NAMES
    }
    assert billed == {"Flat": 500, "Free": 0}


# ---------------------------------------------------------------- thresholds and discounts


@pytest.mark.parametrize(
    ("coupon", "expected"),
    [
        (None, [12_000, 2_000]),
        ({"duration": "forever"}, [10_800, 1_800]),
        ({"duration": "repeating", "duration_in_months": 2}, [10_800, 1_800]),
        ({"duration": "repeating", "duration_in_months": 1}, [10_800, 2_000]),
        ({"duration": "once"}, [10_800, 2_000]),
    ],
    ids=["none", "for ever", "two months", "one month", "once"],
)
def test_tiers_and_discounts_go_on_after_a_threshold_was_billed(
    api: Api, coupon: dict[str, Any] | None, expected: list[int]
) -> None:
    """langwatch/langwatch#6609, getlago/lago-api#4057."""
    stage = Stage(api, "2024-01-01")
    tiers = [{"up_to": 1_000, "unit_amount": 10}, {"up_to": "inf", "unit_amount": 5}]
    given: dict[str, Any] = {
        "tiers": tiers,
        "tiers_mode": "graduated",
        "billing_scheme": "tiered",
    }
    terms: dict[str, Any] = {"billing_thresholds": {"amount_gte": 10_000}}
    if coupon is not None:
        made = stage.client.v1.coupons.create({"percent_off": 10, **coupon})
        terms["discounts"] = [{"coupon": made.id}]
    stage.subscribe(stage.metered("Calls", stage.meter(), **given), **terms)
    stage.use(1_400)
    stage.until("2024-01-10")
    stage.use(400)
    stage.until("2024-02-01 02:00")
    assert totals(stage) == expected


def test_usage_that_shrinks_after_a_discounted_threshold_gives_back_what_it_cost(api: Api) -> None:
    """getlago/lago-api#4593, #4436, #4611."""
    stage = Stage(api, "2024-01-01")
    half = stage.client.v1.coupons.create({"percent_off": 50, "duration": "forever"})
    stage.subscribe(
        stage.metered("Calls", stage.meter(), 1),
        billing_thresholds={"amount_gte": 500},
        discounts=[{"coupon": half.id}],
    )
    stage.use(1_100)
    stage.until("2024-01-10")
    stage.use(-98)
    stage.until("2024-02-01 02:00")
    assert totals(stage) == [550, 501 - 550]


# ---------------------------------------------------------------- names, values and repeats


def _send(stage: Stage, name: str, value: str, **more: Any) -> None:
    event = {
        "event_name": name,
        "payload": {"stripe_customer_id": stage.customer, "value": value},
        "timestamp": stage.now,
    }
    stage.client.v1.billing.meter_events.create({**event, **more})


@pytest.mark.parametrize("changed", [str.upper, "{} ".format, " {}".format, "{}s".format])
def test_a_name_that_is_written_otherwise_is_no_meters(api: Api, changed: Any) -> None:
    """langfuse/langfuse#16292."""
    stage = Stage(api, "2024-01-01")
    stage.meter()
    name = stage._event_name("calls")  # noqa: SLF001 - as the meter has it
    with pytest.raises(stripe.InvalidRequestError) as refused:
        _send(stage, changed(name), "1")
    assert refused.value.http_status == 400


def test_an_event_that_is_sent_again_counts_once(api: Api) -> None:
    """getpaykit/paykit#204: under its key, its identifier, with another time, value or name."""
    stage = Stage(api, "2024-01-01")
    stage.subscribe(stage.metered("Calls", stage.meter(), 1))
    name = stage._event_name("calls")  # noqa: SLF001 - as the meter has it
    _send(stage, name, "7", identifier=f"one-{stage.customer}")
    for value, when in [("7", stage.now), ("7", stage.now - 60), ("70", stage.now)]:
        with pytest.raises(stripe.InvalidRequestError, match="An event already exists"):
            _send(stage, name, value, identifier=f"one-{stage.customer}", timestamp=when)
    stage.use(10)
    stage.until("2024-02-01 02:00")
    assert totals(stage)[-1] == 17


@pytest.mark.parametrize(
    ("values", "total"),
    [
        (["0.1", "0.2", "-0.3"], 0),
        (["0.000000000000001"] * 3, 0),
        (["1e2", "+1", ".5", "5.", "007"], 114),
        (["99999999999999.9", "-99999999999998.9"], 1),
        (["123456789012345", "-123456789012344"], 1),
        (["25", "-25", "0", "-0", "0.0"], 0),
        (["1.500", "1.5E+2", "1E-5", "-0.00001", "1e0"], 153),
        (["0.10", "0.20", "1e-1", "-.4"], 0),
        (["+0.5", "1E1", "10e-1", "-1e1"], 2),
    ],
)
def test_texts_that_are_numbers_are_summed_exactly(api: Api, values: list[str], total: int) -> None:
    """superserve-ai/superserve#376, langwatch/langwatch#3984: a half goes up (113.5 is 114)."""
    stage = Stage(api, "2024-01-01")
    stage.subscribe(stage.metered("Calls", stage.meter(), 1))
    for value in values:
        stage.use(value)
    stage.until("2024-02-01 02:00")
    assert totals(stage)[-1] == total


def test_texts_that_are_no_numbers_are_refused(api: Api) -> None:
    """langwatch/langwatch#3984."""
    stage = Stage(api, "2024-01-01")
    stage.meter()
    words = ["", "many", "NaN", "Infinity", "0x10", "١٢", "."]
    signs = ["1,5", "1_000", "1 000", " 1", "1.2.3", "--1"]
    digits = ["1e999", "1234567890123456", "0.0000000000000001"]
    for value in [*words, *signs, *digits]:
        with pytest.raises(stripe.InvalidRequestError) as refused:
            stage.use(value)
        assert refused.value.http_status == 400, value


# ---------------------------------------------------------------- the hour of a draft


def test_a_draft_of_what_is_cancelled_stands_still_until_a_person_makes_it_final(api: Api) -> None:
    """Kilo-Org/cloud#5409, bitwarden/server#7589."""
    stage = Stage(api, "2024-01-01")
    made = stage.subscribe(stage.price("Base", 1_000), stage.metered("Calls", stage.meter(), 10))
    stage.use(10)
    stage.until("2024-02-01 00:30")
    waiting = stage.client.v1.invoice_items.create(
        {"customer": stage.customer, "amount": 77, "currency": "usd"}
    )
    stage.client.v1.subscriptions.cancel(made.id)
    stage.use(25, "2024-01-31 23:59")
    stage.until("2024-02-10")
    draft = stage.invoices()[-1]
    assert (draft.status, draft.auto_advance) == ("draft", False)
    final = stage.client.v1.invoices.finalize_invoice(draft.id)
    assert (final.status, final.total) == ("open", 1_350)
    assert stage.client.v1.invoice_items.retrieve(waiting.id).invoice is None


def test_nothing_goes_out_to_a_customer_who_is_deleted_in_the_hour_of_a_draft(api: Api) -> None:
    """vm0-ai/vm0#26374, kentcdodds/kody#2049."""
    stage = Stage(api, "2024-01-01")
    made = stage.subscribe(stage.price("Base", 1_000))
    stage.until("2024-02-01 00:30")
    draft = stage.invoices()[-1]
    stage.client.v1.customers.delete(stage.customer)
    stage.until("2024-04-10")
    assert stage.client.v1.subscriptions.retrieve(made.id).status == "canceled"
    assert stage.client.v1.invoices.retrieve(draft.id).status == "draft"
    assert [invoice.id for invoice in stage.invoices()[1:]] == [draft.id]
    assert at("2024-04-10") == stage.now
