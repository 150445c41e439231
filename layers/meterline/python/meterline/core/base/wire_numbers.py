"""Decimals that Stripe shows as JSON numbers: the last step to the wire, never calculated with."""

from decimal import Decimal
from typing import overload


@overload
def wire_number(value: Decimal | str) -> int | float: ...
@overload
def wire_number(value: None) -> None: ...
@overload
def wire_number(value: Decimal | str | None) -> int | float | None: ...
def wire_number(value: Decimal | str | None) -> int | float | None:
    """An exact decimal as the JSON number that shows it; 15 significant digits survive."""
    if value is None:
        return None
    exact = Decimal(value)
    return int(exact) if exact == exact.to_integral_value() else float(exact)
