"""Prices in several currencies: ``currency_options``, and a price as it is sold in one of them.

A price has an option for each currency that it can be sold in, its own among them. What is sold in
another currency is sold at a price that reads as if that were its only one.
"""

from collections.abc import Mapping

from meterline.core.base.errors import BillingError, lower_case_key
from meterline.core.base.money import known_currency
from meterline.services.catalog.price_amounts import (
    no_amount,
    normal_tiers,
    price_amount,
    refuse_given,
    under,
)
from meterline.services.catalog.price_extensions import FIELD
from meterline.store.base.documents import Body

_NAME = "currency_options"
_IN_OPTIONS = ("custom_unit_amount", "tax_behavior", "tiers", "unit_amount", "unit_amount_decimal")


def currency_options(price: Body, given: Mapping[str, Body], param: str = "") -> Body:
    """The options of a new price: that of its own currency, and those that a request gives."""
    own = {name: price[name] for name in _IN_OPTIONS if name in price}
    return {price["currency"]: own} | _checked(price, given, under(param, _NAME))


def with_new_options(price: Body, given: Mapping[str, Body]) -> Body:
    """The options of a price with more currencies; the amounts that it has never change."""
    for currency in given:
        if currency in price[_NAME]:
            raise BillingError(
                f"The price has amounts in {currency} already, and they cannot be changed. Create"
                " another price.",
                param=f"{_NAME}[{currency}]",
            )
    return {**price[_NAME], **_checked(price, given, _NAME)}


def in_currency(price: Body, currency: str | None) -> Body:
    """A price as it is sold in a currency; as it is, if it has no amounts in that."""
    plain = {name: value for name, value in price.items() if name != _NAME}
    option = price.get(_NAME, {}).get(currency)
    return plain if option is None else plain | option | {"currency": currency}


def _checked(price: Body, given: Mapping[str, Body], param: str) -> Body:
    if given and FIELD in price:
        raise BillingError(
            f"A price with `{FIELD}` is sold in one currency; create one for each.", param=param
        )
    return {
        currency: _option(price, currency, option, f"{param}[{currency}]")
        for currency, option in given.items()
    }


def _option(price: Body, currency: str, given: Body, param: str) -> Body:
    """What a price costs in another currency: in tiers if it has tiers, else per unit."""
    if currency == price["currency"]:
        raise BillingError(
            f"{currency} is the currency of the price itself: give its amounts outside of {_NAME}.",
            param=param,
        )
    _check_currency(currency, param)
    shared = {
        "custom_unit_amount": None,
        "tax_behavior": given.get("tax_behavior", price["tax_behavior"]),
    }
    if "tiers" not in price:
        refuse_given(given, ("tiers",), param, "`billing_scheme=tiered`")
        return shared | price_amount(given, "unit_amount", param, optional=False)
    amounts = ("unit_amount", "unit_amount_decimal")
    refuse_given(given, amounts, param, "`billing_scheme=per_unit`")
    if "tiers" not in given:
        raise BillingError(
            f"Missing required param: {under(param, 'tiers')}.",
            code="parameter_missing",
            param=under(param, "tiers"),
        )
    tiers = list(normal_tiers(given["tiers"], under(param, "tiers")))
    if [tier["up_to"] for tier in tiers] != [tier["up_to"] for tier in price["tiers"]]:
        raise BillingError(
            "The tiers of a price begin and end at the same quantities in every currency.",
            param=under(param, "tiers"),
        )
    return shared | no_amount("unit_amount") | {"tiers": tiers}


def _check_currency(currency: str, param: str) -> None:
    lower_case_key(currency, param.rpartition("[")[0])
    known_currency(currency, param)
