"""Previews: the next invoice as it would be, also after a change. Nothing is stored.

A preview is the decision itself, taken on a ledger that is never saved: what it shows is what the
same request would bill (contract section 6).
"""

from dataclasses import replace

from meterline.core.errors import BillingError
from meterline.services.context import Context
from meterline.services.ids import new_id
from meterline.services.invoices.bodies import InvoiceTerms
from meterline.services.invoices.ledger import Ledger, open_ledger
from meterline.services.lookups import find, on_customers_time
from meterline.services.renewals import current_period, draft_renewal
from meterline.services.subscriptions.bodies import due_at, is_ended
from meterline.services.subscriptions.cancel import cancel_on
from meterline.services.subscriptions.create import start_subscription
from meterline.services.subscriptions.update import amend
from meterline.store.documents import Body

_ONLY_NEW = (
    "backdate_start_date",
    "billing_cycle_anchor_config",
    "billing_mode",
    "payment_behavior",
    "start_date",
    "trial_period_days",
)
_ONLY_RUNNING = ("cancel_now", "cancellation_details", "pause_collection", "proration_date")


def create_preview(ctx: Context, params: Body) -> Body:
    """The invoice that comes next for a subscription, or for a customer who has just one.

    With ``subscription_details`` it is the invoice after that change: the one made at once, if the
    change makes one, else the next renewal. Without a subscription but with items, it is the first
    invoice of a new subscription. Metered lines show the usage counted so far.
    """
    details = dict(params.get("subscription_details") or {})
    if "subscription" not in params and "items" in details:
        return _preview_start(ctx, params, details)
    subscription = _subscription(ctx, params)
    customer = find(ctx, "customer", subscription["customer"], param="customer")
    ctx = on_customers_time(ctx, customer)
    if is_ended(subscription) or due_at(subscription) is None:
        raise _nothing_upcoming(subscription["id"])
    ledger = open_ledger(ctx, customer)
    invoice = _changed(ledger, subscription, details)
    if invoice is None:
        raise _nothing_upcoming(subscription["id"])
    return _upcoming(invoice)


def _changed(ledger: Ledger, subscription: Body, details: Body) -> Body | None:
    """The invoice after a change of a subscription."""
    _refuse(details, _ONLY_NEW, "a subscription that exists")
    if isinstance(details.get("billing_cycle_anchor"), int):
        raise _unfit("billing_cycle_anchor", "a subscription that exists")
    if details.pop("cancel_now", False):
        prorates = details.get("proration_behavior", "create_prorations") != "none"
        _, invoice = cancel_on(ledger, subscription, {"prorate": prorates, "invoice_now": True})
        return invoice
    if details:
        amended = amend(ledger, subscription, details)
        if amended.invoice is not None:
            return amended.invoice
        subscription = amended.subscription
    ended = current_period(subscription)
    terms = InvoiceTerms(
        id=new_id("upcoming_in_"),
        created=ended.end,
        billing_reason="upcoming",
        period=ended,
        finalizes_at=None,
    )
    later = replace(ledger, ctx=ledger.ctx.at(ended.end))
    invoice, _ = draft_renewal(later, subscription, terms)
    return invoice


def _preview_start(ctx: Context, params: Body, details: Body) -> Body:
    """The first invoice of a subscription that does not exist yet."""
    _refuse(details, _ONLY_RUNNING, "a new subscription")
    for name in ("billing_cycle_anchor", "cancel_at"):
        if not isinstance(details.get(name, 0), int):
            raise _unfit(name, "a new subscription")
    for index, item in enumerate(details["items"]):
        if "price" not in item or {"id", "deleted"} & item.keys():
            raise _unfit(f"items][{index}", "a new subscription: items have a price and no id")
    customer = find(ctx, "customer", params["customer"], param="customer")
    ledger = open_ledger(on_customers_time(ctx, customer), customer)
    if "start_date" in details:
        details["backdate_start_date"] = details.pop("start_date")
    created = start_subscription(ledger, {"customer": customer.id, **details})
    if created.invoice is None:
        raise _nothing_upcoming(customer.id)
    return _upcoming(created.invoice)


def _upcoming(invoice: Body) -> Body:
    """An invoice as previews show it: under an id of its own."""
    preview_id = new_id("upcoming_in_")
    lines = [line | {"invoice": preview_id} for line in invoice["lines"]["data"]]
    listed = invoice["lines"] | {"data": lines, "url": f"/v1/invoices/{preview_id}/lines"}
    return invoice | {"id": preview_id, "lines": listed, "billing_reason": "upcoming"}


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


def _refuse(details: Body, names: tuple[str, ...], what: str) -> None:
    for name in names:
        if name in details:
            raise _unfit(name, what)


def _unfit(name: str, what: str) -> BillingError:
    return BillingError(
        f"This cannot be previewed for {what}.", param=f"subscription_details[{name}]"
    )


def _nothing_upcoming(object_id: str) -> BillingError:
    return BillingError(
        f"No upcoming invoices for {object_id}",
        code="invoice_upcoming_none",
        status=404,
    )
