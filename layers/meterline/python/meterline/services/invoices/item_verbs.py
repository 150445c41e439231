"""Invoice items as requests make them: pending for the next invoice, or on a draft at once."""

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from meterline.core.base.errors import BillingError
from meterline.services.base.context import Context
from meterline.services.base.lookups import find, on_customers_time
from meterline.services.billing.engine_taxes import billed_amounts
from meterline.services.billing.invoice_bodies import invoice_due_at, invoice_lines
from meterline.services.billing.unit_of_work import UnitOfWork, open_unit_of_work
from meterline.services.invoices.billed_in_advance import remember_discounts
from meterline.services.invoices.deleted_prorations import undo_prorations
from meterline.services.invoices.item_bodies import item_line
from meterline.services.invoices.item_requests import changed_item, check_currency, requested_item
from meterline.store.base.documents import Body, Document

if TYPE_CHECKING:
    from meterline.core.base.wire import Deleted, Invoice, InvoiceItem, InvoiceLine, Subscription

KIND: Final = "invoiceitem"
_PRICES = {"price", "price_data", "pricing"}
_WITH_ITS_DRAFT = (
    "Can't delete an invoice item that is attached to an invoice that is no longer editable"
)


def create_invoice_item(ctx: Context, params: Body) -> "InvoiceItem":
    """Charge or credit something once: on the next invoice, or on the draft that is named."""
    uow = _uow_for(ctx, params)
    subscription = _subscription(uow, params)
    draft = None
    if "invoice" in params:
        draft = editable_draft(uow.ctx, params["invoice"], param="invoice")
        if draft.body["customer"] != uow.stored_customer.id:
            raise BillingError(
                f"The invoice {draft.id} belongs to another customer.", param="invoice"
            )
        if not _PRICES.isdisjoint(params):
            params = {"currency": draft.body["currency"], **params}
    item = requested_item(uow, params, subscription)
    uow.add_item(item)
    if draft is not None:
        check_currency(draft.body, item)
        item = uow.take_item(uow.pending.added[item["id"]], draft)
        put_lines(uow, draft, [item_line(item, draft.id), *invoice_lines(draft.body)])
    uow.save(result_id=item["id"])
    return item


def update_invoice_item(ctx: Context, item_id: str, params: Body) -> "InvoiceItem":
    """Change an item that is on no invoice, or on a draft; proration amounts stay."""
    document = _item(ctx, item_id, "This invoice item has been deleted.")
    uow = _uow_for(ctx, {"customer": document.body["customer"]})
    item = changed_item(uow, document.body, params)
    written = replace(document, body=item)
    uow.amend_item(written)
    if document.body["invoice"] is not None:
        draft = editable_draft(ctx, document.body["invoice"])
        line = item_line(item, draft.id)
        lines = [line if old["id"] == line["id"] else old for old in invoice_lines(draft.body)]
        put_lines(uow, draft, lines)
    uow.save(result_id=item_id)
    return item


def delete_invoice_item(ctx: Context, item_id: str, params: Body) -> "Deleted":  # noqa: ARG001 - a route
    """Delete an item that is on no invoice, or on a draft, which then loses its line."""
    document = _item(ctx, item_id, _WITH_ITS_DRAFT)
    uow = _uow_for(ctx, {"customer": document.body["customer"]})
    if document.body["invoice"] is not None:
        draft = editable_draft(ctx, document.body["invoice"])
        line_id = item_line(document.body, draft.id)["id"]
        put_lines(uow, draft, [line for line in invoice_lines(draft.body) if line["id"] != line_id])
    undo_prorations(uow, [document])
    uow.drop_item(document)
    uow.save(result_id=item_id)
    return {"id": item_id, "object": KIND, "deleted": True}


def editable_draft(
    ctx: Context, invoice_id: str, *, param: str = "id", status: int | None = None
) -> "Document[Invoice]":
    """An invoice that is still a draft; any other is refused, as it never changes."""
    document = find(ctx, "invoice", invoice_id, param=param, status=status)
    if document.body["status"] != "draft":
        raise BillingError(
            "Invalid invoice: This invoice is no longer editable",
            code="invoice_not_editable",
        )
    return document


def put_lines(uow: UnitOfWork, draft: "Document[Invoice]", lines: "list[InvoiceLine]") -> "Invoice":
    """Store a draft with other lines, and the totals that follow from them."""
    body = billed_amounts(uow, draft.body, lines)
    remember_discounts(uow, draft.body, body)
    uow.put(replace(draft, body=body, due_at=invoice_due_at(body)))
    uow.emit("invoice.updated", body, draft.body)
    return body


def _item(ctx: Context, item_id: str, refusal: str) -> "Document[InvoiceItem]":
    """An invoice item; one that was deleted with its draft is refused in these words."""
    document = ctx.store.get(item_id)
    if document is not None and document.kind == KIND and document.body.get("deleted"):
        raise BillingError(refusal)
    return find(ctx, KIND, item_id)


def _uow_for(ctx: Context, params: Body) -> UnitOfWork:
    if "customer" in params:
        customer_id = params["customer"]
    else:
        customer_id = find(ctx, "invoice", params["invoice"], param="invoice").body["customer"]
    customer = find(ctx, "customer", customer_id, param="customer")
    return open_unit_of_work(on_customers_time(ctx, customer), customer)


def _subscription(uow: UnitOfWork, params: Body) -> "Subscription | None":
    if "subscription" not in params:
        return None
    body = find(uow.ctx, "subscription", params["subscription"], param="subscription").body
    if body["customer"] != uow.stored_customer.id:
        raise BillingError(
            f"The subscription {body['id']} belongs to another customer.", param="subscription"
        )
    return body
