"""What Hypothesis draws for the core: instants, intervals, tiers and quantities."""

from decimal import Decimal

from hypothesis import strategies as st

from meterline.core.base.periods import Interval, IntervalUnit
from meterline.core.catalog.rating import PricePlan, Tier, TiersMode
from tests.unit.core.instants import at

MAX_COUNT = {"day": 1095, "week": 156, "month": 36, "year": 3}

instants = st.integers(at("1990-01-01"), at("2090-01-01"))


intervals = st.sampled_from(list(IntervalUnit)).flatmap(
    lambda unit: st.builds(Interval, st.just(unit), st.integers(1, MAX_COUNT[unit]))
)

amounts = st.decimals(0, 10_000, places=3)
quantities = st.decimals(0, 100_000, places=2)


@st.composite
def tiers(draw: st.DrawFn, *, flat: bool = True) -> tuple[Tier, ...]:
    """One to five tiers, with flat amounts or without."""
    bounds = sorted(draw(st.sets(st.integers(1, 5000), max_size=4)))
    flats = amounts if flat else st.none()
    return tuple(
        Tier(None if bound is None else Decimal(bound), draw(amounts), draw(flats))
        for bound in [*bounds, None]
    )


def tiered_plans(mode: TiersMode, *, flat: bool = True) -> st.SearchStrategy[PricePlan]:
    """Plans with tiers in one mode."""
    return tiers(flat=flat).map(lambda steps: PricePlan(tiers=steps, tiers_mode=mode))
