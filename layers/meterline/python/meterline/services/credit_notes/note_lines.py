"""The lines of a credit note: which parts of an invoice a request takes back, and what they are."""

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from meterline.core.base.errors import BillingError, no_such
from meterline.core.base.frozen import frozen
from meterline.core.base.money import exact_product, format_decimal, nearest_quotient, round_half_up
from meterline.core.base.unset import merged_metadata, or_none
from meterline.core.billing.credit_notes import Portions, credited
from meterline.services.base.ids import derived_id
from meterline.services.base.lookups import check_named_once
from meterline.services.billing.invoice_bodies import invoice_lines
from meterline.services.billing.tax_basis import is_automatic
from meterline.services.billing.unit_of_work import UnitOfWork
from meterline.services.credit_notes.credited_parts import (
    TaxRooms,
    billed_portions,
    credited_portions,
)
from meterline.services.credit_notes.line_taxes import (
    Asked,
    billed_taxes,
    custom_taxes,
    with_taxes,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from meterline.core.base.wire import (
        CreditNoteLineItem,
        CreditNoteLineItemDiscountAmount,
        CreditNoteLineItemPretaxCreditAmount,
        Invoice,
        InvoiceLine,
    )

_PREFIX = "cnli_"


@frozen
class NoteLine:
    """A line of a note; ``line`` is what it credits of the invoice, None of a line of its own."""

    body: "CreditNoteLineItem"
    line: "InvoiceLine | None"
    portions: Portions

    @property
    def total_minor(self) -> int:
        """What the line takes back, with the taxes that were added to it."""
        added = (tax for tax in self.body["taxes"] if tax["tax_behavior"] == "exclusive")
        return self.amount_off_minor + sum(tax["amount"] for tax in added)

    @property
    def amount_off_minor(self) -> int:
        """The same before those taxes."""
        return self.portions.amount - sum(self.portions.pretax)


def requested_lines(
    uow: UnitOfWork, invoice: "Invoice", note_id: str, requested: "Sequence[Mapping[str, Any]]"
) -> list[NoteLine]:
    """The lines of a note that a request asks for; BillingError for more than what is left."""
    check_named_once(requested, "invoice_line_item", "lines")
    if is_automatic(invoice):
        _check_automatic(requested)
    billed = {line["id"]: line for line in invoice_lines(invoice)}
    rooms = TaxRooms(invoice)
    return [
        _custom(uow, invoice, derived_id(_PREFIX, note_id, index), request, f"lines[{index}]")
        if request["type"] == "custom_line_item"
        else _of_invoice(
            invoice,
            derived_id(_PREFIX, note_id, index),
            _named(billed, request, f"lines[{index}]"),
            Asked(request, f"lines[{index}]", rooms),
        )
        for index, request in enumerate(requested)
    ]


def _check_automatic(requested: "Sequence[Mapping[str, Any]]") -> None:
    """Refuse what would have other taxes than the tax engine computed of the invoice."""
    for index, request in enumerate(requested):
        at = f"lines[{index}]"
        if request["type"] == "custom_line_item" or or_none(request.get("tax_amounts")):
            name = "type" if request["type"] == "custom_line_item" else "tax_amounts"
            raise BillingError(
                f"`{name}` cannot be used so on an invoice with automatic tax: credit its lines.",
                param=f"{at}[{name}]",
            )


def _named(
    billed: "Mapping[str, InvoiceLine]", request: "Mapping[str, Any]", at: str
) -> "InvoiceLine":
    for name in ("unit_amount", "unit_amount_decimal", "description", "tax_rates"):
        if or_none(request.get(name)) is not None:
            raise BillingError(
                f"`{name}` is for lines of type custom_line_item.", param=f"{at}[{name}]"
            )
    line_id, param = request.get("invoice_line_item"), f"{at}[invoice_line_item]"
    if line_id is None:
        raise BillingError(
            "Name the `invoice_line_item` to credit.", code="parameter_missing", param=param
        )
    if line_id not in billed:
        raise no_such("line item", line_id, param=param)
    return billed[line_id]


def _of_invoice(invoice: "Invoice", line_id: str, line: "InvoiceLine", asked: Asked) -> NoteLine:
    request, at = asked.request, asked.at
    before = credited_portions(invoice, line)
    amount = _asked(line, before, request, at)
    left = line["amount"] - before.amount
    lowest, highest = sorted((0, left))
    if not amount or not lowest <= amount <= highest:
        raise BillingError(
            f"Of the line {line['id']} {left} can still be credited, not {amount}.",
            param=f"{at}[{'quantity' if 'quantity' in request else 'amount'}]",
        )
    portions = credited(billed_portions(line), before, amount)
    portions = with_taxes(line, portions, before, asked)
    body = _body(line_id, invoice, portions, request) | {
        "description": line["description"],
        "discount_amount": sum(part["amount"] for part in _discounts(line, portions)),
        "discount_amounts": _discounts(line, portions),
        "invoice_line_item": line["id"],
        "pretax_credit_amounts": _pretax(line, portions),
        "taxes": billed_taxes(line, portions, before, request),
    }
    return NoteLine(body, line, portions)


def _asked(line: "InvoiceLine", before: Portions, request: "Mapping[str, Any]", at: str) -> int:
    """The amount of a line to credit: as asked, that of a quantity, or all that is left."""
    if "amount" in request:
        return int(request["amount"])
    if "quantity" not in request:
        return line["amount"] - before.amount
    billed = Decimal(line["quantity_decimal"])
    if request["quantity"] > billed:
        raise BillingError(
            f"The line {line['id']} billed {billed:f}, not {request['quantity']}.",
            param=f"{at}[quantity]",
        )
    numerator, denominator = billed.as_integer_ratio()
    return nearest_quotient(line["amount"] * request["quantity"] * denominator, numerator)


def _custom(
    uow: UnitOfWork,
    invoice: "Invoice",
    line_id: str,
    request: "Mapping[str, Any]",
    at: str,
) -> NoteLine:
    unit = request.get("unit_amount", request.get("unit_amount_decimal"))
    for name in ("invoice_line_item", "amount"):
        if name in request:
            raise BillingError(
                f"`{name}` is for lines of type invoice_line_item.", param=f"{at}[{name}]"
            )
    if unit is None:
        raise BillingError(
            "A line of its own needs a `unit_amount`.",
            code="parameter_missing",
            param=f"{at}[unit_amount]",
        )
    quantity = request.get("quantity", 1)
    amount = round_half_up(exact_product(Decimal(unit), Decimal(quantity)))
    portions = Portions(amount)
    rates, taxes = custom_taxes(uow, amount, request, at)
    body = _body(line_id, invoice, portions, request) | {
        "description": request.get("description"),
        "quantity": quantity,
        "tax_rates": rates,
        "taxes": taxes,
        "type": "custom_line_item",
        "unit_amount": request.get("unit_amount"),
        "unit_amount_decimal": format_decimal(Decimal(unit)),
    }
    return NoteLine(body, None, portions)


def _body(
    line_id: str, invoice: "Invoice", portions: Portions, request: "Mapping[str, Any]"
) -> "CreditNoteLineItem":
    return {
        "id": line_id,
        "object": "credit_note_line_item",
        "amount": portions.amount,
        "description": None,
        "discount_amount": 0,
        "discount_amounts": [],
        "livemode": invoice["livemode"],
        "metadata": merged_metadata({}, request.get("metadata")),
        "pretax_credit_amounts": [],
        "quantity": request.get("quantity"),
        "tax_rates": [],
        "taxes": [],
        "type": "invoice_line_item",
        "unit_amount": None,
        "unit_amount_decimal": None,
    }


def _discounts(line: "InvoiceLine", portions: Portions) -> "list[CreditNoteLineItemDiscountAmount]":
    return [
        {"amount": amount, "discount": part["discount"]}
        for part, amount in zip(line["pretax_credit_amounts"], portions.pretax, strict=True)
        if amount and part["type"] == "discount"
    ]


def _pretax(
    line: "InvoiceLine", portions: Portions
) -> "list[CreditNoteLineItemPretaxCreditAmount]":
    parts = zip(line["pretax_credit_amounts"], portions.pretax, strict=True)
    amounts: list[CreditNoteLineItemPretaxCreditAmount] = []
    for part, amount in parts:
        if amount:
            shown: CreditNoteLineItemPretaxCreditAmount = {"amount": amount, "type": part["type"]}
            if "discount" in part:
                shown["discount"] = part["discount"]
            if transaction := part.get("credit_balance_transaction"):
                shown["credit_balance_transaction"] = transaction
            amounts.append(shown)
    return amounts
