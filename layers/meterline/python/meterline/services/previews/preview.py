"""Previews: the next invoice as it would be, also after a change. Nothing is stored.

A preview is the decision itself, taken on a unit of work that is never saved: what it shows is what
the same request would bill (contract section 6).
"""

from dataclasses import replace
from typing import TYPE_CHECKING

from meterline.core.base.errors import BillingError
from meterline.core.base.periods import Period
from meterline.core.kinds.invoices import PREVIEW_PREFIX
from meterline.services.base.context import Context
from meterline.services.base.ids import new_id
from meterline.services.base.lookups import find, on_customers_time
from meterline.services.billing.amounts import taxed_again, with_amounts
from meterline.services.billing.discounts import customers_discounts, with_discounts
from meterline.services.billing.engine_taxes import with_automatic_tax, with_taxes
from meterline.services.billing.invoice_bodies import (
    InvoiceTerms,
    invoice_lines,
    new_invoice,
)
from meterline.services.billing.pending_items import Selection
from meterline.services.billing.redemption import exchange_discounts, with_own_discounts
from meterline.services.billing.subscription_bodies import is_ended, renews, renews_at
from meterline.services.billing.unit_of_work import UnitOfWork, open_unit_of_work
from meterline.services.customers.balances import DEFAULT_CURRENCY
from meterline.services.customers.customer_state import CustomerState
from meterline.services.customers.customers import with_details
from meterline.services.customers.tax_ids import new_tax_ids
from meterline.services.invoices.collecting import collect_lines
from meterline.services.invoices.item_bodies import moved_line
from meterline.services.invoices.item_requests import changed_item, requested_item
from meterline.services.previews.renewals import is_recurring, next_renewal
from meterline.services.previews.schedules import schedule_subject, scheduled_invoice
from meterline.services.subscriptions.cancel import cancel_on
from meterline.services.subscriptions.create import start_subscription
from meterline.services.subscriptions.pauses import pause_on, resume_on
from meterline.services.subscriptions.reading_ahead import (
    named_by_request,
    needed_for_subscription,
)
from meterline.services.subscriptions.update import amend
from meterline.store.base.documents import Body, Document

if TYPE_CHECKING:
    from meterline.core.base.wire import Customer, Invoice, Subscription

_ONLY_NEW = (
    "backdate_start_date",
    "billing_cycle_anchor_config",
    "billing_mode",
    "payment_behavior",
    "start_date",
    "trial_period_days",
)
_ONLY_RUNNING = (
    "cancel_now",
    "cancellation_details",
    "pause",
    "pause_collection",
    "proration_date",
    "resume_at",
)


def create_preview(ctx: Context, params: Body) -> "Invoice":
    """The invoice that comes next for a subscription, or for a customer.

    With ``subscription_details`` it is the invoice after that change: the one made at once, if the
    change makes one, else the next renewal. Without a subscription but with items, it is the first
    invoice of a new subscription. With a schedule, or ``schedule_details``, it is the first one
    that the phases make. The preview supposes ``invoice_items`` to be pending beside those
    that are. Metered lines show the usage counted so far.
    """
    if "schedule" in params or "schedule_details" in params:
        return _preview_schedule(ctx, params)
    details = dict(params.get("subscription_details") or {})
    if "subscription" not in params and "items" in details:
        return _preview_start(ctx, params, details)
    ctx, customer, subscription = _subject(ctx, params)
    uow = _uow(ctx, customer, params)
    if subscription is None:
        return _upcoming(uow, _one_off(uow, params), params)
    invoice = _changed(uow, subscription, details, params)
    if invoice is None:
        raise _nothing_upcoming(subscription["id"])
    return _upcoming(uow, invoice, params)


def _uow(ctx: Context, customer: "Document[Customer]", params: Body) -> UnitOfWork:
    """A unit of work that is never saved, with the items and details that the request supposes."""
    uow = open_unit_of_work(on_customers_time(ctx, customer), customer)
    uow.customer = _supposed(uow.ctx, uow.customer, params.get("customer_details", {}))
    if "discounts" in params and not params["discounts"]:
        uow.customer = uow.customer | {"discount": None}
    for index, request in enumerate(params.get("invoice_items", ())):
        at = f"invoice_items[{index}]"
        if "invoiceitem" not in request:
            uow.add_item(requested_item(uow, request, at=at))
            continue
        param = f"{at}[invoiceitem]"
        document = find(ctx, "invoiceitem", request["invoiceitem"], param=param)
        if document.body["customer"] != customer.id or document.body["invoice"] is not None:
            raise BillingError("Only pending items of the customer can be changed.", param=param)
        changed = changed_item(uow, document.body, request, at=at)
        uow.pending.add(replace(document, body=changed))
    return uow


