"""Whether promotion codes can be redeemed, at which instant, and for how large a purchase."""

from typing import TYPE_CHECKING, Any

import pytest

from meterline.core.catalog.redemption import is_active, least_purchase_minor

if TYPE_CHECKING:
    from meterline.core.base.wire import Coupon, PromotionCode

_NOW = 1_000


def _coupon(**changes: Any) -> "Coupon":
    limits: Any = {"redeem_by": None, "max_redemptions": None, "times_redeemed": 0}
    coupon: Coupon = limits | changes
    return coupon


def _code(**changes: Any) -> "PromotionCode":
    terms: Any = {
        "active": True,
        "expires_at": None,
        "max_redemptions": None,
        "restrictions": {"minimum_amount": None, "minimum_amount_currency": None},
        "times_redeemed": 0,
    }
    code: PromotionCode = terms | changes
    return code


@pytest.mark.parametrize(
    ("code", "coupon", "active"),
    [
        (_code(), _coupon(), True),
        (_code(), None, False),
        (_code(active=False), _coupon(), False),
        (_code(expires_at=_NOW), _coupon(), True),
        (_code(expires_at=_NOW - 1), _coupon(), False),
        (_code(max_redemptions=2, times_redeemed=1), _coupon(), True),
        (_code(max_redemptions=2, times_redeemed=2), _coupon(), False),
        (_code(), _coupon(redeem_by=_NOW), True),
        (_code(), _coupon(redeem_by=_NOW - 1), False),
        (_code(), _coupon(max_redemptions=1, times_redeemed=1), False),
    ],
)
def test_a_code_is_active_while_it_and_its_coupon_can_be_redeemed(
    code: "PromotionCode", coupon: "Coupon | None", *, active: bool
) -> None:
    assert is_active(code, coupon, _NOW) is active


_LEAST = {
    "minimum_amount": 500,
    "minimum_amount_currency": "usd",
    "currency_options": {"jpy": {"minimum_amount": 60}},
}


@pytest.mark.parametrize(
    ("restrictions", "currency", "least"),
    [
        (_code()["restrictions"], "usd", 0),
        (_code()["restrictions"], None, 0),
        (_LEAST, "usd", 500),
        (_LEAST, "jpy", 60),
        (_LEAST, "eur", None),
        (_LEAST, None, None),
    ],
)
def test_the_least_purchase_is_that_of_its_currency(
    restrictions: Any, currency: str | None, least: int | None
) -> None:
    assert least_purchase_minor(_code(restrictions=restrictions), currency) == least
