"""Payments of invoices: what was collected elsewhere, as the processor that did knows it."""

from typing import TYPE_CHECKING, Final

from meterline.services.base.ids import derived_object_id
from meterline.store.base.documents import Document

if TYPE_CHECKING:
    from meterline.core.base.wire import Invoice, InvoicePayment
    from meterline.services.billing.unit_of_work import UnitOfWork

KIND: Final = "invoice_payment"


def payment_id(invoice_id: str) -> str:
    """The id of an invoice's payment: one record pays all that is due, so there is one at most."""
    return derived_object_id(KIND, invoice_id)


def record_payment(uow: "UnitOfWork", invoice: "Invoice", record: str) -> None:
    """Store and emit that ``record``, a payment of some processor, paid the invoice."""
    now = uow.ctx.now
    body: InvoicePayment = {
        "id": payment_id(invoice["id"]),
        "object": KIND,
        "amount_paid": invoice["amount_paid"],
        "amount_requested": invoice["amount_due"],
        "created": now,
        "currency": invoice["currency"],
        "invoice": invoice["id"],
        "is_default": True,
        "livemode": invoice["livemode"],
        "payment": {"type": "payment_record", "payment_record": record},
        "status": "paid",
        "status_transitions": {"canceled_at": None, "paid_at": now},
    }
    uow.put(Document(KIND, invoice["livemode"], body, parent=invoice["customer"]))
    uow.emit("invoice_payment.paid", body)
