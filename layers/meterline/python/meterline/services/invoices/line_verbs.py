"""The lines of a draft: added, changed and removed, several at a time.

A line of an invoice item is that item: what changes on one changes on the other. A line of a
subscription's item says what the period costs, so its amount stays (contract section 6).
"""

from dataclasses import replace
from typing import TYPE_CHECKING

from meterline.core.base.errors import BillingError, no_such, param_inside
from meterline.core.base.unset import merged_metadata, or_none
from meterline.services.base.context import Context
from meterline.services.base.lookups import check_named_once, find, on_customers_time
from meterline.services.billing.discounts import discount_ids, discount_terms
from meterline.services.billing.engine_taxes import billed_amounts
from meterline.services.billing.given_taxes import with_given_taxes
from meterline.services.billing.invoice_bodies import invoice_due_at, invoice_lines, item_of_line
from meterline.services.billing.line_taxes import requested_rates, with_rates
from meterline.services.billing.private_states import InvoiceItemState, LineState
from meterline.services.billing.redemption import invoice_purchase, redeem
from meterline.services.billing.unit_of_work import UnitOfWork, open_unit_of_work
from meterline.services.invoices.billed_in_advance import remember_discounts
from meterline.services.invoices.deleted_prorations import undo_prorations
from meterline.services.invoices.item_bodies import item_line
from meterline.services.invoices.item_requests import (
    changed_item,
    check_currency,
    requested_item,
    requested_period,
    still_billing,
)
from meterline.services.invoices.item_verbs import KIND, editable_draft
from meterline.store.base.documents import Body, Document

if TYPE_CHECKING:
    from collections.abc import Mapping

    from meterline.core.base.wire import Invoice, InvoiceItem, InvoiceLine

_OF_ANY_LINE = (
    "id",
    "description",
    "discountable",
    "discounts",
    "metadata",
    "period",
    "tax_amounts",
    "tax_rates",
)


def add_lines(ctx: Context, invoice_id: str, params: Body) -> "Invoice":
    """Add lines to a draft, before those it has: new invoice items, or pending ones by id."""
    uow, draft = _open(ctx, invoice_id)
    check_named_once(params["lines"], "invoice_item", "lines")
    items = [
        _added(uow, draft, requested, f"lines[{index}]")
        for index, requested in enumerate(params["lines"])
    ]
    added = [item_line(item, draft.id) for item in items]
    lines = [*added, *invoice_lines(draft.body)]
    return _saved(uow, draft, lines, params)


def update_lines(ctx: Context, invoice_id: str, params: Body) -> "Invoice":
    """Change lines of a draft."""
    uow, draft = _open(ctx, invoice_id)
    lines = {line["id"]: line for line in invoice_lines(draft.body)}
    for index, requested in enumerate(params["lines"]):
        line = _line(lines, requested["id"], f"lines[{index}][id]")
        lines[line["id"]] = _changed(uow, draft, line, requested, f"lines[{index}]")
    return _saved(uow, draft, list(lines.values()), params)


def remove_lines(ctx: Context, invoice_id: str, params: Body) -> "Invoice":
    """Take lines off a draft: their items are deleted, or wait for another invoice."""
    uow, draft = _open(ctx, invoice_id)
    lines = {line["id"]: line for line in invoice_lines(draft.body)}
    deleted = []
    for index, removed in enumerate(params["lines"]):
        line = _line(lines, removed["id"], f"lines[{index}][id]")
        item = _item(uow, line)
        if item is None:
            raise BillingError(
                "The line of a subscription item cannot be removed: add one that credits it.",
                param=f"lines[{index}][id]",
            )
        if removed["behavior"] == "delete":
            deleted.append(item)
        else:
            uow.release(item)
        del lines[line["id"]]
    undo_prorations(uow, deleted)
    for item in deleted:
        uow.drop_item(item)
    return _saved(uow, draft, list(lines.values()), params)


def update_line(ctx: Context, invoice_id: str, line_id: str, params: Body) -> "InvoiceLine":
    """Change one line of a draft; the answer is the line."""
    uow, draft = _open(ctx, invoice_id)
    lines = {line["id"]: line for line in invoice_lines(draft.body)}
    lines[line_id] = _changed(uow, draft, _line(lines, line_id, "id"), params, "")
    invoice = _written(uow, draft, list(lines.values()), {})
    uow.save(result_id=f"{invoice_id}/{line_id}")
    return next(line for line in invoice_lines(invoice) if line["id"] == line_id)


def find_line(ctx: Context, place: str, params: Body) -> "InvoiceLine":  # noqa: ARG001 - a route
    """The line at a place: the ids of its invoice and of itself, as ``update_line`` names it."""
    invoice_id, line_id = place.split("/")
    lines = {line["id"]: line for line in invoice_lines(find(ctx, "invoice", invoice_id).body)}
    return _line(lines, line_id, "id")


def _open(ctx: Context, invoice_id: str) -> "tuple[UnitOfWork, Document[Invoice]]":
    draft = editable_draft(ctx, invoice_id, param="invoice", status=404)
    customer = find(ctx, "customer", draft.body["customer"], param="customer")
    return open_unit_of_work(on_customers_time(ctx, customer), customer), draft


