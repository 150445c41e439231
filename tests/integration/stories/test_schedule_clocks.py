"""Phases on a test clock: what they bill to the second, and that haste changes nothing of it."""

from typing import Any

import pytest

from tests.integration.api.conftest import Api
from tests.integration.stories.schedules import again, months, phase, schedule
from tests.integration.stories.stage import Stage, at, day, lines_of

CURRENCIES = ("jpy", "usd", "kwd")
"""Of 0, 2 and 3 decimals: all amounts are whole minor units."""

BEFORE, AFTER = "2024-01-31 23:59:59", "2024-02-01"
"""The last second of a phase, and the first one of the next."""


def advance(stage: Stage, text: str) -> None:
    """Let a clock go to an instant in one step."""
    stage.now = at(text)
    clocks = stage.client.v1.test_helpers.test_clocks
    clocks.advance(stage.clock, {"frozen_time": stage.now})
    stage.work_on_clock()


def five_phases(stage: Stage) -> Any:
    """Two months: a price changes in each phase, with all that a phase can ask for."""
    v1 = stage.client.v1
    product = v1.products.create({"name": "Plan"}).id
    plans = [stage.price("", 1000 * number, product=product) for number in range(1, 6)]
    coupon = v1.coupons.create({"percent_off": 25, "duration": "forever"}).id
    tax = v1.tax_rates.create({"display_name": "VAT", "percentage": 10, "inclusive": False}).id
    usage = stage.metered("Calls", stage.meter(), "0.5")
    more: list[dict[str, Any]] = [
        {"end_date": at("2024-01-05")},
        {"end_date": at("2024-01-13"), "proration_behavior": "always_invoice"},
        {"end_date": at("2024-01-21"), "proration_behavior": "none"},
        {
            "end_date": at("2024-02-10"),
            "billing_cycle_anchor": "phase_start",
            "default_tax_rates": [tax],
            "discounts": [{"coupon": coupon}],
        },
        {"end_date": at("2024-02-20"), "trial": True, "proration_behavior": "always_invoice"},
    ]
    made = schedule(
        stage, *[phase(plan, usage, **one) for plan, one in zip(plans, more, strict=True)]
    )
    stage.use(21, "2024-01-01")
    return made


FIVE_PHASES = [
    ("2024-01-01", 1000, 0, 0),
    # 27 of 31 days: 870.97 back, 1741.94 more
    ("2024-01-05", 871, 0, 0),
    # 11 of 31 days of what was billed last, 2000, come back untaxed: 709.68. The usage is 10.5.
    ("2024-01-21", 4000 - 710 + 11, 1003, 301),
    # 11 of 31 days of 3000 come back, as they were billed less a quarter, with their tax: 1064.52
    ("2024-02-10", -1065, 0, -107),
    ("2024-02-20", 5000, 0, 0),
]
"""The day of each invoice; its subtotal, and what discounts and taxes come to."""


def in_short(stage: Stage) -> list[tuple[str, int, int, int]]:
    return [
        (
            day(invoice.created),
            invoice.subtotal,
            sum(one.amount for one in invoice.total_discount_amounts or ()),
            sum(one.amount for one in invoice.total_taxes or ()),
        )
        for invoice in stage.invoices()
    ]


@pytest.mark.parametrize("currency", CURRENCIES)
def test_five_phases_that_pass_at_once_bill_each_of_them(api: Api, currency: str) -> None:
    stage = Stage(api, "2024-01-01", currency)
    made = five_phases(stage)
    advance(stage, "2024-02-21")
    assert in_short(stage) == FIVE_PHASES
    assert again(stage, made).status == "released"


def test_five_phases_bill_the_same_at_once_as_one_by_one(api: Api) -> None:
    steps = ["2024-01-05", "2024-01-13", "2024-01-14", "2024-01-21", "2024-02-10", "2024-02-20"]
    billed = []
    for stops in (["2024-02-21"], [*steps, "2024-02-21"]):
        stage = Stage(api, "2024-01-01")
        five_phases(stage)
        for stop in stops:
            advance(stage, stop)
        billed.append([(invoice.total, lines_of(invoice)) for invoice in stage.invoices()])
    assert billed[0] == billed[1]


AT_ONCE = {"proration_behavior": "always_invoice"}
UNPRORATED = {"proration_behavior": "none"}
NEW_ANCHOR = {"billing_cycle_anchor": "phase_start"}

BOUNDARIES: list[tuple[str, str, dict[str, Any], int]] = [
    ("2024-01-15", "flexible", {}, 3),
    ("2024-01-15", "flexible", AT_ONCE, 3),
    ("2024-01-15", "flexible", NEW_ANCHOR, 3),
    ("2024-01-15", "classic", NEW_ANCHOR, 3),
    ("2024-01-01", "flexible", NEW_ANCHOR, 3),
    ("2024-01-01", "classic", AT_ONCE, 3),
    # what is removed within a period without a proration, or in classic mode, bills no usage
    ("2024-01-15", "flexible", UNPRORATED, 0),
    ("2024-01-15", "classic", {}, 0),
]
"""From when on, in which mode and by what change of 1 February; what the old price bills."""


@pytest.mark.parametrize(("start", "mode", "change", "old"), BOUNDARIES)
def test_a_phase_counts_from_its_first_second_on_and_not_before(
    api: Api, start: str, mode: str, change: dict[str, Any], old: int
) -> None:
    """The usage comes half an hour later: what a phase bills takes it along for an hour."""
    stage = Stage(api, start)
    meter = stage.meter()
    cheap, dear = stage.metered("Calls", meter, 1), stage.metered("Better calls", meter, 100)
    schedule(
        stage,
        phase(cheap, end_date=at("2024-02-01")),
        phase(dear, **months(1), **change),
        billing_mode={"type": mode},
    )
    advance(stage, "2024-02-01 00:30")
    stage.use(3, BEFORE)
    stage.use(5, AFTER)
    stage.until("2024-03-16")
    assert sum(invoice.total for invoice in stage.invoices()) == old + 500


@pytest.mark.parametrize("change", [AT_ONCE, NEW_ANCHOR])
def test_what_a_phase_bills_at_once_is_a_draft_for_an_hour_like_a_renewal(
    api: Api, change: dict[str, Any]
) -> None:
    stage = Stage(api, "2024-01-01")
    schedule(
        stage,
        phase(stage.price("Plan", 3100), end_date=at("2024-01-11")),
        phase(stage.price("Plan", 6200), **months(1), **change),
    )
    advance(stage, "2024-01-11 00:30")
    draft = stage.invoices()[-1]
    assert (draft.status, draft.automatically_finalizes_at) == ("draft", at("2024-01-11 01:00"))
    advance(stage, "2024-01-11 01:01")
    assert stage.invoices()[-1].status == "open"
