"""Whether a coupon can be redeemed."""

import pytest

from meterline.core.catalog.redemption import is_redeemable


@pytest.mark.parametrize(
    ("redeem_by", "most", "times"), [(None, None, 1_000), (100, None, 0), (None, 2, 1), (100, 2, 1)]
)
def test_a_coupon_is_redeemed_up_to_its_last_second_and_so_many_times(
    redeem_by: int | None, most: int | None, times: int
) -> None:
    assert is_redeemable(100, redeem_by=redeem_by, max_redemptions=most, times_redeemed=times)


@pytest.mark.parametrize(
    ("redeem_by", "most", "times"), [(99, None, 0), (None, 2, 2), (99, 2, 0), (100, 2, 2)]
)
def test_a_coupon_is_not_redeemed_later_or_more_often(
    redeem_by: int | None, most: int | None, times: int
) -> None:
    assert not is_redeemable(100, redeem_by=redeem_by, max_redemptions=most, times_redeemed=times)
