"""Parameters that several resources have."""

from meterline.api.params import idle
from meterline.api.params.specs import (
    Object,
    Param,
    array,
    boolean,
    decimal_,
    enum,
    integer,
    metadata,
    object_,
    string,
    timestamp,
)
from meterline.core.base.money import MAX_AMOUNT_MINOR
from meterline.core.billing.taxes import JURISDICTION_LEVELS, TAX_TYPES, TAXABILITY_REASONS

INTERVAL = enum("day", "month", "week", "year", required=True)
COUNTRY = string(pattern="[A-Z]{2}", hint="Give the two letters of ISO 3166-1.")

MAX_TAX_RATES = 10
"""How many rates count for a line, as Stripe documents it."""

TAX_ID = object_(
    type=string(required=True, max_length=20), value=string(required=True, max_length=100)
)

TAX_BEHAVIOR = enum("exclusive", "inclusive", "unspecified")


def currency(*, required: bool = False) -> Param:
    """A three-letter ISO code, in any case."""
    return string(
        required=required, pattern="[a-z]{3,4}", lower=True, hint="Use a three-letter ISO code."
    )


def payment_behavior(
    why_not_pending: str = "No change of a subscription waits for a payment here: it is made or"
    " refused. Use `allow_incomplete`, `default_incomplete` or `error_if_incomplete`.",
) -> Param:
    """What becomes of a subscription whose invoice is not paid at once.

    ``pending_if_incomplete`` needs a payment that is awaited, and is refused with a sentence.
    """
    return enum(
        "allow_incomplete",
        "error_if_incomplete",
        "pending_if_incomplete",
        "default_incomplete",
        refused={"pending_if_incomplete": why_not_pending},
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


SHIPPING = object_(
    idle.PARCEL,
    emptyable=True,
    address=address(required=True),
    name=string(required=True),
    phone=string(emptyable=True),
)
"""Where things are sent."""


def recurring(**more: Param) -> Object:
    """How often a price recurs."""
    return object_({"interval": INTERVAL, "interval_count": integer(minimum=1), **more})


ACCOUNT_TAX_IDS = array(string(), emptyable=True, max_items=20)
"""The account's tax ids that an invoice shows; an empty string takes all away."""

AUTOMATIC_TAX = object_(
    {"liability": idle.LIABILITY}, enabled=boolean(required=True), emptyable=True
)
"""Whether the deployment's tax engine computes the taxes of what is billed."""


def tax_rates() -> Param:
    """The ids of tax rates, in place of those before; an empty string takes all away."""
    return array(string(), emptyable=True, max_items=MAX_TAX_RATES)


_DISCOUNTS = ("coupon", "discount", "promotion_code")


def discounts() -> Param:
    """Coupons and promotion codes to redeem, or discounts to keep; an empty string takes all."""
    return array(
        object_(
            coupon=string(),
            discount=string(),
            promotion_code=string(),
            exclusive=[_DISCOUNTS],
            one_of=[_DISCOUNTS],
        ),
        emptyable=True,
        max_items=20,
    )


ITEM_THRESHOLDS = object_(emptyable=True, usage_gte=integer(required=True, minimum=1))
"""How much usage of a metered item is billed before its period ends."""

CUSTOM_FIELDS = array(
    object_(name=string(required=True, max_length=40), value=string(required=True, max_length=140)),
    emptyable=True,
    max_items=4,
)
"""What is shown on invoices beside what the contract knows."""

PRICES = ("price", "price_data")
"""The two ways to say at which price."""

ITEM_PRICES = (*PRICES, "plan")
"""Those of an item of a subscription; ``plan`` is the old name of a price."""


def credit_scope(*, required: bool) -> Object:
    """What billing credits pay for: all metered prices, or those that are named."""
    either_of = ("price_type", "prices")
    return object_(
        required=required,
        price_type=enum("metered"),
        prices=array(object_(id=string(required=True)), min_items=1, max_items=20),
        exclusive=[either_of],
        one_of=[either_of],
    )


def price_data(amount: dict[str, Param], **more: Param) -> Object:
    """A price made for the request at hand, instead of one that is named; ``more`` says of what."""
    of_what = tuple(name for name in more if name.startswith("product"))
    return object_(
        {"currency": currency(required=True), "tax_behavior": TAX_BEHAVIOR, **amount, **more},
        exclusive=[tuple(amount), of_what],
        one_of=[tuple(amount), of_what],
    )


AMOUNT: dict[str, Param] = {
    "unit_amount": integer(minimum=0),
    "unit_amount_decimal": decimal_(minimum=0),
}
"""A unit amount in minor units, in one of its two spellings."""

SIGNED_AMOUNT: dict[str, Param] = {
    "unit_amount": integer(minimum=-MAX_AMOUNT_MINOR, maximum=MAX_AMOUNT_MINOR),
    "unit_amount_decimal": decimal_(minimum=-MAX_AMOUNT_MINOR, maximum=MAX_AMOUNT_MINOR),
}
"""The same of what is charged once, which can also be credited."""

RECURRING_PRICE_DATA = price_data(
    AMOUNT,
    product=string(required=True),
    recurring=object_(interval=INTERVAL, interval_count=integer(minimum=1), required=True),
)
"""The price of a subscription item that is made for it."""

ONE_TIME_PRICE_DATA = price_data(SIGNED_AMOUNT, product=string(required=True))
"""The price of something charged or credited once that is made for it."""

TAX_AMOUNTS = array(
    object_(
        amount=integer(required=True, minimum=-MAX_AMOUNT_MINOR, maximum=MAX_AMOUNT_MINOR),
        tax_rate=string(),
        tax_rate_data=object_(
            country=COUNTRY,
            description=string(),
            display_name=string(required=True, max_length=100),
            inclusive=boolean(required=True),
            jurisdiction=string(max_length=200),
            jurisdiction_level=enum(*JURISDICTION_LEVELS),
            percentage=decimal_(required=True, minimum=0, maximum=100, places=4),
            state=string(max_length=50),
            tax_type=enum(*TAX_TYPES),
        ),
        taxability_reason=enum(*TAXABILITY_REASONS),
        taxable_amount=integer(required=True, minimum=-MAX_AMOUNT_MINOR, maximum=MAX_AMOUNT_MINOR),
        exclusive=[("tax_rate", "tax_rate_data")],
        one_of=[("tax_rate", "tax_rate_data")],
    ),
    emptyable=True,
    max_items=20,
)
"""The taxes of a line as a tax engine has computed them; an empty string takes them away."""

LINE_CONTENT: dict[str, Param] = {
    "amount": integer(minimum=-MAX_AMOUNT_MINOR, maximum=MAX_AMOUNT_MINOR),
    "description": string(),
    "discountable": boolean(),
    "discounts": discounts(),
    "metadata": metadata(),
    "period": object_(start=timestamp(required=True), end=timestamp(required=True)),
    "price_data": price_data(
        AMOUNT,
        product=string(),
        product_data=object_(
            name=string(required=True),
            description=string(),
            images=array(string(max_length=2_048), max_items=8),
            metadata=metadata(),
            tax_code=string(),
            unit_label=string(max_length=12),
        ),
    ),
    "pricing": object_(price=string(required=True)),
    "quantity": integer(minimum=0),
    "quantity_decimal": decimal_(minimum=0),
    "tax_amounts": TAX_AMOUNTS,
    "tax_rates": tax_rates(),
}
"""What a request can say about the line of an invoice."""

ONE_LINE_AMOUNT = [
    ("amount", "price_data", "pricing"),
    ("quantity", "quantity_decimal"),
    ("tax_amounts", "tax_rates"),
]
