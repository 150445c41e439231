"""Parameters that several resources have."""

from meterline.api.params import (
    Object,
    Param,
    array,
    decimal_,
    enum,
    integer,
    object_,
    string,
)

INTERVAL = enum("day", "month", "week", "year", required=True)
TAX_BEHAVIOR = enum("exclusive", "inclusive", "unspecified")


def currency(*, required: bool = False) -> Param:
    """A three-letter ISO code, in any case."""
    return string(
        required=required, pattern="[a-z]{3,4}", lower=True, hint="Use a three-letter ISO code."
    )


def address(*, emptyable: bool = False, required: bool = False) -> Object:
    """A postal address."""
    return object_(
        required=required,
        emptyable=emptyable,
        city=string(emptyable=True),
        country=string(emptyable=True),
        line1=string(emptyable=True),
        line2=string(emptyable=True),
        postal_code=string(emptyable=True),
        state=string(emptyable=True),
    )


def recurring(**more: Param) -> Object:
    """How often a price recurs."""
    return object_({"interval": INTERVAL, "interval_count": integer(minimum=1), **more})


def discounts() -> Param:
    """Coupons to redeem, or discounts to keep; an empty string takes all away."""
    return array(
        object_(
            coupon=string(),
            discount=string(),
            exclusive=[("coupon", "discount")],
            one_of=[("coupon", "discount")],
        ),
        emptyable=True,
        max_items=20,
    )


AMOUNT: dict[str, Param] = {
    "unit_amount": integer(minimum=0),
    "unit_amount_decimal": decimal_(minimum=0),
}
"""A unit amount in minor units, in one of its two spellings."""
