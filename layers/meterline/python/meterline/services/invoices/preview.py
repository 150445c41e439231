"""Previews: the next invoice as it would be if nothing more happened. Nothing is stored."""

from meterline.core.errors import BillingError
from meterline.services.context import Context
from meterline.services.ids import new_id
from meterline.services.invoices.bodies import InvoiceTerms
from meterline.services.lookups import find, on_customers_time
from meterline.services.renewals import current_period, draft_renewal
from meterline.services.subscriptions.bodies import due_at
from meterline.store.documents import Body


def create_preview(ctx: Context, params: Body) -> Body:
    """The upcoming invoice of a subscription, or of a customer who has just one.

    Metered lines show the usage counted so far; everything else is what the renewal will bill, as
    it is computed by the same code (contract section 6).
    """
    subscription = _subscription(ctx, params)
    customer = find(ctx, "customer", subscription["customer"], param="customer")
    ctx = on_customers_time(ctx, customer)
    if due_at(subscription) is None:
        raise _nothing_upcoming(subscription["id"])
    ended = current_period(subscription)
    terms = InvoiceTerms(
        id=new_id("upcoming_in_"),
        created=ended.end,
        billing_reason="upcoming",
        period=ended,
        finalizes_at=None,
    )
    invoice = draft_renewal(ctx, subscription, customer.body, terms)
    if invoice is None:
        raise _nothing_upcoming(subscription["id"])
    return invoice


def _subscription(ctx: Context, params: Body) -> Body:
    if "subscription" in params:
        body = find(ctx, "subscription", params["subscription"], param="subscription").body
        if params.get("customer", body["customer"]) != body["customer"]:
            raise BillingError(
                f"The subscription {body['id']} does not belong to customer {params['customer']}.",
                param="subscription",
            )
        return body
    customer = find(ctx, "customer", params["customer"], param="customer")
    running = [
        document.body
        for document in ctx.store.each("subscription", parent=customer.id)
        if document.due_at is not None
    ]
    if len(running) > 1:
        raise BillingError(
            f"The customer {customer.id} has {len(running)} subscriptions: name one to preview.",
            code="parameter_missing",
            param="subscription",
        )
    if not running:
        raise _nothing_upcoming(customer.id)
    return running[0]


def _nothing_upcoming(object_id: str) -> BillingError:
    return BillingError(
        f"No upcoming invoices for {object_id}",
        code="invoice_upcoming_none",
        status=404,
    )