def _supposed(ctx: Context, customer: "Customer", details: Body) -> "Customer":
    """The customer with the details, and the tax ids, that a request supposes."""
    customer = with_details(customer, details)
    if "tax_ids" not in details:
        return customer
    bare = replace(CustomerState.of(customer), tax_ids=None).on(customer)
    return new_tax_ids(ctx, bare, details["tax_ids"], at="customer_details[tax_ids]")[1]


def _changed(
    uow: UnitOfWork, subscription: "Subscription", details: Body, params: Body
) -> "Invoice | None":
    """The invoice after a change of a subscription.

    The subscription is billed as if it had the discounts of the request.
    """
    _refuse(details, _ONLY_NEW, "a subscription that exists")
    anchor = details.get("billing_cycle_anchor")
    if isinstance(anchor, int) or (isinstance(anchor, dict) and anchor["type"] == "timestamp"):
        raise _unfit("billing_cycle_anchor", "a subscription that exists")
    if "discounts" in params and not is_ended(subscription):
        discounts = params["discounts"] or []
        holder = {"subscription": subscription["id"]}
        ids = exchange_discounts(uow, subscription, discounts, **holder)
        subscription = subscription | {"discounts": ids}
    if "resume_at" in details:
        return resume_on(uow, subscription, _resumption(details))[1]
    if is_ended(subscription):
        return None
    if "pause" in details:
        return pause_on(uow, subscription, details["pause"] | {"invoicing_behavior": "invoice"})[1]
    if details.pop("cancel_now", False):
        prorates = details.get("proration_behavior", "create_prorations") != "none"
        _, invoice = cancel_on(uow, subscription, {"prorate": prorates, "invoice_now": True})
        return invoice
    if details:
        amended = amend(uow, subscription, details)
        if amended.invoice is not None and not is_recurring(params):
            return amended.invoice
        subscription = amended.subscription
    return next_renewal(uow, subscription, params) if renews(subscription) else None


def _resumption(details: Body) -> Body:
    names = ("billing_cycle_anchor", "proration_behavior", "proration_date")
    return {name: details[name] for name in names if name in details}


def _preview_start(ctx: Context, params: Body, details: Body) -> "Invoice":
    """The first invoice of a subscription that does not exist yet."""
    _refuse(details, _ONLY_RUNNING, "a new subscription")
    _resolve_anchor(details)
    for index, item in enumerate(details["items"]):
        if not {"plan", "price", "price_data"} & item.keys() or {"id", "deleted"} & item.keys():
            raise _unfit(f"items][{index}", "a new subscription: items have a price and no id")
    if "customer" not in params:
        raise BillingError(
            "Name the customer who is to subscribe.", code="parameter_missing", param="customer"
        )
    ctx = ctx.reading_ahead(named_by_request(details | {"customer": params["customer"]}))
    customer = find(ctx, "customer", params["customer"], param="customer")
    uow = _uow(ctx, customer, params)
    if "start_date" in details:
        details["backdate_start_date"] = details.pop("start_date")
    if "discounts" in params:
        details["discounts"] = params["discounts"] or []
    created = start_subscription(uow, {"customer": customer.id, **details})
    invoice = created.invoice
    if is_recurring(params):
        invoice = next_renewal(uow, created.subscription, params)
    if invoice is None:
        raise _nothing_upcoming(customer.id)
    return _upcoming(uow, invoice, params)


