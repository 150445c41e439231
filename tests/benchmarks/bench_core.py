"""How many renewal invoices the core computes a second, and how that grows with items and tiers."""

from collections.abc import Iterator
from decimal import Decimal

from meterline.core.base.periods import Interval, IntervalUnit, period_at
from meterline.core.billing.balances import apply_balance
from meterline.core.billing.cycles import CyclePeriod
from meterline.core.billing.invoicing import BilledItem, UsageType, renewal_lines
from meterline.core.catalog.price_models import Usage
from meterline.core.catalog.rating import PricePlan, Tier, TiersMode
from tests.benchmarks.goals import at_most
from tests.benchmarks.results import Result, cpu_seconds

INVOICES = 200
ANCHOR = 1_706_659_200
"""31 January 2024."""

_NOISE = 1.25
"""What grows with the number of items may seem to grow by so much more."""

MONTHLY = Interval(IntervalUnit.MONTH)


def measure() -> Iterator[Result]:
    """The invoice of the reference subscription, then more items, then more tiers."""
    reference = _microseconds(metered_items=2, tiers=3)
    yield Result(
        "core: invoices a second (1 licensed, 2 tiered metered items)", 1e6 / reference, "/s"
    )
    yield Result("core: one such invoice", reference, "us")
    for metered_items in (5, 10, 19):
        cost = _microseconds(metered_items=metered_items, tiers=3)
        name = f"core: growth from 3 to {metered_items + 1} items"
        goal = at_most(_NOISE * (metered_items + 1) / 3)
        yield Result(name, cost / reference, "x", goal=goal)
    for tiers in (10, 100):
        cost = _microseconds(metered_items=2, tiers=tiers)
        name = f"core: growth from 3 to {tiers} tiers"
        yield Result(name, cost / reference, "x", goal=at_most(tiers / 3))


def _microseconds(*, metered_items: int, tiers: int) -> float:
    items = [_licensed(), *(_metered(place, tiers) for place in range(metered_items))]
    usage = {item.id: Usage(Decimal(10_000 + place)) for place, item in enumerate(items)}

    def work() -> None:
        for month in range(INVOICES):
            renew(items, usage, ANCHOR + month * 86_400)

    return cpu_seconds(work, repeats=5) / INVOICES * 1e6


def renew(items: list[BilledItem], usage: dict[str, Usage], now: int) -> int:
    """The amount due of one renewal: its periods, its lines and its totals."""
    ended = period_at(ANCHOR, MONTHLY, now)
    coming = period_at(ANCHOR, MONTHLY, ended.end)
    lines = renewal_lines(items, usage, CyclePeriod(ended, ended), CyclePeriod(coming, coming))
    return apply_balance(sum(line.amount_minor for line in lines), 0).amount_due_minor


def _licensed() -> BilledItem:
    return BilledItem("si_seats", UsageType.LICENSED, PricePlan(Decimal(1500)), Decimal(5))


def _metered(place: int, tiers: int) -> BilledItem:
    """A graduated price whose usage enters every tier."""
    bounds = [Decimal(100 * (tier + 1)) for tier in range(tiers - 1)]
    steps = tuple(
        Tier(bound, Decimal(100 - tier) / 8, Decimal(tier))
        for tier, bound in enumerate([*bounds, None])
    )
    plan = PricePlan(tiers=steps, tiers_mode=TiersMode.GRADUATED)
    return BilledItem(f"si_metered_{place}", UsageType.METERED, plan)
