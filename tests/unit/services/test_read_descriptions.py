"""Descriptions that Meterline wrote are read back; those of anybody else are not."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meterline.core.base.periods import Period
from meterline.core.billing.invoicing import BillingMode, Line
from meterline.core.catalog.commitments import Commitment, SpendBounds, bound_amount
from meterline.services.documents.descriptions import Described, Rate, described
from meterline.services.invoices.descriptions import (
    ProductName,
    line_description,
    proration_description,
)

DAY = 86_400
MONTH = Period(0, 30 * DAY)
NAMES = st.text(min_size=1, max_size=20)
UNITS = st.text(st.characters(exclude_characters="×"), min_size=1, max_size=8)
CURRENCIES = st.sampled_from(["usd", "eur", "gbp", "jpy", "chf", "kwd", "usdc"])
AMOUNTS = st.decimals(0, 10_000, places=3)
QUANTITIES = st.decimals(0, 10**9, places=4)
INTERVALS = st.sampled_from(["day", "week", "month", "year"])


def price_of(currency: str = "usd", **terms: Any) -> Any:
    """A price as far as descriptions look at it."""
    recurring = {"interval": "month", "interval_count": 1, "usage_type": "metered", "meter": None}
    return {
        "currency": currency,
        "recurring": recurring | terms.pop("recurring", {}),
        "tiers": None,
        "tiers_mode": None,
        "transform_quantity": None,
        "unit_amount_decimal": None,
        **terms,
    }


def line_of(quantity: Decimal, **fields: Any) -> Line:
    return Line("si_1", 0, quantity, MONTH, MONTH, None, **fields)


def a_rate(unit_amount: Decimal | None = None, **terms: Any) -> Rate:
    plain: dict[str, Any] = {
        "units": None,
        "tier": None,
        "interval": "month",
        "interval_count": 1,
        "percent": None,
        "fee": None,
    }
    return Rate(unit_amount=unit_amount, **plain | terms)


def said(product: str, **parts: Any) -> Described:
    plain: dict[str, Any] = {
        "occasion": "charge",
        "quantity": None,
        "unit_label": "",
        "is_free": False,
        "rate": None,
        "minimum": None,
        "maximum": None,
        "after": None,
    }
    return Described(product=product, **plain | parts)


@settings(max_examples=25)
@given(NAMES, UNITS, CURRENCIES, AMOUNTS, QUANTITIES, INTERVALS, st.integers(1, 12))
def test_a_quantity_at_a_price_is_read_back(
    name: str,
    unit: str,
    currency: str,
    amount: Decimal,
    quantity: Decimal,
    interval: Any,
    count: int,
) -> None:
    rhythm = {"interval": interval, "interval_count": count}
    price = price_of(currency, unit_amount_decimal=str(amount), recurring=rhythm)
    text = line_description(price, ProductName(name, unit), line_of(quantity))
    rate = a_rate(amount, interval=interval, interval_count=count)
    expected = said(name, quantity=quantity, unit_label=unit, rate=rate)
    assert described(text, name, currency) == expected


@settings(max_examples=20)
@given(NAMES, st.integers(1, 99), st.integers(0, 2_000_000_000), st.booleans())
def test_a_proration_is_read_back(name: str, quantity: int, at: int, is_credit: bool) -> None:  # noqa: FBT001
    item: Any = {"quantity": quantity}
    text = proration_description(item, ProductName(name), at, is_credit=is_credit)
    expected = said(
        name,
        occasion="unused" if is_credit else "remaining",
        quantity=None if quantity == 1 else Decimal(quantity),
        after=at - at % DAY,
    )
    assert described(text, name, "usd") == expected


def bounded(usage: int, **bounds: int) -> Commitment:
    limits = SpendBounds(**bounds)
    return Commitment(limits, MONTH, MONTH, bound_amount(usage, limits))


API, TEAM, THREE = ProductName("API calls"), ProductName("Team", "seat"), Decimal(3)
TIERED = price_of(tiers_mode="graduated", tiers=[{"unit_amount_decimal": "20"}])
PACKAGES = price_of(unit_amount_decimal="8", transform_quantity={"divide_by": 60})
FIRST_TIER, BY_SIXTY = a_rate(Decimal(20), tier=1), a_rate(Decimal(8), units=60)
SHARE = {"percentage": {"percent": "2.9", "fixed_fee_decimal": "30"}}
FREE = price_of(unit_amount_decimal="0")
LICENSED = price_of(unit_amount_decimal="900", recurring={"usage_type": "licensed"})
SEGMENT = {"meter_segment_conditions": [{"dimension": "region", "value": "eu (west)"}]}

# price | product | line | what is read
LINES = [
    (
        TIERED,
        API,
        line_of(THREE),
        said("API calls", quantity=THREE, rate=a_rate(Decimal(20), tier=1)),
    ),
    (
        PACKAGES,
        API,
        line_of(THREE),
        said("API calls", quantity=THREE, rate=a_rate(Decimal(8), units=60)),
    ),
    (
        price_of(meterline=SHARE),
        API,
        line_of(THREE),
        said(
            "API calls",
            quantity=THREE,
            rate=a_rate(percent=Decimal("2.9"), fee=Decimal(30), interval=None),
        ),
    ),
    (price_of(), API, line_of(THREE), said("API calls", quantity=THREE)),
    (
        LICENSED,
        TEAM,
        line_of(THREE, trial=BillingMode.FLEXIBLE),
        said("Team", occasion="flexible_trial", quantity=THREE, unit_label="seat"),
    ),
    (
        LICENSED,
        TEAM,
        line_of(THREE, trial=BillingMode.CLASSIC),
        said("Team", occasion="classic_trial"),
    ),
    (
        FREE,
        API,
        line_of(THREE, trial=BillingMode.CLASSIC),
        said("API calls", quantity=THREE, is_free=True),
    ),
    (
        price_of(meterline=SEGMENT, unit_amount_decimal="5"),
        API,
        line_of(THREE),
        said("API calls, region eu (west)", quantity=THREE, rate=a_rate(Decimal(5))),
    ),
    (
        price_of(),
        API,
        line_of(THREE, commitment=bounded(100, minimum_minor=5_000)),
        said("API calls", quantity=THREE, minimum=Decimal(5_000)),
    ),
    (
        price_of(),
        API,
        line_of(THREE, commitment=bounded(9_999, maximum_minor=5_000)),
        said("API calls", quantity=THREE, maximum=Decimal(5_000)),
    ),
]


@pytest.mark.parametrize(("price", "product", "line", "expected"), LINES)
def test_all_that_a_line_can_say_is_read_back(
    price: Any, product: ProductName, line: Line, expected: Described
) -> None:
    assert described(line_description(price, product, line), product.name, "usd") == expected


@pytest.mark.parametrize(
    ("text", "occasion"),
    [("Late usage: 7 × Calls", "late"), ("Already billed: 7 × Calls", "billed_before")],
)
def test_what_comes_late_and_what_was_billed_before_is_read_back(text: str, occasion: Any) -> None:
    assert described(text, "Calls", "usd") == said("Calls", occasion=occasion, quantity=Decimal(7))


@pytest.mark.parametrize(
    "text",
    [
        "Consulting in May",
        "3 × Other (at $5.00 / month)",
        "3 × Calls at a good price",
        "3 × Calls (at $5.00 / fortnight)",
        "three × Calls",
        "Remaining time on Calls after Easter",
        "",
    ],
)
def test_a_text_of_somebody_s_own_is_not(text: str) -> None:
    assert described(text, "Calls", "usd") is None


def test_a_line_of_no_product_is_not() -> None:
    assert described("3 × Calls", "", "usd") is None


def test_a_long_text_is_looked_at_quickly() -> None:
    for text in ("1 × " * 1_500, "Call, " * 800, "9" * 5_000, "Calls (" + "at $1 / " * 700):
        assert described(text, "Calls", "usd") is None
