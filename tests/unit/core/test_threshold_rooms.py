"""How much further usage stays below a billing threshold, whatever it does on the way."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meterline.core.catalog.percentages import PercentagePlan
from meterline.core.catalog.price_models import Usage, rate_usage
from meterline.core.catalog.rating import PricePlan, Tier, TiersMode, TransformQuantity
from meterline.core.subscriptions.threshold_rooms import MOST_ROOM, divided, peaks_of, room_below

amounts = st.decimals(0, 50, places=2)


@st.composite
def plans(draw: st.DrawFn) -> PricePlan:
    if draw(st.booleans()):
        packages = draw(st.sampled_from([None, TransformQuantity(7, "up")]))
        return PricePlan(unit_amount=draw(amounts), transform_quantity=packages)
    bounds = sorted(draw(st.sets(st.integers(1, 300), min_size=1, max_size=3)))
    tiers = [Tier(bound, draw(amounts), draw(amounts)) for bound in map(Decimal, bounds)]
    last = Tier(None, draw(amounts), draw(amounts))
    return PricePlan(tiers=(*tiers, last), tiers_mode=draw(st.sampled_from(TiersMode)))


@given(plans(), st.integers(0, 400), st.integers(0, 9_000), st.decimals(0, 1, places=3))
def test_no_further_usage_within_the_room_costs_more(
    plan: PricePlan, quantity: int, further_minor: int, share: Decimal
) -> None:
    def amount_of(used: Decimal) -> int:
        return rate_usage(plan, Usage(used)).amount_minor

    peaks = peaks_of(plan)
    assert peaks is not None
    used = Decimal(quantity)
    most = amount_of(used) + further_minor
    room = room_below(amount_of, peaks, used, most)
    for step in (share, share * share, Decimal(1)):
        assert room == 0 or amount_of(used + min(room, Decimal(1_000)) * step) <= most
    for peak in peaks:
        assert not used < peak <= used + room or amount_of(peak) <= most


def test_a_volume_price_leaves_no_room_beyond_a_peak_that_is_too_high() -> None:
    tiers = (
        Tier(Decimal(10), Decimal(12)),
        Tier(Decimal(14), Decimal(90)),
        Tier(None, Decimal(3)),
    )
    plan = PricePlan(tiers=tiers, tiers_mode=TiersMode.VOLUME)

    def amount_of(used: Decimal) -> int:
        return rate_usage(plan, Usage(used)).amount_minor

    room = room_below(amount_of, peaks_of(plan) or (), Decimal(2), 400)
    assert Decimal(7) < room < Decimal("8.1"), "18 would cost 54, but 11 cost 990"
    assert room_below(amount_of, (), Decimal(2), 400) > 100, "as if it only grew"


def test_what_costs_nothing_has_all_the_room_there_is() -> None:
    assert room_below(lambda _: 0, (), Decimal(5), 0) == MOST_ROOM


def test_of_a_percentage_the_quantity_alone_does_not_tell() -> None:
    assert peaks_of(PercentagePlan(Decimal(3))) is None


@pytest.mark.parametrize(
    ("left", "costs", "parts"),
    [
        (100, [0, 0], [50, 50]),
        (100, [30, 10], [62, 37]),
        (99, [5], [98]),
        (7, [-4, 0, 2], [1, 1, 4]),
    ],
)
def test_what_is_left_is_divided_among_items(left: int, costs: list[int], parts: list[int]) -> None:
    assert divided(left, costs) == parts
    assert sum(parts) <= left
