"""What a request says to make an object: the least that is accepted, and what a test adds.

They go through the services, the SDK, or as a form (``form``).
"""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

type Params = dict[str, Any]

_PERCENTAGE = {"percentile": {"percentile": Decimal(95)}}


def meter_params(event_name: str, formula: str = "sum", **more: Any) -> Params:
    """A meter of the events of a name, which stand for it in its display name too."""
    return {
        "event_name": event_name,
        "display_name": event_name,
        "default_aggregation": {"formula": formula, **_PERCENTAGE.get(formula, {})},
        **more,
    }


def price_params(
    *,
    unit_amount: int | None = None,
    interval: str = "month",
    meter: str | None = None,
    **more: Any,
) -> Params:
    """A recurring price in dollars: of licences, or of the usage of a meter.

    ``more`` names its product (``product`` or ``product_data``); what it says of ``recurring`` is
    added to the interval.
    """
    recurring: Params = {"interval": interval}
    if meter is not None:
        recurring |= {"usage_type": "metered", "meter": meter}
    recurring |= more.pop("recurring", {})
    amount = {} if unit_amount is None else {"unit_amount": unit_amount}
    return {"currency": "usd", **amount, "recurring": recurring, **more}


def items_params(prices: tuple[str, ...] | list[str]) -> list[Params]:
    """Items of a subscription, one of each price."""
    return [{"price": price} for price in prices]


def form(params: Params) -> str:
    """Parameters as the form that SDKs send: names of nested ones in brackets."""
    return urlencode(list(form_pairs(params)))


def form_pairs(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """The names and texts of a form."""
    if isinstance(value, dict):
        for part, inner in value.items():
            yield from form_pairs(inner, f"{name}[{part}]" if name else str(part))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from form_pairs(inner, f"{name}[{index}]")
    elif isinstance(value, bool):
        yield name, "true" if value else "false"
    else:
        yield name, "" if value is None else str(value)
