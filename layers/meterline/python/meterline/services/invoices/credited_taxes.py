"""The taxes of what gives time or usage back: those that it was billed with."""

from dataclasses import replace
from typing import TYPE_CHECKING

from meterline.services.base.ids import derived_object_id
from meterline.services.billing.invoice_bodies import invoice_lines
from meterline.services.billing.line_taxes import as_taxed
from meterline.services.billing.private_states import InvoiceItemState
from meterline.services.billing.unit_of_work import UnitOfWork
from meterline.services.customers.customer_state import CustomerState

if TYPE_CHECKING:
    from collections.abc import Sequence

    from meterline.core.base.wire import InvoiceItem
    from meterline.store.base.documents import Document


def taxed_as_billed(
    uow: UnitOfWork, state: InvoiceItemState, sources: "Sequence[str]"
) -> InvoiceItemState:
    """What a credit remembers: it is taxed as the first of its ``sources`` was.

    A source is lines (``invoice/line,line``) or an invoice item. While that is pending itself, the
    next invoice taxes both alike. For a customer who never had tax rates nothing is read.
    """
    source = next(iter(sources), "")
    invoice_id, _, line_ids = source.partition("/")
    if source in uow.pending.added or (source and not line_ids and _may_be_taxed(uow)):
        item: Document[InvoiceItem] | None = uow.pending.added.get(source)
        item = item or uow.ctx.store.get(source)
        if item is not None and item.body["invoice"] is None:
            pending = InvoiceItemState.of(item.body)
            return replace(
                state,
                tax_rates=pending.tax_rates,
                tax_exempt=pending.tax_exempt,
                tax_shares=pending.tax_shares,
            )
        invoice_id = "" if item is None else item.body["invoice"] or ""
        line_ids = derived_object_id("line_item", invoice_id, source)
    if not _may_be_taxed(uow) or not invoice_id:
        return replace(state, tax_rates=[])
    invoice = uow.drafted(invoice_id) or uow.ctx.store.get(invoice_id)
    lines = [] if invoice is None else invoice_lines(invoice.body)
    billed = next((line for line in lines if line["id"] in line_ids.split(",")), None)
    return replace(state, tax_rates=[]) if billed is None else as_taxed(state, billed)


def _may_be_taxed(uow: UnitOfWork) -> bool:
    """Whether anything of the customer may have been billed with taxes."""
    return bool(CustomerState.of(uow.customer).taxed)
