"""Invoice lines as bodies, each with the explanation of its amount."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, TypedDict

from meterline.core.base.frozen import frozen
from meterline.core.base.money import format_decimal
from meterline.core.billing.invoicing import Line
from meterline.core.catalog.rating import Rated, RatedStep
from meterline.services.base.ids import derived_object_id
from meterline.services.billing.line_taxes import as_billed_before
from meterline.services.billing.private_states import (
    BilledBefore,
    ExplainedBounds,
    ExplainedStep,
    LineExplanation,
    LineState,
    TimeSpan,
)
from meterline.services.billing.tier_lines import tier_line, with_billed_before
from meterline.services.invoices.descriptions import ProductName, line_description

if TYPE_CHECKING:
    from meterline.core.base.wire import (
        InvoiceLine,
        InvoiceLineParent,
        InvoiceLinePricing,
        Price,
        SubscriptionItem,
    )


class Figures(TypedDict):
    """What of a line changes when its quantity does."""

    amount: int
    description: str | None
    quantity: int
    quantity_decimal: str
    subtotal: int


@frozen
class LineSubject:
    """What a line is about: an item of a subscription, its price, and the product's name."""

    subscription_id: str
    item_id: str
    metadata: dict[str, str]
    price: "Price"
    product: ProductName


def item_subject(item: "SubscriptionItem", product_names: Mapping[str, ProductName]) -> LineSubject:
    """The subject of the lines of a subscription item."""
    price = item["price"]
    product = product_names.get(price["product"], ProductName(price["product"]))
    return LineSubject(item["subscription"], item["id"], item["metadata"], price, product)


def line_bodies(line: Line, subject: LineSubject, invoice_id: str) -> "list[InvoiceLine]":
    """The ``line_item`` objects of a line: one, or one for each tier and flat amount of its price.

    Their ids follow from the invoice, the item, the price, the period, and their places.
    """
    bodies = [_line_body(tier, subject, invoice_id) for tier in line.by_tier]
    return [tier_line(body, place) for place, body in enumerate(bodies)]


def _line_body(line: Line, subject: LineSubject, invoice_id: str) -> "InvoiceLine":
    price = subject.price
    body: InvoiceLine = {
        "id": derived_object_id(
            "line_item", invoice_id, line.item_id, price["id"], line.period.start, line.period.end
        ),
        "object": "line_item",
        "currency": price["currency"],
        "discount_amounts": [],
        "discountable": True,
        "discounts": [],
        "invoice": invoice_id,
        "livemode": price["livemode"],
        "metadata": dict(subject.metadata),
        "parent": _parent(subject, line),
        "period": {"start": line.period.start, "end": line.period.end},
        "pretax_credit_amounts": [],
        "pricing": _pricing(price, line),
        "subscription": subject.subscription_id,
        "taxes": [],
        **figures(line, price, subject.product),
    }
    return body


def less_billed_before(
    lines: "list[InvoiceLine]", billed: BilledBefore | None
) -> "list[InvoiceLine]":
    """Lines of usage, followed by what of it a threshold's invoice has billed before, if any.

    Discounts then take their part of the difference; a negative one gives back their part.
    """
    if billed is None or LineState.of(lines[0]).meter is None:
        return lines
    shared = with_billed_before(lines, billed["amount"], Decimal(billed["quantity"]))
    back = billed["gives_back"]
    shared = [replace(LineState.of(line), gives_back=back).on(line) for line in shared]
    return [*shared, _billed_before(lines[0], billed)]


def _billed_before(line: "InvoiceLine", billed: BilledBefore) -> "InvoiceLine":
    name, amount = LineState.of(line).product_name, -billed["amount"]
    free: LineExplanation = {"steps": [], "full_amount": amount, "seconds": 0, "of_seconds": 0}
    negative = line | {
        "id": derived_object_id("line_item", str(line["invoice"]), line["id"], "before"),
        "amount": amount,
        "description": f"Already billed: {billed['quantity']} × {name}",
        "discountable": False,
        "discounts": [],
        "quantity": int(Decimal(billed["quantity"])),
        "quantity_decimal": billed["quantity"],
        "subtotal": amount,
    }
    state = LineState(explanation=free, product_name=name)
    return as_billed_before(state, billed).on(negative)


def figures(line: Line, price: "Price", product: ProductName) -> Figures:
    """What of a ``line_item`` changes when its quantity does; the rest of it stays."""
    state = LineState(
        explanation=explanation(line),
        meter=_meter(line, price),
        of_period=_of_period(line),
        product_name=product.name,
        unit_label=product.unit_label,
    )
    shown: Figures = {
        "amount": line.amount_minor,
        "description": line_description(price, product, line),
        "quantity": int(line.quantity),
        "quantity_decimal": format_decimal(line.quantity),
        "subtotal": line.amount_minor,
    }
    return state.on(shown)


def explanation(line: Line) -> LineExplanation:
    """How a line's amount came about: tier by tier, seconds over seconds."""
    rated = line.rated
    return {
        "steps": steps_of(rated) if rated else [],
        "full_amount": rated.amount_minor if rated else 0,
        "seconds": line.period.seconds,
        "of_seconds": line.whole.seconds,
        "bounds": bounds_of(line),
    }


def bounds_of(line: Line) -> ExplainedBounds | None:
    """What the minimum and maximum amount of a line's price made of it; None if it has neither."""
    if line.commitment is None:
        return None
    bounds, bounded = line.commitment.bounds, line.commitment.bounded
    return {
        "minimum_amount": bounds.minimum_minor,
        "maximum_amount": bounds.maximum_minor,
        "seconds": line.commitment.part.seconds,
        "of_seconds": line.commitment.whole.seconds,
        "usage_amount": bounded.usage_minor,
        "reduction": bounded.reduction_minor,
        "true_up": bounded.true_up_minor,
    }


def steps_of(rated: Rated) -> list[ExplainedStep]:
    """The steps of a rating, as they are shown to people."""
    return [_step(step) for step in rated.steps]


def _of_period(line: Line) -> TimeSpan | None:
    """The full period whose bounds the line has a share of, for when it is rated again."""
    if line.commitment is None:
        return None
    whole = line.commitment.whole
    return {"start": whole.start, "end": whole.end}


def _meter(line: Line, price: "Price") -> str | None:
    """The meter whose usage the line bills; lines that bill nothing by rule have none."""
    recurring = price["recurring"]
    return recurring["meter"] if recurring and line.rated else None


def _parent(subject: LineSubject, line: Line) -> "InvoiceLineParent":
    return {
        "type": "subscription_item_details",
        "invoice_item_details": None,
        "subscription_item_details": {
            "invoice_item": None,
            "proration": line.is_stub,
            "proration_details": {"credited_items": None},
            "subscription": subject.subscription_id,
            "subscription_item": subject.item_id,
        },
    }


def _pricing(price: "Price", line: Line) -> "InvoiceLinePricing":
    """What one unit costs; in a trial nothing, as recorded."""
    return {
        "type": "price_details",
        "price_details": {"price": price["id"], "product": price["product"]},
        "unit_amount_decimal": "0" if line.is_trial else price["unit_amount_decimal"],
    }


def _step(step: RatedStep) -> ExplainedStep:
    return {
        "tier": step.tier,
        "up_to": _text(step.up_to),
        "counts": str(step.unit),
        "quantity": format_decimal(step.quantity),
        "unit_amount": format_decimal(step.unit_amount),
        "flat_amount": format_decimal(step.flat_amount),
        "amount": format_decimal(step.amount),
    }


def _text(value: Decimal | None) -> str | None:
    return None if value is None else format_decimal(value)
