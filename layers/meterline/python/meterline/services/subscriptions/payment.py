"""``payment_behavior``: what becomes of a subscription whose invoice is not paid with the request.

Meterline has no payment processor, so an amount that is due is never paid within a request. A
subscription waits for no invoice that is sent, or has nothing to collect (contract section 5.10).
"""

from typing import TYPE_CHECKING, Literal

from meterline.core.base.errors import BillingError
from meterline.services.billing.tax_basis import waits_for_taxes

if TYPE_CHECKING:
    from meterline.core.base.wire import Invoice, Subscription


def after_first_invoice(
    subscription: "Subscription", invoice: "Invoice", behavior: str | None
) -> "Subscription":
    """A new subscription, incomplete until ``invoice`` is paid if the request wants that."""
    return _waiting(subscription, invoice, behavior, "incomplete")


def after_change(
    subscription: "Subscription", invoice: "Invoice", behavior: str | None
) -> "Subscription":
    """A changed subscription, past due until ``invoice`` is paid if the request wants that."""
    return _waiting(subscription, invoice, behavior, "past_due")


def _waiting(
    subscription: "Subscription",
    invoice: "Invoice",
    behavior: str | None,
    status: Literal["incomplete", "past_due"],
) -> "Subscription":
    """The subscription in ``status`` with ``default_incomplete``, else as if the invoice were paid.

    ``error_if_incomplete`` refuses the whole request with status 402, as a payment that fails does.
    """
    if invoice["status"] != "open" and not waits_for_taxes(invoice):
        return subscription
    if behavior == "error_if_incomplete":
        raise BillingError(
            f"{invoice['amount_due']} {invoice['currency']} would be due, and there is no payment"
            " processor to charge. Leave out payment_behavior, or use default_incomplete, and"
            " record the payment.",
            code="missing",
            param="payment_behavior",
            status=402,
            type="card_error",
        )
    return subscription | {"status": status} if behavior == "default_incomplete" else subscription
