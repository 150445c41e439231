"""The core against the naive implementation, on random inputs of a seed that a failure prints."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from random import Random

import pytest

from meterline.core.base import periods, proration
from meterline.core.billing import anchors, discounts
from meterline.core.catalog import commitments, percentages, rating
from tests.unit.core import naive
from tests.unit.core.instants import at

SEED = 20_241_117
FEW, MANY = 3_000, 100_000
YEAR = 366 * 86_400
MAX_COUNT = {"day": 1095, "week": 156, "month": 36, "year": 3}


@dataclass(frozen=True)
class Answers:
    """What both implementations say of one drawn input."""

    drawn: object
    core: object
    naive: object


def compare_periods(random: Random) -> Answers:
    """The period around an instant up to eight years from the anchor."""
    unit = random.choice(list(MAX_COUNT))
    count = random.randint(1, MAX_COUNT[unit] if random.random() < 0.2 else 3)
    anchor = random.randint(at("1999-01-01"), at("2040-01-01"))
    if random.random() < 0.5:
        anchor = at(
            f"20{random.randint(10, 30)}-0{random.choice('13578')}-{random.randint(28, 31)}"
        )
    span = {"day": 60 * 86_400, "week": YEAR}.get(unit, 8 * YEAR)
    instant = anchor + random.randint(-span, span)
    interval = periods.Interval(periods.IntervalUnit(unit), count)
    period = periods.period_at(anchor, interval, instant)
    return Answers(
        (unit, count, anchor, instant),
        (period.start, period.end),
        naive.period_at(anchor, unit, count, instant),
    )


def compare_anchors(random: Random) -> Answers:
    """The anchor of a day of the month."""
    day, count = random.randint(1, 31), random.randint(1, 36)
    created = random.randint(at("2000-01-01"), at("2045-01-01"))
    interval = periods.Interval(periods.IntervalUnit.MONTH, count)
    return Answers(
        (day, count, created),
        anchors.resolve_anchor(anchors.AnchorConfig(day), created, interval),
        naive.resolve_anchor(day, created, count),
    )


def compare_rating(random: Random) -> Answers:
    """A quantity in tenths at a plan of any kind."""
    plan, tenths = draw_plan(random), random.randint(-20, 300)
    return Answers(
        (plan, tenths),
        rating.rate(plan, Decimal(tenths).scaleb(-1)).amount_minor,
        naive.rate(plan, tenths),
    )


def compare_proration(random: Random) -> Answers:
    """The rest of a period of up to three years."""
    whole = periods.Period(0, random.randint(1, 3 * YEAR))
    remaining = whole.remaining_from(random.randint(0, whole.end))
    amount = random.randint(-(10 ** random.randint(1, 9)), 10**9)
    return Answers(
        (amount, remaining, whole),
        proration.prorate(amount, remaining, whole),
        naive.prorate(amount, remaining.seconds, whole.seconds),
    )


def compare_allocation(random: Random) -> Answers:
    """An amount off over up to five lines."""
    weights = [random.randint(0, 10 ** random.randint(1, 6)) for _ in range(random.randint(0, 5))]
    amount = random.randint(0, 10 ** random.randint(1, 7))
    return Answers(
        (amount, weights), discounts.allocate(amount, weights), naive.allocate(amount, weights)
    )


def compare_percentages(random: Random) -> Answers:
    """A percentage with fees and allowances of a small volume."""
    plan = percentages.PercentagePlan(
        draw_amount(random),
        draw_amount(random),
        random.choice([0, random.randint(0, 6)]),
        Decimal(random.choice([0, random.randint(0, 60)])),
    )
    volume, events = random.randint(0, 60), random.randint(0, 6)
    return Answers(
        (plan, volume, events),
        percentages.rate_percentage(plan, Decimal(volume), events).amount_minor,
        naive.percentage(plan, volume, events),
    )


def compare_graduated_percentages(random: Random) -> Answers:
    """Percentages in up to four tiers."""
    ends = [Decimal(end) for end in sorted(random.sample(range(1, 50), random.randint(0, 3)))]
    plan = percentages.GraduatedPercentagePlan(
        tuple(
            percentages.PercentageTier(end, draw_amount(random), draw_amount(random))
            for end in [*ends, None]
        )
    )
    volume = random.randint(0, 60)
    return Answers(
        (plan, volume),
        percentages.rate_graduated_percentage(plan, Decimal(volume)).amount_minor,
        naive.graduated_percentage(plan, volume),
    )


def compare_bounds(random: Random) -> Answers:
    """A minimum and a maximum for the rest of a period."""
    low, high = sorted(random.randint(0, 10 ** random.randint(1, 9)) for _ in range(2))
    bounds = commitments.SpendBounds(random.choice([None, low]), random.choice([None, high]))
    whole = periods.Period(0, random.randint(1, 3 * YEAR))
    part = whole.remaining_from(random.randint(0, whole.end))
    usage = random.randint(0, 10 ** random.randint(1, 9))
    return Answers(
        (usage, bounds, part, whole),
        commitments.commitment_of(usage, bounds, part, whole).bounded.amount_minor,
        naive.bounded(usage, bounds, part.seconds, whole.seconds),
    )


def draw_plan(random: Random) -> rating.PricePlan:
    """A per-unit, package, graduated or volume plan."""
    kind = random.choice(["per_unit", "package", "graduated", "volume"])
    if kind == "per_unit":
        return rating.PricePlan(draw_amount(random))
    if kind == "package":
        transform = rating.TransformQuantity(
            random.randint(1, 9), "up" if random.random() < 0.5 else "down"
        )
        return rating.PricePlan(draw_amount(random), transform_quantity=transform)
    bounds = [Decimal(bound) for bound in sorted(random.sample(range(1, 28), random.randint(0, 4)))]
    tiers = tuple(
        rating.Tier(bound, draw_amount(random), draw_amount(random)) for bound in [*bounds, None]
    )
    return rating.PricePlan(tiers=tiers, tiers_mode=rating.TiersMode(kind))


def draw_amount(random: Random) -> Decimal:
    """An amount of up to 100 minor units, often with a half somewhere."""
    return Decimal(random.choice([0, 5, 50, random.randint(0, 100_000)])).scaleb(-3)


COMPARISONS = [
    compare_periods,
    compare_anchors,
    compare_rating,
    compare_proration,
    compare_allocation,
    compare_percentages,
    compare_graduated_percentages,
    compare_bounds,
]


def compare(comparison: Callable[[Random], Answers], inputs: int) -> None:
    """Run one comparison on so many inputs."""
    random = Random(SEED)
    for place in range(inputs):
        answers = comparison(random)
        assert answers.core == answers.naive, f"seed {SEED}, input {place}: {answers.drawn}"


@pytest.mark.parametrize("comparison", COMPARISONS)
def test_the_core_agrees_with_the_naive_implementation(
    comparison: Callable[[Random], Answers],
) -> None:
    compare(comparison, FEW // len(COMPARISONS))


@pytest.mark.differential
@pytest.mark.parametrize("comparison", COMPARISONS)
def test_the_core_agrees_with_the_naive_implementation_on_many_inputs(
    comparison: Callable[[Random], Answers],
) -> None:
    compare(comparison, MANY)