def _line(lines: "Mapping[str, InvoiceLine]", line_id: str, param: str) -> "InvoiceLine":
    if line_id not in lines:
        raise no_such("line_item", line_id, param=param)
    return lines[line_id]


def _item(uow: UnitOfWork, line: "InvoiceLine") -> "Document[InvoiceItem] | None":
    """The invoice item that a line is, if it is one."""
    item_id = item_of_line(line)
    return None if item_id is None else uow.read([item_id])[item_id]


def _added(uow: UnitOfWork, draft: "Document[Invoice]", requested: Body, at: str) -> "InvoiceItem":
    """The item of a new line, on the draft."""
    if "invoice_item" not in requested:
        item = requested_item(uow, {"currency": draft.body["currency"], **requested}, at=at)
        check_currency(draft.body, item, at)
        item = _item_given(uow, draft, item, requested, at)
        uow.add_item(item)
        return uow.take_item(uow.pending.added[item["id"]], draft)
    param = f"{at}[invoice_item]"
    document = find(uow.ctx, KIND, requested["invoice_item"], param=param)
    if document.body["customer"] != uow.stored_customer.id:
        raise no_such("invoiceitem", document.id, param=param)
    if document.body["invoice"] is not None:
        raise BillingError(f"The item is on {document.body['invoice']} already.", param=param)
    check_currency(draft.body, document.body, at)
    item = changed_item(uow, document.body, requested, at=at)
    item = _item_given(uow, draft, item, requested, at)
    return uow.take_item(replace(document, body=item), draft)


def _changed(
    uow: UnitOfWork, draft: "Document[Invoice]", line: "InvoiceLine", requested: Body, at: str
) -> "InvoiceLine":
    """A line as a request wants it, and its item with it."""
    document = _item(uow, line)
    if document is None:
        return _changed_in_words(uow, draft, line, requested, at)
    item = changed_item(uow, document.body, requested, at=at)
    item = _item_given(uow, draft, item, requested, at)
    uow.amend_item(replace(document, body=item))
    return item_line(item, draft.id)


def _changed_in_words(
    uow: UnitOfWork, draft: "Document[Invoice]", line: "InvoiceLine", requested: Body, at: str
) -> "InvoiceLine":
    """The line of a subscription item with other words, dates or discounts, but no other amount."""
    for name in requested:
        if name not in _OF_ANY_LINE:
            raise BillingError(
                "The amount of a subscription's line follows from its item: change that instead.",
                param=param_inside(at, name),
            )
    changed, state = line.copy(), LineState.of(line)
    if "discountable" in requested:
        changed["discountable"] = requested["discountable"]
    if "period" in requested:
        changed["period"] = requested_period(requested, at)
        state = still_billing(state, line["period"])
    if "description" in requested:
        changed["description"] = or_none(requested["description"])
        state = replace(state, described=changed["description"] or "")
    if "metadata" in requested:
        name = param_inside(at, "metadata")
        changed["metadata"] = merged_metadata(line["metadata"], requested["metadata"], name)
    if "discounts" in requested:
        param = param_inside(at, "discounts")
        purchase = invoice_purchase(draft.body, changed["amount"], changed)
        redeemed = redeem(uow, requested["discounts"] or [], purchase, param)
        changed["discounts"] = discount_ids(redeemed)
        state = replace(state, discounts=[discount_terms(discount) for discount in redeemed])
    if "tax_rates" in requested:
        param = param_inside(at, "tax_rates")
        rates = requested_rates(uow, requested["tax_rates"], (), param)
        state = with_rates(state, rates)
    if "tax_amounts" in requested:
        param = param_inside(at, "tax_amounts")
        state = with_given_taxes(uow, state, requested["tax_amounts"], draft.body, param)
    return state.on(changed)


def _item_given(
    uow: UnitOfWork, draft: "Document[Invoice]", item: "InvoiceItem", requested: Body, at: str
) -> "InvoiceItem":
    """An invoice item with the taxes that a request gives its line."""
    if "tax_amounts" not in requested:
        return item
    param, state = param_inside(at, "tax_amounts"), InvoiceItemState.of(item)
    return with_given_taxes(uow, state, requested["tax_amounts"], draft.body, param).on(item)


def _saved(
    uow: UnitOfWork, draft: "Document[Invoice]", lines: "list[InvoiceLine]", params: Body
) -> "Invoice":
    invoice = _written(uow, draft, lines, params)
    uow.save(result_id=draft.id)
    return invoice


def _written(
    uow: UnitOfWork, draft: "Document[Invoice]", lines: "list[InvoiceLine]", params: Body
) -> "Invoice":
    """The draft with these lines and what else a request says, to be stored and emitted."""
    before = draft.body
    changes = params.get("invoice_metadata")
    metadata = merged_metadata(before["metadata"], changes, "invoice_metadata")
    invoice = billed_amounts(uow, before | {"metadata": metadata}, lines)
    remember_discounts(uow, before, invoice)
    uow.put(replace(draft, body=invoice, due_at=invoice_due_at(invoice)))
    uow.emit("invoice.updated", invoice, before)
    return invoice
