"""The lines of an invoice's document, each with how its amount came about."""

from decimal import Decimal
from itertools import groupby
from typing import TYPE_CHECKING

from meterline.core.credits.measures import units_of
from meterline.services.billing.private_states import (
    ExplainedBounds,
    ExplainedStep,
    LineExplanation,
    LineState,
)
from meterline.services.documents.document import (
    Bounds,
    DocumentLine,
    Group,
    LineTax,
    Span,
    Step,
    Workings,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from meterline.core.base.wire import InvoiceLine, InvoiceLineTax


def groups_of(lines: "Iterable[InvoiceLine]") -> tuple[Group, ...]:
    """The lines by their period, in the invoice's order."""
    shown = map(_line, lines)
    return tuple(
        Group(period, tuple(same)) for period, same in groupby(shown, lambda line: line.period)
    )


def _line(line: "InvoiceLine") -> DocumentLine:
    state = LineState.of(line)
    pricing = line["pricing"]
    unit_amount = pricing["unit_amount_decimal"] if pricing else None
    details = pricing.get("price_details") if pricing else None
    return DocumentLine(
        id=line["id"],
        description=line["description"] or "",
        quantity=Decimal(line["quantity_decimal"]),
        unit_amount=None if unit_amount is None else Decimal(unit_amount),
        amount=line["amount"],
        period=Span(line["period"]["start"], line["period"]["end"]),
        discount_amount=sum(part["amount"] for part in line["discount_amounts"]),
        credit_amount=sum(part["amount"] for part in state.credits or ()),
        credit_units=units_of(sum(part.get("parts", 0) for part in state.credits or ())),
        taxes=tuple(
            LineTax(_rate_of(tax), tax["amount"], tax["tax_behavior"] == "inclusive")
            for tax in line["taxes"]
        ),
        workings=None if state.explanation is None else _workings(state.explanation),
        meter=state.meter,
        price=details["price"] if details else None,
        product_name=state.product_name or "",
        unit_label=state.unit_label or "",
    )


def _rate_of(tax: "InvoiceLineTax") -> str:
    details = tax["tax_rate_details"]
    return "" if details is None else details["tax_rate"]


def _workings(explanation: LineExplanation) -> Workings | None:
    bounds = explanation.get("bounds")
    workings = Workings(
        steps=tuple(map(_step, explanation["steps"])),
        full_amount=explanation["full_amount"],
        seconds=explanation.get("seconds"),
        of_seconds=explanation.get("of_seconds"),
        discount=explanation.get("discount", 0),
        bounds=None if bounds is None else _bounds(bounds),
    )
    return workings if workings.says_something else None


def _step(step: ExplainedStep) -> Step:
    return Step(
        tier=step["tier"],
        up_to=None if step["up_to"] is None else Decimal(step["up_to"]),
        counts=step["counts"],
        quantity=Decimal(step["quantity"]),
        unit_amount=Decimal(step["unit_amount"]),
        flat_amount=Decimal(step["flat_amount"]),
        amount=Decimal(step["amount"]),
    )


def _bounds(bounds: ExplainedBounds) -> Bounds:
    return Bounds(
        bounds["minimum_amount"],
        bounds["maximum_amount"],
        bounds["usage_amount"],
        bounds["reduction"],
        bounds["true_up"],
    )
