"""Prices in several currencies: ``currency_options``, and a price as it is sold in one of them.

A price has an option for each currency that it can be sold in, its own among them. What is sold in
another currency is sold at a price that reads as if that were its only one.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from meterline.core.base.errors import BillingError, lower_case_key
from meterline.core.base.money import known_currency
from meterline.services.catalog.price_amounts import (
    normal_tiers,
    price_amount,
    refuse_given,
    under,
)
from meterline.services.catalog.price_extensions import FIELD
from meterline.store.base.documents import Body

if TYPE_CHECKING:
    from meterline.core.base.wire import Price, PriceCurrencyOptions

_NAME: Final = "currency_options"

type Options = dict[str, PriceCurrencyOptions]


def currency_options(price: "Price", requested: Mapping[str, Body], param: str = "") -> Options:
    """The options of a new price: that of its own currency, and those that a request gives."""
    own: PriceCurrencyOptions = {
        "custom_unit_amount": price["custom_unit_amount"],
        "tax_behavior": price["tax_behavior"],
        "unit_amount": price["unit_amount"],
        "unit_amount_decimal": price["unit_amount_decimal"],
    }
    if "tiers" in price:
        own["tiers"] = price["tiers"]
    return {price["currency"]: own} | _checked(price, requested, under(param, _NAME))


def with_new_options(price: "Price", requested: Mapping[str, Body]) -> Options:
    """The options of a price with more currencies; the amounts that it has never change."""
    for currency in requested:
        if currency in price[_NAME]:
            raise BillingError(
                f"The price has amounts in {currency} already, and they cannot be changed. Create"
                " another price.",
                param=f"{_NAME}[{currency}]",
            )
    return {**price[_NAME], **_checked(price, requested, _NAME)}


def in_currency(price: "Price", currency: str | None) -> "Price":
    """A price as it is sold in a currency; as it is, if it has no amounts in that."""
    plain = price.copy()
    options = plain.pop(_NAME, {})
    if currency is None or currency not in options:
        return plain
    sold: Price = {**plain, **options[currency], "currency": currency}
    return sold


def _checked(price: "Price", requested: Mapping[str, Body], param: str) -> Options:
    if requested and FIELD in price:
        raise BillingError(
            f"A price with `{FIELD}` is sold in one currency; create one for each.", param=param
        )
    return {
        currency: _option(price, currency, option, f"{param}[{currency}]")
        for currency, option in requested.items()
    }


def _option(price: "Price", currency: str, requested: Body, param: str) -> "PriceCurrencyOptions":
    """What a price costs in another currency: in tiers if it has tiers, else per unit."""
    if currency == price["currency"]:
        raise BillingError(
            f"{currency} is the currency of the price itself: give its amounts outside of {_NAME}.",
            param=param,
        )
    _check_currency(currency, param)
    option: PriceCurrencyOptions = {
        "custom_unit_amount": None,
        "tax_behavior": requested.get("tax_behavior", price["tax_behavior"]),
        "unit_amount": None,
        "unit_amount_decimal": None,
    }
    if "tiers" not in price:
        refuse_given(requested, ("tiers",), param, "`billing_scheme=tiered`")
        amount = price_amount(requested, "unit_amount", param, optional=False)
        return option | {"unit_amount": amount.minor, "unit_amount_decimal": amount.decimal}
    amounts = ("unit_amount", "unit_amount_decimal")
    refuse_given(requested, amounts, param, "`billing_scheme=per_unit`")
    if "tiers" not in requested:
        raise BillingError(
            f"Missing required param: {under(param, 'tiers')}.",
            code="parameter_missing",
            param=under(param, "tiers"),
        )
    tiers = list(normal_tiers(requested["tiers"], under(param, "tiers")))
    if [tier["up_to"] for tier in tiers] != [tier["up_to"] for tier in price["tiers"]]:
        raise BillingError(
            "The tiers of a price begin and end at the same quantities in every currency.",
            param=under(param, "tiers"),
        )
    return option | {"tiers": tiers}


def _check_currency(currency: str, param: str) -> None:
    lower_case_key(currency, param.rpartition("[")[0])
    known_currency(currency, param)
