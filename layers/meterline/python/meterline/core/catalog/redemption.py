"""Whether a coupon can be redeemed."""


def is_redeemable(
    at: int, *, redeem_by: int | None, max_redemptions: int | None, times_redeemed: int
) -> bool:
    """Whether a coupon can be redeemed at an instant: up to ``redeem_by``, and so many times.

    Coupons stand on no test clock, so the instant is that of the real clock for every customer.
    """
    in_time = redeem_by is None or at <= redeem_by
    return in_time and (max_redemptions is None or times_redeemed < max_redemptions)
