"""The lines of first and renewal invoices, and the periods that they are for."""

from decimal import Decimal

import pytest

from meterline.core.base.errors import BillingError
from meterline.core.base.periods import Period
from meterline.core.billing.anchors import AnchorConfig
from meterline.core.billing.cycles import AnchorChoice, CyclePeriod, open_cycle, period_from
from meterline.core.billing.invoicing import (
    BilledItem,
    BillingMode,
    Line,
    UsageType,
    licensed_line,
    metered_line,
    opening_lines,
    renewal_lines,
    trial_lines,
)
from meterline.core.catalog.commitments import UNBOUNDED, SpendBounds
from meterline.core.catalog.price_models import Usage
from meterline.core.catalog.rating import PricePlan
from tests.unit.core.instants import at, every, span
from tests.unit.core.tables import plan_of, rows

MONTH = every("month")
JANUARY, FEBRUARY = span("2024-01-01", "2024-02-01"), span("2024-02-01", "2024-03-01")
ENDED = CyclePeriod(JANUARY, JANUARY)
FLAT_FEE = BilledItem("flat", UsageType.LICENSED, plan_of("per_unit", "20000"), Decimal(1))
TOKENS = BilledItem("tokens", UsageType.METERED, plan_of("graduated", "100000@0, inf@0.1"))


def amounts(lines: list[Line]) -> dict[str, int]:
    """The amount of each item's line."""
    return {line.item_id: line.amount_minor for line in lines}


def full(period_of: str) -> CyclePeriod:
    """The full month that starts on a date."""
    return period_from(at("2024-01-01"), MONTH, at(period_of))


def test_a_renewal_bills_usage_in_arrears_and_licences_in_advance() -> None:
    """Case stripe tiered 027: 200 dollars with 100,000 tokens, each further one 0.1 cents."""
    usage = {"tokens": Usage(Decimal(100_000))}
    lines = renewal_lines([FLAT_FEE, TOKENS], usage, ENDED, full("2024-02-01"))
    assert amounts(lines) == {"flat": 20000, "tokens": 0}
    assert {line.item_id: line.period for line in lines} == {"flat": FEBRUARY, "tokens": JANUARY}


@pytest.mark.parametrize(
    ("usage", "amount"), [({}, 0), ({"tokens": Usage(Decimal(150_000))}, 5000)]
)
def test_a_metered_item_has_a_line_on_every_renewal(usage: dict[str, Usage], amount: int) -> None:
    assert amounts(renewal_lines([TOKENS], usage, ENDED, None)) == {"tokens": amount}


def test_the_last_invoice_bills_only_usage() -> None:
    assert amounts(renewal_lines([FLAT_FEE, TOKENS], {}, ENDED, None)) == {"tokens": 0}


@pytest.mark.parametrize(
    ("mode", "expected"),
    [(BillingMode.FLEXIBLE, {"flat": 20000}), (BillingMode.CLASSIC, {"flat": 20000, "tokens": 0})],
)
def test_the_first_invoice_shows_metered_items_only_in_classic_mode(
    mode: BillingMode, expected: dict[str, int]
) -> None:
    assert amounts(opening_lines([FLAT_FEE, TOKENS], full("2024-01-01"), mode)) == expected
    trial = trial_lines([FLAT_FEE, TOKENS], JANUARY, mode)
    assert amounts(trial) == dict.fromkeys(expected, 0)


def test_a_stub_costs_its_share_and_says_of_what() -> None:
    """15 to 29 February is 14/29 of the month from the 15th."""
    config = AnchorChoice(config=AnchorConfig(day_of_month=31))
    opening = open_cycle(at("2024-02-15"), MONTH, config, None)
    line = opening_lines([FLAT_FEE], opening.first, BillingMode.FLEXIBLE)[0]
    assert line.is_stub
    assert (line.period.seconds, line.whole.seconds) == (14 * 86_400, 29 * 86_400)
    assert line.amount_minor == 9655


def test_a_trial_is_the_first_period_and_its_end_the_anchor() -> None:
    opening = open_cycle(at("2024-01-10"), MONTH, AnchorChoice(), at("2024-01-24"))
    assert opening.anchor == at("2024-01-24")
    assert opening.first.period == span("2024-01-10", "2024-01-24")


def test_after_a_trial_a_stub_leads_to_an_anchor_of_its_own() -> None:
    """Case stripe 011: 7 days from the 15th, prorated from the 22nd to the 1st."""
    choice = AnchorChoice(timestamp=at("2024-06-01"))
    opening = open_cycle(at("2024-05-15"), MONTH, choice, at("2024-05-22"))
    after = period_from(opening.anchor, MONTH, at("2024-05-22"))
    assert after.period == span("2024-05-22", "2024-06-01")
    assert after.whole.seconds == 31 * 86_400


def test_a_trial_cannot_end_before_the_subscription_starts() -> None:
    with pytest.raises(BillingError) as refused:
        open_cycle(at("2024-05-15"), MONTH, AnchorChoice(), at("2024-05-14"))
    assert refused.value.param == "trial_end"


def test_computing_an_invoice_again_gives_the_same_invoice() -> None:
    usage = {"tokens": Usage(Decimal("123456.789"))}
    once = renewal_lines([FLAT_FEE, TOKENS], usage, ENDED, full("2024-02-01"))
    assert renewal_lines([FLAT_FEE, TOKENS], usage, ENDED, full("2024-02-01")) == once


# usage or licences | terms in cents | quantity | half a period | each line's amount and quantity
LINES_OF_TIERS = """
metered  | 1000@0+900, inf@3.6+0 | 1031 | no  | 0:1000 900:0 112:31 0:0
metered  | 1000@0+900, inf@3.6+0 | 1031 | yes | 0:1000 900:0 112:31 0:0
licensed | 5@7+3, inf@5          | 6    | no  | 35:5 3:0 5:1
licensed | 5@7+3, inf@5          | 6    | yes | 17:5 1:0 2:1
"""


@pytest.mark.parametrize(
    ("usage_type", "terms", "quantity", "is_half", "expected"), rows(LINES_OF_TIERS)
)
def test_an_item_has_a_line_for_each_tier_and_flat_amount_prorated_by_itself(
    usage_type: str, terms: str, quantity: str, is_half: str, expected: str
) -> None:
    """Usage is not prorated; halves of prorations go down."""
    whole = Period(0, 1000)
    span_ = CyclePeriod(Period(500, 1000) if is_half == "yes" else whole, whole)
    item = BilledItem("one", UsageType(usage_type), plan_of("graduated", terms), Decimal(quantity))
    line = (
        metered_line(item, Usage(Decimal(quantity)), span_)
        if item.is_metered
        else licensed_line(item, span_)
    )
    assert " ".join(f"{tier.amount_minor}:{tier.quantity}" for tier in line.by_tier) == expected
    assert line.amount_minor == sum(tier.amount_minor for tier in line.by_tier)
    assert line.quantity == sum(tier.quantity for tier in line.by_tier)


@pytest.mark.parametrize(
    ("plan", "bounds"),
    [
        (plan_of("per_unit", "5"), UNBOUNDED),
        (plan_of("per_package", "1 per 10 up"), UNBOUNDED),
        (plan_of("graduated", "5@7+3, inf@5"), SpendBounds(minimum_minor=1000)),
    ],
)
def test_a_price_without_tiers_or_with_bounds_has_one_line(
    plan: PricePlan, bounds: SpendBounds
) -> None:
    item = BilledItem("one", UsageType.METERED, plan, bounds=bounds)
    line = metered_line(item, Usage(Decimal(12)), ENDED)
    assert line.by_tier == [line]
