"""The amounts of windows: they add up to the line of the period, however it is cut."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meterline.core.analytics.window_amounts import amounts_of_windows, divided
from meterline.core.base.periods import Period
from meterline.core.billing.cycles import CyclePeriod
from meterline.core.billing.invoicing import BilledItem, UsageType, metered_line
from meterline.core.catalog.commitments import SpendBounds
from meterline.core.catalog.percentages import PercentagePlan
from meterline.core.catalog.price_models import PriceModel, Usage
from meterline.core.catalog.rating import PricePlan, Tier, TiersMode, TransformQuantity

MONTH = Period(0, 2_592_000)
SPANS = [CyclePeriod(MONTH, MONTH), CyclePeriod(Period(1_000_000, 2_592_000), MONTH)]
TIERS = (
    Tier(Decimal(10), Decimal("1.5"), Decimal(300)),
    Tier(Decimal(100), Decimal("0.37")),
    Tier(None, Decimal("0.01"), Decimal(7)),
)
MODELS: list[PriceModel] = [
    PricePlan(unit_amount=Decimal("0.35")),
    PricePlan(unit_amount=Decimal(7), transform_quantity=TransformQuantity(6, "up")),
    PricePlan(tiers=TIERS, tiers_mode=TiersMode.GRADUATED),
    PricePlan(tiers=TIERS, tiers_mode=TiersMode.VOLUME),
    PercentagePlan(Decimal("2.9"), Decimal("12.5"), 3, Decimal(20)),
]
BOUNDS = [SpendBounds(), SpendBounds(minimum_minor=900), SpendBounds(0, 150), SpendBounds(70, 90)]

quantities = st.decimals(-50, 200, places=2)
used = st.lists(st.tuples(st.integers(1, 2_591_999), quantities, st.integers(0, 5)), max_size=8)


@given(st.sampled_from(MODELS), st.sampled_from(BOUNDS), st.sampled_from(SPANS), used, quantities)
def test_windows_add_up_to_the_line_however_a_period_is_cut(
    model: PriceModel,
    bounds: SpendBounds,
    span: CyclePeriod,
    steps: list[tuple[int, Decimal, int]],
    last: Decimal,
) -> None:
    item = BilledItem("", UsageType.METERED, model, bounds=bounds)
    start = span.period.start
    so_far, whole = [], Usage()
    for instant, quantity, events in [*sorted(steps), (span.period.end, last, 1)]:
        end = max(start, instant)
        whole = Usage(whole.quantity + quantity, whole.events + events)
        so_far.append(((start, end), whole))
        start = end
    amounts = [amount for _, amount in amounts_of_windows(item, span, so_far)]
    assert sum(amounts) == metered_line(item, whole, span).amount_minor


@given(
    st.integers(-(10**12), 10**12),
    st.lists(st.decimals(0, 10**9, places=6), min_size=1, max_size=20).filter(any),
)
def test_shares_add_up_and_are_less_than_one_unit_off(amount: int, parts: list[Decimal]) -> None:
    shares = divided(amount, parts)
    assert shares is not None
    assert sum(shares) == amount
    for share, part in zip(shares[:-1], parts[:-1], strict=True):
        assert abs(share - amount * part / sum(parts)) <= 1


@pytest.mark.parametrize(
    ("amount", "parts", "shares"),
    [
        (10, ["1", "1", "1"], [3, 3, 4]),
        (-10, ["1", "1", "1"], [-3, -3, -4]),
        (640, ["0.5", "99.5"], [3, 637]),
        (0, ["1", "2"], [0, 0]),
        (5, ["0", "0"], None),
        (5, [], None),
        (5, ["2", "-1"], None),
    ],
)
def test_an_amount_is_divided_in_proportion(
    amount: int, parts: list[str], shares: list[int] | None
) -> None:
    assert divided(amount, [Decimal(part) for part in parts]) == shares
