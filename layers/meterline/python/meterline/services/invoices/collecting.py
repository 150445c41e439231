"""Taking pending items onto an invoice: their lines have all usage that was counted so far.

Counting goes on while an item of usage is pending. No invoice bills the item yet, so detection does
not report this usage as late. The invoice that takes the item rates it again, also if it is final
at once.
"""

from dataclasses import replace
from typing import TYPE_CHECKING

from meterline.core.billing.pending_batches import batch_of
from meterline.services.billing.invoice_bodies import item_of_line
from meterline.services.billing.pending_items import Selection
from meterline.services.billing.unit_of_work import UnitOfWork
from meterline.services.invoices.item_bodies import item_line
from meterline.services.invoices.metered import with_usage_so_far

if TYPE_CHECKING:
    from collections.abc import Iterable

    from meterline.core.base.wire import InvoiceItemChanges, InvoiceLine


def collect_lines(uow: UnitOfWork, invoice_id: str, selection: Selection) -> "list[InvoiceLine]":
    """Take the selected pending items onto a new invoice; returns their lines, newest first.

    This decision has rated the items that it has made itself.
    """
    new = {added.id for added in uow.pending.added.values() if not added.version}
    items = uow.collect(invoice_id, selection)
    lines = [item_line(item, invoice_id) for item in items]
    waited = [line for line, item in zip(lines, items, strict=True) if item["id"] not in new]
    current = with_usage_so_far(uow.ctx, uow.stored_customer.id, waited)
    keep_figures(uow, waited, current)
    counted = {line["id"]: line for line in current}
    return [counted.get(line["id"], line) for line in lines]


def keep_figures(
    uow: UnitOfWork, before: "Iterable[InvoiceLine]", after: "Iterable[InvoiceLine]"
) -> None:
    """Keep invoice items of usage equal to their lines, which count usage up to now."""
    former = {line["id"]: _figures(line) for line in before}
    changed = {
        item_id: line
        for line in after
        if (item_id := item_of_line(line)) and _figures(line) != former[line["id"]]
    }
    counted: dict[str, dict[str, InvoiceItemChanges]] = {}
    for item in uow.ctx.store.get_many(changed).values():
        figures = _figures(changed[item.id])
        batch_id = batch_of(item.body)
        if batch_id is None:
            uow.put(replace(item, body=item.body | figures))
        else:
            counted.setdefault(batch_id, {})[item.id] = figures
    uow.pending.count_anew(counted)


def _figures(line: "InvoiceLine") -> "InvoiceItemChanges":
    """What an invoice item has in common with its line once usage was counted anew."""
    return {
        "amount": line["amount"],
        "description": line["description"],
        "net_amount": line["amount"],
        "quantity": line["quantity"],
        "quantity_decimal": line["quantity_decimal"],
    }
