"""The invoice item object, and the line that it becomes on an invoice."""

from collections.abc import Iterable
from dataclasses import field, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from meterline.core.base.frozen import frozen
from meterline.core.base.money import format_decimal
from meterline.core.base.periods import Period
from meterline.core.catalog.rating import Rated
from meterline.core.subscriptions.item_changes import ProrationLine
from meterline.services.base.ids import derived_object_id, new_object_id
from meterline.services.billing.discounts import discount_terms
from meterline.services.billing.item_origins import origin_of_item, subscription_of_item
from meterline.services.billing.private_states import InvoiceItemState, LineExplanation, LineState
from meterline.services.billing.unit_of_work import UnitOfWork
from meterline.services.invoices.lines import steps_of

if TYPE_CHECKING:
    from meterline.core.base.wire import (
        Discount,
        InvoiceItem,
        InvoiceItemParent,
        InvoiceItemParentSubscriptionDetails,
        InvoiceItemPricing,
        InvoiceLine,
        InvoiceLineParent,
        InvoiceLineParentInvoiceItemDetails,
        Price,
        TaxRate,
    )
    from meterline.core.base.wire import InvoiceItemProrationDetailsCreditedItems as CreditedItems
    from meterline.core.base.wire import (
        InvoiceLineParentInvoiceItemDetailsProrationDetails as ProrationDetails,
    )


@frozen(kw_only=True)
class ItemTerms:
    """What an invoice item bills; ``explanation`` says how the amount came about."""

    amount: int
    currency: str
    period: Period
    description: str | None
    quantity: Decimal = Decimal(1)
    price: "Price | None" = None
    subscription: str | None = None
    subscription_item: str | None = None
    proration: bool = False
    credited: "CreditedItems | None" = None
    discountable: bool = True
    discounts: "list[Discount]" = field(default_factory=list)
    metadata: dict[str, str] = field(default_factory=dict)
    tax_rates: "list[TaxRate]" = field(default_factory=list)
    state: InvoiceItemState = field(default_factory=InvoiceItemState)


_FROZEN: Final = ("pricing", "quantity", "discounts")
"""What of a proration stays as it is."""


def new_item(uow: UnitOfWork, terms: ItemTerms) -> "InvoiceItem":
    """A new invoice item of the unit of work's customer, on no invoice yet."""
    customer = uow.customer
    discounts = [discount_terms(discount) for discount in terms.discounts]
    state = replace(terms.state, created=uow.ctx.now, discounts=discounts)
    item: InvoiceItem = {
        "id": new_object_id("invoiceitem"),
        "object": "invoiceitem",
        "amount": terms.amount,
        "currency": terms.currency,
        "customer": customer["id"],
        "customer_account": None,
        "date": uow.ctx.now,
        "description": terms.description,
        "discountable": terms.discountable,
        "discounts": [discount["id"] for discount in terms.discounts],
        "frozen_fields": list(_FROZEN) if terms.proration else [],
        "invoice": None,
        "invoicing_rules": [],
        "livemode": uow.ctx.livemode,
        "metadata": terms.metadata,
        "net_amount": terms.amount,
        "parent": _subscription_parent(terms),
        "period": {"start": terms.period.start, "end": terms.period.end},
        "pricing": _pricing(terms),
        "proration": terms.proration,
        "quantity": int(terms.quantity),
        "quantity_decimal": format_decimal(terms.quantity),
        "tax_rates": list(terms.tax_rates),
        "test_clock": customer.get("test_clock"),
    }
    if terms.proration:
        item["proration_details"] = {"credited_items": terms.credited, "discount_amounts": []}
    return state.on(item)


def of_ended(item: "InvoiceItem") -> "InvoiceItem":
    """A credit of a subscription that has ended: it shows neither that nor what it credits."""
    parent, details = item["parent"], item["proration_details"]
    state = replace(InvoiceItemState.of(item), parent=parent, proration_details=details)
    shown = item | {"parent": None}
    del shown["proration_details"]
    return state.on(shown)


def item_line(item: "InvoiceItem", invoice_id: str) -> "InvoiceLine":
    """The ``line_item`` that an invoice item is on its invoice; its id follows from both."""
    subscription = subscription_of_item(item)
    line: InvoiceLine = {
        "id": derived_object_id("line_item", invoice_id, item["id"]),
        "object": "line_item",
        "amount": item["amount"],
        "currency": item["currency"],
        "description": item["description"],
        "discount_amounts": [],
        "discountable": item["discountable"],
        "discounts": list(item["discounts"]),
        "invoice": invoice_id,
        "livemode": item["livemode"],
        "metadata": dict(item["metadata"]),
        "parent": _line_parent(item, invoice_id),
        "period": {**item["period"]},
        "pretax_credit_amounts": [],
        "pricing": item["pricing"],
        "quantity": item["quantity"],
        "quantity_decimal": item["quantity_decimal"],
        "subscription": subscription,
        "subtotal": item["amount"],
        "taxes": [],
    }
    return LineState.of(item).on(line)


