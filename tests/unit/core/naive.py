"""A second implementation of periods, rating and proration, as slow and plain as can be.

It shares nothing with the core: it tries days until one exists, walks from period to period, prices
units one by one, and rounds fractions by looking at what is left over.
"""

import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from fractions import Fraction

from meterline.core.catalog.commitments import SpendBounds
from meterline.core.catalog.percentages import GraduatedPercentagePlan, PercentagePlan
from meterline.core.catalog.rating import PricePlan, Tier, TiersMode

TENTH = Fraction(1, 10)


def boundary(anchor: int, unit: str, count: int, n: int) -> int:
    """The n-th boundary, found by stepping one day or month at a time from the anchor."""
    moment = datetime.fromtimestamp(anchor, UTC)
    step = 1 if n > 0 else -1
    if unit in {"day", "week"}:
        days = count * (7 if unit == "week" else 1)
        for _ in range(abs(n)):
            moment += step * timedelta(days=days)
        return int(moment.timestamp())
    year, month = moment.year, moment.month
    for _ in range(abs(n) * count * (12 if unit == "year" else 1)):
        month += step
        if month in {0, 13}:
            month, year = (12, year - 1) if month == 0 else (1, year + 1)
    return int(_last_existing_day(moment, year, month).timestamp())


def period_at(anchor: int, unit: str, count: int, instant: int) -> tuple[int, int]:
    """The period containing the instant, found by walking from the anchor."""
    n = 0
    while boundary(anchor, unit, count, n) > instant:
        n -= 1
    while boundary(anchor, unit, count, n + 1) <= instant:
        n += 1
    return boundary(anchor, unit, count, n), boundary(anchor, unit, count, n + 1)


def resolve_anchor(day: int, created: int, months: int) -> int:
    """The anchor of a day of the month: the first match, moved to a month that has the day."""
    start = datetime.fromtimestamp(created, UTC)
    year, month = start.year, start.month
    found = _with_day(start, year, month, day)
    while found < start:
        year, month = (year, month + 1) if month < 12 else (year + 1, 1)
        found = _with_day(start, year, month, day)
    candidates = []
    for _ in range(48):
        candidates.append(_with_day(start, year, month, day))
        for _ in range(months):
            year, month = (year, month + 1) if month < 12 else (year + 1, 1)
    longest = max(candidate.day for candidate in candidates)
    return int(next(each for each in candidates if each.day == longest).timestamp())


def rate(plan: PricePlan, tenths: int) -> int:
    """The cost of so many tenths of a unit, counted tenth by tenth."""
    if not plan.tiers:
        return nearest(Fraction(plan.unit_amount or 0) * _units(plan, tenths))
    if plan.tiers_mode is TiersMode.VOLUME:
        tier = _tier_of(plan, max(tenths, 0))
        amount = Fraction(tier.unit_amount or 0) * max(tenths, 0) * TENTH
        return nearest(amount) + nearest(Fraction(tier.flat_amount or 0))
    entered: list[tuple[Tier, Fraction]] = []
    for tenth in range(max(tenths, 0) + 1):
        tier = _tier_of(plan, tenth)
        if not entered or entered[-1][0] is not tier:
            entered.append((tier, Fraction(0)))
        if tenth:
            spent = entered[-1][1] + Fraction(tier.unit_amount or 0) * TENTH
            entered[-1] = (tier, spent)
    flats = sum(nearest(Fraction(tier.flat_amount or 0)) for tier, _ in entered)
    return flats + sum(nearest(spent) for _, spent in entered)


def prorate(amount: int, remaining_seconds: int, whole_seconds: int) -> int:
    """The share of an amount, by fractions."""
    share = Fraction(amount) * Fraction(remaining_seconds, whole_seconds)
    return math.ceil(share - Fraction(1, 2))


def allocate(amount: int, weights: Sequence[int]) -> list[int]:
    """Shares of an amount rounded down, the last unit by unit to the last line that has room."""
    shares = [0] * len(weights)
    total = sum(weights)
    if total == 0:
        return shares
    amount = min(amount, total)
    for place, weight in enumerate(weights):
        shares[place] = int(Fraction(amount * weight, total))
    while sum(shares) < amount:
        roomy = [place for place, weight in enumerate(weights) if shares[place] < weight]
        shares[roomy[-1]] += 1
    return shares


def percentage(plan: PercentagePlan, volume: int, events: int) -> int:
    """A share of what lies above the free volume, and a fee for each event above the free ones."""
    total = Fraction(0)
    for unit in range(volume):
        if unit >= plan.free_volume:
            total += Fraction(plan.percent) / 100
    for event in range(events):
        if event >= plan.free_events:
            total += Fraction(plan.fixed_fee)
    return nearest(total)


def graduated_percentage(plan: GraduatedPercentagePlan, volume: int) -> int:
    """Unit by unit at the percentage of its tier, and a flat amount for each tier entered."""
    entered = [plan.tiers[0]]
    total = Fraction(0)
    for unit in range(1, volume + 1):
        tier = next(one for one in plan.tiers if one.up_to is None or unit <= one.up_to)
        total += Fraction(tier.percent) / 100
        if tier is not entered[-1]:
            entered.append(tier)
    return nearest(total + sum(Fraction(tier.flat_amount) for tier in entered))


def bounded(usage: int, bounds: SpendBounds, seconds: int, of_seconds: int) -> int:
    """Usage moved to the nearer bound of its share of a period."""
    for bound, is_beyond in (
        (bounds.minimum_minor, int.__lt__),
        (bounds.maximum_minor, int.__gt__),
    ):
        if bound is not None:
            share = nearest(Fraction(bound * seconds, of_seconds))
            if is_beyond(usage, share):
                return share
    return usage


def nearest(amount: Fraction) -> int:
    """The nearest integer; halves go away from zero."""
    size = abs(amount)
    whole, rest = divmod(size.numerator, size.denominator)
    if Fraction(rest, size.denominator) >= Fraction(1, 2):
        whole += 1
    return whole if amount >= 0 else -whole


def _last_existing_day(moment: datetime, year: int, month: int) -> datetime:
    return _with_day(moment, year, month, moment.day)


def _with_day(moment: datetime, year: int, month: int, day: int) -> datetime:
    """The moment on the day, or on the last day before it that the month has."""
    for tried in range(day, 27, -1):
        try:
            return moment.replace(year=year, month=month, day=tried)
        except ValueError:
            continue
    return moment.replace(year=year, month=month, day=day)


def _units(plan: PricePlan, tenths: int) -> Fraction:
    quantity = max(tenths, 0) * TENTH
    transform = plan.transform_quantity
    if transform is None:
        return quantity
    packages = 0
    while (packages + 1) * transform.divide_by <= quantity:
        packages += 1
    if transform.round == "up" and packages * transform.divide_by < quantity:
        packages += 1
    return Fraction(packages)


def _tier_of(plan: PricePlan, tenth: int) -> Tier:
    for tier in plan.tiers:
        if tier.up_to is None or tenth * TENTH <= Fraction(tier.up_to):
            return tier
    raise AssertionError(tenth)
