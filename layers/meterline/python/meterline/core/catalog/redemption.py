"""Whether a coupon, or a promotion code for it, can be redeemed.

Neither stands on a test clock, so the instant is that of the real clock for every customer.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from meterline.core.base.wire import Coupon, PromotionCode


def is_redeemable(
    at: int, *, redeem_by: int | None, max_redemptions: int | None, times_redeemed: int
) -> bool:
    """Whether a coupon can be redeemed at an instant: up to ``redeem_by``, and so many times."""
    in_time = redeem_by is None or at <= redeem_by
    return in_time and (max_redemptions is None or times_redeemed < max_redemptions)


def can_redeem(coupon: "Coupon", at: int) -> bool:
    """The same of a coupon."""
    return is_redeemable(
        at,
        redeem_by=coupon["redeem_by"],
        max_redemptions=coupon["max_redemptions"],
        times_redeemed=coupon["times_redeemed"],
    )


def is_active(code: "PromotionCode", coupon: "Coupon | None", at: int) -> bool:
    """Whether a promotion code can be redeemed: nobody has ended it, it has not expired and is not
    used up, and its coupon (None if deleted) can be redeemed (contract section G).
    """
    if not code["active"] or coupon is None or not can_redeem(coupon, at):
        return False
    return is_redeemable(
        at,
        redeem_by=code["expires_at"],
        max_redemptions=code["max_redemptions"],
        times_redeemed=code["times_redeemed"],
    )


def least_purchase_minor(code: "PromotionCode", currency: str | None) -> int | None:
    """What a purchase in a currency must come to, minor units.

    Zero if anything is enough; None if the code is for other currencies.
    """
    restrictions = code["restrictions"]
    if restrictions["minimum_amount"] is None:
        return 0
    if currency == restrictions["minimum_amount_currency"]:
        return restrictions["minimum_amount"]
    options = restrictions.get("currency_options", {})
    return options[currency]["minimum_amount"] if currency in options else None
