"""Which part of a meter a price bills: its segment (``meterline[meter_segment_conditions]``).

So one meter of tokens has a price for each model and token type. A price without conditions bills
the whole meter. Items of different segments count beside each other, as items of two meters do.
"""

from typing import TYPE_CHECKING

from meterline.core.base.errors import BillingError
from meterline.core.metering.dimensions import Conditions, name_of_part
from meterline.store.base.documents import Body

if TYPE_CHECKING:
    from meterline.core.base.wire import Meter, MeterSegmentCondition, Price


def checked_conditions(
    requested: list[Body], meter: "Meter", param: str
) -> "list[MeterSegmentCondition]":
    """The conditions as a price stores them, in the order of the meter's dimensions.

    Raises BillingError for what is no dimension of the meter, or is named twice.
    """
    known = meter.get("dimension_payload_keys", [])
    values: dict[str, str] = {}
    for place, condition in enumerate(requested):
        name = condition["dimension"]
        if name not in known or name in values:
            wrong = "named twice" if name in values else "no dimension of the meter"
            message = f"{name} is {wrong}: a segment has one value of each dimension at most"
            message += f", which are {', '.join(known)}." if known else "; this meter has none."
            raise BillingError(message, param=f"{param}[{place}][dimension]")
        values[name] = condition["value"]
    return [{"dimension": name, "value": values[name]} for name in known if name in values]


def segment_of(price: "Price") -> Conditions:
    """What usage has to meet to be billed by a price; nothing where it bills a whole meter."""
    return {condition["dimension"]: (condition["value"],) for condition in _conditions(price)}


def segment_text(price: "Price") -> str:
    """The segment as lines say it behind the product: ", model large, token_type input"."""
    return "".join(
        f", {condition['dimension']} {condition['value']}" for condition in _conditions(price)
    )


def counted_by(price: "Price") -> str | None:
    """What a metered price counts: the id of its meter, with its segment; None of another price."""
    recurring = price["recurring"]
    meter = recurring["meter"] if recurring else None
    part = name_of_part({one["dimension"]: one["value"] for one in _conditions(price)})
    return meter and "/".join([meter, *part])


def _conditions(price: "Price") -> "list[MeterSegmentCondition]":
    extension = price.get("meterline")
    return (extension and extension.get("meter_segment_conditions")) or []
