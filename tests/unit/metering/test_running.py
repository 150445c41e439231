"""What a range comes to at each of its parts is what all parts up to it come to together."""

import random
from decimal import Decimal

import pytest

from meterline.core.metering.aggregation import (
    Aggregate,
    Combination,
    Formula,
    Measure,
    Row,
    aggregate,
    combine,
    result,
    told,
)
from meterline.core.metering.distinct import EVERYTHING, Distinct, Union
from meterline.core.metering.running import Running

START = 1_700_000_400
PART_SECONDS = 700
"""Most parts end within five minutes, so that two of them have a share of a sample."""

ADDING = [formula for formula in Formula if formula is not Formula.WEIGHTED_SUM]
MEASURES = [
    *(Measure(formula) for formula in ADDING if formula is not Formula.PERCENTILE),
    *(Measure(Formula.PERCENTILE, percentage=Decimal(p)) for p in ("0.001", "50", "95", "100")),
]


def events(chance: random.Random, measure: Measure, start: int) -> Aggregate:
    """The events of a part, if it has any: values may be below 0, and take each other back."""
    values = (
        [chance.getrandbits(128) for _ in range(chance.randrange(4))]
        if measure.has_digests
        else [chance.choice((-5, -1, 0, 1, 1, 3, 8)) for _ in range(chance.randrange(9))]
    )
    rows = [
        Row(chance.randbytes(16), start + chance.randrange(PART_SECONDS), Decimal(value), place)
        for place, value in enumerate(values)
    ]
    return aggregate(rows, measure)


@pytest.mark.parametrize("measure", MEASURES, ids=lambda measure: str(measure.formula))
@pytest.mark.parametrize("seed", range(5))
def test_it_is_what_all_parts_so_far_come_to(measure: Measure, seed: int) -> None:
    chance = random.Random(seed)
    running, whole = Running(measure, START), Combination(Measure(measure.formula))
    for start in range(START, START + 60 * PART_SECONDS, PART_SECONDS):
        part = events(chance, measure, start)
        running.add(part)
        whole.add(part)
        end = start + PART_SECONDS
        so_far = told(whole.whole(), measure, START, end)
        assert running.until(end) == (result(so_far, measure.formula), so_far.count)


@pytest.mark.parametrize("seed", range(5))
def test_a_union_of_samples_is_the_same_in_whatever_order_they_come(seed: int) -> None:
    chance = random.Random(seed)
    parts = []
    for _ in range(8):
        limit = chance.choice((EVERYTHING, EVERYTHING >> chance.randrange(1, 4)))
        digests = frozenset(chance.randrange(limit) for _ in range(20))
        parts.append(Distinct(digests, limit))
    least = min(part.limit for part in parts)
    kept = {digest for part in parts for digest in part.digests if digest < least}
    for _ in range(4):
        chance.shuffle(parts)
        union = Union()
        for part in parts:
            union.add(part)
        assert union.whole() == Distinct(frozenset(kept), least)
        assert union.number == union.whole().number


def test_a_running_percentile_is_that_of_combined_parts() -> None:
    measure = Measure(Formula.PERCENTILE, percentage=Decimal(50))
    one = aggregate([Row(b"a" * 16, START, Decimal(2))], measure)
    other = aggregate([Row(b"b" * 16, START + 1, Decimal(-2))], measure)
    running = Running(measure, START)
    running.add(one)
    assert running.until(START + 300) == (Decimal(2), 1)
    running.add(other)
    whole = told(combine(one, other, measure), measure, START, START + 300)
    assert running.until(START + 300) == (result(whole, measure.formula), 2)
    assert whole.samples is None
