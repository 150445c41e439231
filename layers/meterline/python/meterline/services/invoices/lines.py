"""Invoice lines as bodies, each with the explanation of its amount."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from meterline.core.invoicing import Line
from meterline.core.money import format_decimal
from meterline.core.rating import RatedStep
from meterline.services.ids import derived_id
from meterline.services.invoices.descriptions import line_description
from meterline.store.documents import Body


@dataclass(frozen=True, slots=True)
class LineSource:
    """Where lines come from: the invoice, the subscription, and the names of the products."""

    invoice_id: str
    subscription: Body
    product_names: Mapping[str, str]

    def item(self, item_id: str) -> Body:
        """The subscription item with this id."""
        items: list[Body] = self.subscription["items"]["data"]
        return next(item for item in items if item["id"] == item_id)


def line_body(line: Line, source: LineSource, *, trial: bool = False) -> Body:
    """The ``line_item`` object of a line; its id follows from the invoice, item and period."""
    item = source.item(line.item_id)
    price = item["price"]
    name = source.product_names.get(price["product"], price["product"])
    return {
        "id": derived_id("il_", source.invoice_id, line.item_id, line.period.start),
        "object": "line_item",
        "amount": line.amount_minor,
        "currency": price["currency"],
        "description": line_description(item, name, line.quantity, trial=trial),
        "discount_amounts": [],
        "discountable": True,
        "discounts": [],
        "invoice": source.invoice_id,
        "livemode": price["livemode"],
        "metadata": dict(item["metadata"]),
        "parent": _parent(item, line),
        "period": {"start": line.period.start, "end": line.period.end},
        "pretax_credit_amounts": [],
        "pricing": _pricing(price),
        "quantity": int(line.quantity),
        "quantity_decimal": format_decimal(line.quantity),
        "subscription": source.subscription["id"],
        "subtotal": line.amount_minor,
        "taxes": [],
        "_": {"explanation": explanation(line)},
    }


def explanation(line: Line) -> Body:
    """How a line's amount came about: tier by tier, seconds over seconds."""
    rated = line.rated
    return {
        "steps": [_step(step) for step in rated.steps] if rated else [],
        "full_amount": rated.amount_minor if rated else 0,
        "seconds": line.period.seconds,
        "of_seconds": line.whole.seconds,
    }


def _parent(item: Body, line: Line) -> Body:
    return {
        "type": "subscription_item_details",
        "invoice_item_details": None,
        "subscription_item_details": {
            "invoice_item": None,
            "proration": line.is_stub,
            "proration_details": None,
            "subscription": item["subscription"],
            "subscription_item": item["id"],
        },
    }


def _pricing(price: Body) -> Body:
    return {
        "type": "price_details",
        "price_details": {"price": price["id"], "product": price["product"]},
        "unit_amount_decimal": price["unit_amount_decimal"],
    }


def _step(step: RatedStep) -> dict[str, Any]:
    return {
        "tier": step.tier,
        "up_to": _text(step.up_to),
        "quantity": format_decimal(step.quantity),
        "unit_amount": format_decimal(step.unit_amount),
        "flat_amount": format_decimal(step.flat_amount),
        "amount": format_decimal(step.amount),
    }


def _text(value: Decimal | None) -> str | None:
    return None if value is None else format_decimal(value)