def proration_explanation(line: ProrationLine, rated: Rated) -> LineExplanation:
    """How a proration came about: the fee, seconds over seconds, and the same in words.

    ``rated`` is the price of the item as it is; its steps are shown if they are what the fee is.
    Flexible mode credits what was billed, which its line explains.
    """
    explained = line.credited is None and rated.amount_minor == line.fee.gross_minor
    return {
        "steps": steps_of(rated) if explained else [],
        "full_amount": line.fee.net_minor,
        "discount": line.fee.discount_minor,
        "seconds": line.period.seconds,
        "of_seconds": line.whole.seconds,
        "arithmetic": line.explanation,
    }


def line_source(invoice_id: str, line_ids: Iterable[str]) -> str:
    """The name of lines as the source of what they billed in advance for an item together."""
    return f"{invoice_id}/{','.join(line_ids)}"


def credited_items(uow: UnitOfWork, source: str | None) -> "CreditedItems | None":
    """What a credit gives back: lines, or a pending invoice item that will become one."""
    if source is None:
        return None
    invoice_id, _, line_ids = source.partition("/")
    if not line_ids:
        item = uow.pending.added.get(source) or uow.ctx.store.get(source)
        invoice_id = (item and item.body["invoice"]) or ""
        line_ids = derived_object_id("line_item", invoice_id, source)
    if not invoice_id:
        return {"type": "invoice_item", "invoice_item": source}
    return {
        "type": "invoice_line_items",
        "invoice_line_item_details": {
            "invoice": invoice_id,
            "invoice_line_items": line_ids.split(","),
        },
    }


def moved_line(line: "InvoiceLine", invoice_id: str) -> "InvoiceLine":
    """A line as one of another invoice, also where it credits a line of its own invoice."""
    parent = line["parent"]
    of_item, of_subscription = parent["invoice_item_details"], parent["subscription_item_details"]
    if of_item is not None:
        credits_ = _moved_credits(of_item["proration_details"], line, invoice_id)
        parent = parent | {"invoice_item_details": of_item | {"proration_details": credits_}}
    if of_subscription is not None:
        credits_ = _moved_credits(of_subscription["proration_details"], line, invoice_id)
        details = of_subscription | {"proration_details": credits_}
        parent = parent | {"subscription_item_details": details}
    return line | {"invoice": invoice_id, "parent": parent}


def _moved_credits(
    details: "ProrationDetails | None", line: "InvoiceLine", invoice_id: str
) -> "ProrationDetails | None":
    """What a line says of a proration on another invoice, where it credits one of its own."""
    credited = None if details is None else details["credited_items"]
    if credited is None or credited["invoice"] != line["invoice"]:
        return details
    return {"credited_items": credited | {"invoice": invoice_id}}


def _line_parent(item: "InvoiceItem", invoice_id: str) -> "InvoiceLineParent":
    """What a line comes from: an invoice item, or of a proration the subscription's item."""
    about = origin_of_item(item)
    details: InvoiceLineParentInvoiceItemDetails = {
        "invoice_item": item["id"],
        "proration": item["proration"],
        "proration_details": _line_proration_details(item, invoice_id),
        "subscription": subscription_of_item(item),
    }
    if not item["proration"] or about is None or "subscription_item" not in about:
        return {
            "type": "invoice_item_details",
            "invoice_item_details": details,
            "subscription_item_details": None,
        }
    return {
        "type": "subscription_item_details",
        "invoice_item_details": None,
        "subscription_item_details": {
            **details,
            "subscription_item": about["subscription_item"],
        },
    }


def _line_proration_details(item: "InvoiceItem", invoice_id: str) -> "ProrationDetails":
    """What a line says of a proration. A pending debit is billed together with its credit."""
    details = item.get("proration_details") or InvoiceItemState.of(item).proration_details
    credited = details and details["credited_items"]
    if not credited:
        return {"credited_items": None}
    if credited["type"] == "invoice_line_items":
        return {"credited_items": credited["invoice_line_item_details"]}
    lines = [derived_object_id("line_item", invoice_id, credited["invoice_item"])]
    return {"credited_items": {"invoice": invoice_id, "invoice_line_items": lines}}


def _subscription_parent(terms: ItemTerms) -> "InvoiceItemParent | None":
    if terms.subscription is None:
        return None
    details: InvoiceItemParentSubscriptionDetails = {"subscription": terms.subscription}
    if terms.subscription_item is not None:
        details["subscription_item"] = terms.subscription_item
    return {"type": "subscription_details", "subscription_details": details}


def _pricing(terms: ItemTerms) -> "InvoiceItemPricing | None":
    if terms.price is None:
        return None
    return {
        "type": "price_details",
        "price_details": {"price": terms.price["id"], "product": terms.price["product"]},
        "unit_amount_decimal": None if terms.proration else terms.price["unit_amount_decimal"],
    }