def _preview_schedule(ctx: Context, params: Body) -> "Invoice":
    """The next invoice of a schedule, as it is or as a request would have it."""
    given = "schedule" if "schedule" in params else "schedule_details"
    for name in ("subscription", "subscription_details"):
        if name in params:
            raise BillingError(
                f"You may only specify one of these parameters: {given}, {name}.",
                code="parameters_exclusive",
                param=given,
            )
    ctx, customer, schedule = schedule_subject(ctx, params)
    uow = _uow(ctx, customer, params)
    invoice = scheduled_invoice(uow, schedule, params)
    if invoice is None:
        raise _nothing_upcoming(customer.id if schedule is None else schedule["id"])
    if "discounts" in params:
        lines, discounts = invoice_lines(invoice), params["discounts"] or []
        invoice = with_amounts(uow, with_own_discounts(uow, invoice, lines, discounts), lines)
    return _upcoming(uow, invoice, params)


def _resolve_anchor(details: Body) -> None:
    """Give the anchor of a new subscription as a timestamp, whichever of its spellings it has."""
    anchor = details.get("billing_cycle_anchor", 0)
    if isinstance(anchor, dict) and "timestamp" in anchor:
        details["billing_cycle_anchor"] = anchor["timestamp"]
    elif not isinstance(anchor, int):
        raise _unfit("billing_cycle_anchor", "a new subscription")


def _one_off(uow: UnitOfWork, params: Body) -> "Invoice":
    """The invoice of what is pending for a customer who has no subscription."""
    currency = params.get("currency") or uow.customer["currency"] or _first_currency(uow)
    now = uow.ctx.now
    selection = Selection(currency or DEFAULT_CURRENCY)
    if not uow.pending.has(selection):
        raise _nothing_upcoming(uow.stored_customer.id)
    terms = InvoiceTerms(
        id=new_id(PREVIEW_PREFIX),
        created=now,
        billing_reason="upcoming",
        period=Period(now, now),
        finalizes_at=None,
    )
    draft = new_invoice(terms, uow.customer, selection.currency) | {"next_payment_attempt": None}
    lines = collect_lines(uow, terms.id, selection)
    if "discounts" in params:
        draft = with_own_discounts(uow, draft, lines, params["discounts"] or [])
    else:
        draft = with_discounts(draft, customers_discounts(uow, draft["currency"]))
    return with_amounts(uow, draft, lines)


def _first_currency(uow: UnitOfWork) -> str | None:
    return next((item.body["currency"] for item in uow.pending.added.values()), None)


def _upcoming(uow: UnitOfWork, invoice: "Invoice", params: Body) -> "Invoice":
    """An invoice as previews show it: under an id of its own, in the currency of the request."""
    if params.get("currency", invoice["currency"]) != invoice["currency"]:
        raise BillingError(f"The invoice is in {invoice['currency']}.", param="currency")
    invoice = with_automatic_tax(uow, invoice, params)
    invoice = with_taxes(uow, taxed_again(uow, invoice, invoice_lines(invoice)))
    preview_id = new_id(PREVIEW_PREFIX)
    lines = [moved_line(line, preview_id) for line in invoice_lines(invoice)]
    listed = invoice["lines"] | {"data": lines, "url": f"/v1/invoices/{preview_id}/lines"}
    return invoice | {
        "id": preview_id,
        "lines": listed,
        "billing_reason": "upcoming",
        "webhooks_delivered_at": None,
    }


def _subject(
    ctx: Context, params: Body
) -> tuple[Context, "Document[Customer]", "Subscription | None"]:
    """The customer, and the subscription that is named, or that of the customer due first; and the
    surroundings with what it needs.
    """
    if "subscription" in params:
        named = find(ctx, "subscription", params["subscription"], param="subscription").body
        if params.get("customer", named["customer"]) != named["customer"]:
            raise BillingError(
                f"The subscription {named['id']} does not belong to customer {params['customer']}.",
                param="subscription",
            )
        ctx = ctx.reading_ahead(needed_for_subscription(named))
        return ctx, find(ctx, "customer", named["customer"], param="customer"), named
    if "customer" not in params:
        raise BillingError(
            "Name the customer or the subscription to preview.",
            code="parameter_missing",
            param="customer",
        )
    customer = find(ctx, "customer", params["customer"], param="customer")
    running: list[Subscription] = [
        document.body
        for document in ctx.store.each("subscription", parent=customer.id)
        if renews(document.body)
    ]
    return ctx, customer, min(running, key=lambda body: renews_at(body) or 0, default=None)


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
