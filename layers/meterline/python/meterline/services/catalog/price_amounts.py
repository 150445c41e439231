"""The amounts of a price: per unit or in tiers, in both spellings, checked."""

from collections.abc import Iterable
from decimal import Decimal
from typing import TYPE_CHECKING

from meterline.core.base.errors import BillingError
from meterline.core.base.frozen import frozen
from meterline.core.base.money import MAX_AMOUNT_MINOR, format_decimal, whole_units
from meterline.core.catalog.rating import check_bounds
from meterline.store.base.documents import Body

if TYPE_CHECKING:
    from meterline.core.base.wire import PriceRecurring, PriceTier


@frozen
class PriceAmount:
    """An amount in minor units in both spellings: as an integer where it is whole, and as text."""

    minor: int | None
    decimal: str | None


NO_AMOUNT = PriceAmount(None, None)
"""What a price has that has no such amount."""


def price_tiers(
    params: Body, recurring: "PriceRecurring | None", param: str
) -> "list[PriceTier] | None":
    """The tiers of a tiered price, None for one per unit; refuses what does not go together."""
    scheme = params.get("billing_scheme", "per_unit")
    if scheme == "per_unit":
        refuse_given(params, ("tiers", "tiers_mode"), param, "`billing_scheme=tiered`")
        return None
    for name in ("tiers", "tiers_mode"):
        if name not in params:
            raise BillingError(
                f"Missing required param: {under(param, name)}.",
                code="parameter_missing",
                param=under(param, name),
            )
    refuse_given(
        params,
        ("unit_amount", "unit_amount_decimal", "transform_quantity"),
        param,
        "`billing_scheme=per_unit`",
    )
    if recurring is None:
        raise BillingError(
            "Prices with `type=one_time` are not supported with tiered billing.",
            param=under(param, "interval"),
        )
    return list(normal_tiers(params["tiers"], under(param, "tiers")))


def normal_tiers(requested: list[Body], param: str) -> "Iterable[PriceTier]":
    """The tiers as stored: ascending, the last without an end, each with an amount."""
    ends = [None if tier["up_to"] == "inf" else Decimal(tier["up_to"]) for tier in requested]
    check_bounds(ends, param)
    for index, tier in enumerate(requested):
        here = f"{param}[{index}]"
        flat = price_amount(tier, "flat_amount", here, optional=True)
        unit = price_amount(tier, "unit_amount", here, optional=True)
        yield {
            "flat_amount": flat.minor,
            "flat_amount_decimal": flat.decimal,
            "unit_amount": unit.minor,
            "unit_amount_decimal": unit.decimal,
            "up_to": None if tier["up_to"] == "inf" else tier["up_to"],
        }
        if not any(name.startswith(("flat", "unit")) for name in tier):
            raise BillingError(
                "Invalid tiers: each tier needs a `unit_amount` or a `flat_amount`.", param=here
            )


def price_amount(requested: Body, name: str, param: str, *, optional: bool) -> PriceAmount:
    """The amount that a request gives in one of its spellings; none where it is optional."""
    decimal_name = f"{name}_decimal"
    if name in requested and decimal_name in requested:
        raise BillingError(
            "You may only specify one of these parameters: "
            f"{under(param, name)}, {under(param, decimal_name)}.",
            code="parameters_exclusive",
            param=under(param, name),
        )
    value = requested.get(decimal_name, requested.get(name))
    if value is None:
        if optional:
            return NO_AMOUNT
        raise BillingError(
            f"Prices require an `{name}` or `{decimal_name}` parameter to be set.",
            param=under(param, name) if param else None,
        )
    if value > MAX_AMOUNT_MINOR:
        raise BillingError(
            f"Invalid amount: at most {MAX_AMOUNT_MINOR} is accepted.",
            code="amount_too_large",
            param=under(param, name if name in requested else decimal_name),
        )
    amount = Decimal(value)
    return PriceAmount(whole_units(amount), format_decimal(amount))


def refuse_given(params: Body, names: Iterable[str], param: str, only_with: str) -> None:
    """Refuse parameters that go with another model only."""
    for name in names:
        if name in params:
            raise BillingError(
                f"`{under(param, name)}` can only be used with {only_with}.",
                param=under(param, name),
            )


def under(param: str, name: str) -> str:
    """The name of a parameter inside another one, or at the top."""
    return f"{param}[{name}]" if param else name
