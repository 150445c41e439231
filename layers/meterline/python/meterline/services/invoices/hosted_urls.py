"""The addresses of an invoice's page and PDF: given out when it becomes final, stored with it.

Renewing or revoking them puts others, or none, in their place.
"""

from dataclasses import replace
from typing import TYPE_CHECKING

from meterline.core.base.errors import BillingError
from meterline.services.base.context import Context
from meterline.services.base.lookups import customer_of, find, on_customers_time
from meterline.services.base.secret_addresses import INVOICES, new_address
from meterline.services.billing.unit_of_work import open_unit_of_work
from meterline.store.base.documents import Body

if TYPE_CHECKING:
    from meterline.core.base.wire import Invoice, InvoiceChanges


def new_hosted_urls(invoice: "Invoice") -> "InvoiceChanges":
    """New addresses of an invoice: of its page, and of its PDF, which lies behind that."""
    page = new_address(INVOICES, invoice)
    return {"hosted_invoice_url": page, "invoice_pdf": f"{page}/pdf"}


def renew_hosted_url(ctx: Context, invoice_id: str, params: Body) -> "Invoice":  # noqa: ARG001 - a route
    """Give a final invoice other addresses; the former ones lead nowhere then."""
    return _changed(ctx, invoice_id, is_renewed=True)


def revoke_hosted_url(ctx: Context, invoice_id: str, params: Body) -> "Invoice":  # noqa: ARG001 - a route
    """Take the addresses of a final invoice away, until they are renewed."""
    return _changed(ctx, invoice_id, is_renewed=False)


def _changed(ctx: Context, invoice_id: str, *, is_renewed: bool) -> "Invoice":
    document = find(ctx, "invoice", invoice_id)
    before: Invoice = document.body
    if before["status"] == "draft":
        raise BillingError(
            "This invoice is a draft: its page gets an address when it is finalized.",
        )
    revoked: InvoiceChanges = {"hosted_invoice_url": None, "invoice_pdf": None}
    invoice = before | (new_hosted_urls(before) if is_renewed else revoked)
    uow = open_unit_of_work(on_customers_time(ctx, document), customer_of(ctx, document))
    uow.emit("invoice.updated", invoice, before)
    uow.put_first(replace(document, body=invoice))
    uow.save(result_id=invoice_id)
    return invoice
