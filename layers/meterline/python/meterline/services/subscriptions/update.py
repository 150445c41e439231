"""Changing subscriptions: items, cycle, trial, discounts, end, and the fields that bill nothing."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from meterline.core.base.errors import BillingError
from meterline.core.base.frozen import frozen
from meterline.core.base.periods import Period
from meterline.core.base.unset import UNSET, merged_metadata, or_none
from meterline.core.billing.anchors import trial_end_from_days
from meterline.core.billing.cycles import CyclePeriod
from meterline.core.billing.invoicing import BillingMode, opening_lines
from meterline.core.catalog.plans import recurring_of
from meterline.core.subscriptions.item_changes import check_proration_date
from meterline.services.base.context import Context
from meterline.services.base.ids import new_object_id
from meterline.services.base.lookups import find, on_customers_time
from meterline.services.billing.discounts import inheriting
from meterline.services.billing.engine_taxes import subscription_tax
from meterline.services.billing.invoice_bodies import InvoiceTerms
from meterline.services.billing.item_terms import (
    billed_item,
    current_period,
    is_free_time,
    is_metered,
    mode_of,
    usage_period,
)
from meterline.services.billing.line_taxes import requested_rates
from meterline.services.billing.pending_items import Selection
from meterline.services.billing.redemption import exchange_discounts
from meterline.services.billing.subscription_bodies import (
    is_ended,
    items_of,
    next_pending_invoice,
    subscription_document,
    with_items,
)
from meterline.services.billing.unit_of_work import UnitOfWork, open_unit_of_work
from meterline.services.customers.account_tax_ids import named_tax_ids
from meterline.services.invoices.billed_in_advance import with_billed_lines
from meterline.services.invoices.drafting import (
    ItemLine,
    draft_on,
    finalizes_at,
    issue_on,
    pending_for,
)
from meterline.services.invoices.one_off import add_one_off_items
from meterline.services.subscriptions.cancel import cancellation_details, change_end
from meterline.services.subscriptions.changes import Step, change_items
from meterline.services.subscriptions.ends import requested_end
from meterline.services.subscriptions.payment import after_change
from meterline.services.subscriptions.prorations import Proration, prorate_steps
from meterline.services.subscriptions.renewals import fate_of_trial, owed_lines
from meterline.services.subscriptions.reset_cycle import begun_before, restart, restart_of
from meterline.services.subscriptions.schedule_steps import check_direct_change, follow_change
from meterline.services.subscriptions.threshold_terms import (
    remember_thresholds,
    subscription_thresholds,
)
from meterline.store.base.documents import Body, Document

if TYPE_CHECKING:
    from meterline.core.base.wire import (
        Customer,
        Invoice,
        Price,
        Subscription,
        SubscriptionChanges,
        SubscriptionInvoiceSettings,
        SubscriptionPauseCollection,
        SubscriptionPendingInvoiceItemInterval,
        SubscriptionTrialSettings,
    )

_PLAIN_FIELDS = ("description", "days_until_due", "collection_method")
_EDITABLE_AFTER_THE_END = {"metadata", "cancellation_details"}


@frozen
class Amended:
    """A changed subscription, and the invoice that the change makes at once, if any: a draft."""

    subscription: "Subscription"
    invoice: "Invoice | None"


def update_subscription(
    ctx: Context, subscription_id: str, params: Body, *, result_id: str | None = None
) -> "Subscription":
    """Change a subscription; an invoice bills the change now, or the next one does.

    ``result_id`` names the object that the request answers with, if it is not the subscription.
    """
    ctx, document, customer = load(ctx, subscription_id)
    check_direct_change(document.body, params, ctx.now)
    uow = open_unit_of_work(ctx, customer)
    params = _of_only_item(document.body, params)
    amended = amend(uow, document.body, params)
    changed = amended.subscription
    if amended.invoice is not None:
        invoice = issue_on(uow, amended.invoice)
        changed = after_change(changed, invoice, params.get("payment_behavior"))
    changed = follow_change(uow, document.body, changed, params)
    uow.put(subscription_document(changed, document))
    if changed["status"] == "paused" != document.body["status"]:
        uow.emit("customer.subscription.paused", changed)
    if is_ended(changed) and not is_ended(document.body):
        uow.emit("customer.subscription.deleted", changed)
    else:
        uow.emit("customer.subscription.updated", changed, document.body)
    uow.save(result_id=subscription_id if result_id is None else result_id)
    return changed


def _of_only_item(subscription: "Subscription", params: Body) -> Body:
    """The request with its own ``plan`` and ``quantity`` as those of the only item."""
    of_item = {name: params[name] for name in ("plan", "quantity") if name in params}
    if not of_item:
        return params
    items = items_of(subscription)
    if "items" in params or len(items) != 1:
        raise BillingError(
            "This is about the only item of a subscription: describe several as `items`, or change"
            " them by /v1/subscription_items.",
            param=next(iter(of_item)),
        )
    change = {name: value for name, value in params.items() if name not in of_item}
    change["items"] = [{"id": items[0]["id"]} | of_item]
    return change


def amend(uow: UnitOfWork, before: "Subscription", params: Body) -> Amended:
    """Decide on a change: the subscription after it, pending items on the unit of work, the
    invoice.

    Updates and their previews are both decided here.
    """
    if is_ended(before) and set(params) - _EDITABLE_AFTER_THE_END:
        raise BillingError(
            "A canceled subscription can only update its cancellation_details and metadata.",
            code="invalid_canceled_subscription_fields",
        )
    now = uow.ctx.now
    how = _proration(before, params, now)
    after = before | _plain_changes(uow, before, params)
    after |= default_rates(uow, before, params) | subscription_tax(uow, params)
    end = requested_end(params)
    changed, steps = change_items(uow, after | end, params.get("items", ()), how.at)
    if "discounts" in params:
        discounts = exchange_discounts(
            uow, changed, params["discounts"] or [], subscription=before["id"]
        )
        after = inheriting(after | {"discounts": discounts}, params)
        changed = inheriting(changed | {"discounts": discounts}, params)
    remember_thresholds(uow, changed)
    check_trial_terms(params)
    if params.get("trial_from_plan"):
        params = params | trial_of_prices(changed, now)
    new_cycle = restart_of(before, changed, params, now)
    add_one_off_items(uow, changed, params.get("add_invoice_items", ()))
    fate = _fate_of_ended_trial(before, changed, params, now)
    if fate is not None:
        owed = owed_lines(uow.ctx, before)
        if not owed:
            return Amended(fate, None)
        return _billed(uow, fate, owed, pending_for(fate))
    lines: list[ItemLine] = []
    if new_cycle is not None:
        new_cycle = replace(new_cycle, begun=begun_before(before, steps, how.at, new_cycle.at))
        changed, lines = restart(uow, after, changed, new_cycle, prorates=how.prorates)
    else:
        changed = prorate_steps(uow, after, changed, steps, how)
        lines = _additions(changed, steps, params)
    if end:
        changed = changed | {
            "cancel_at": after["cancel_at"],
            "cancel_at_period_end": after["cancel_at_period_end"],
        }
    changed = change_end(uow, changed, params, prorates=how.prorates)
    bills_now = _bills_at_once(params) and (lines or uow.pending.is_changed)
    if new_cycle is None and not bills_now:
        return Amended(changed, None)
    resets = new_cycle is not None and not is_free_time(before) and new_cycle.trial_end is None
    takes = pending_for(changed)
    if resets and _bills_at_once(params) and mode_of(before) is BillingMode.CLASSIC:
        takes = replace(takes, only_new=True)
    return _billed(uow, changed, lines, takes)


def _bills_at_once(params: Body) -> bool:
    return bool(params.get("proration_behavior") == "always_invoice")


def _additions(after: "Subscription", steps: Iterable[Step], params: Body) -> list[ItemLine]:
    """The empty lines that classic mode adds for metered items, added and invoiced at once."""
    classic = mode_of(after) is BillingMode.CLASSIC
    if not classic or not _bills_at_once(params) or is_free_time(after):
        return []
    added = {step.new["id"] for step in steps if step.old is None and step.new is not None}
    items = [item for item in items_of(after) if item["id"] in added and is_metered(item)]
    spans = [(item, usage_period(item)) for item in items]
    return [
        ItemLine(item, line)
        for item, rest in spans
        for line in opening_lines([billed_item(item)], CyclePeriod(rest, rest), BillingMode.CLASSIC)
    ]


def _fate_of_ended_trial(
    before: "Subscription", changed: "Subscription", params: Body, now: int
) -> "Subscription | None":
    """A subscription whose trial a request ends now, paused or ended; None if it goes on."""
    if before["status"] != "trialing" or params.get("trial_end") != "now":
        return None
    items = [item | {"current_period_end": now} for item in items_of(changed)]
    ended = with_items(changed, items) | {"trial_end": now, "billing_cycle_anchor": now}
    fate = fate_of_trial(ended, now)
    if fate is None or fate["status"] != "canceled":
        return fate
    details = fate["cancellation_details"]
    return fate | {"cancellation_details": details | {"reason": "cancellation_requested"}}


def load(
    ctx: Context, subscription_id: str
) -> tuple[Context, "Document[Subscription]", "Document[Customer]"]:
    """A subscription and its customer, with the context on the customer's time."""
    document = find(ctx, "subscription", subscription_id)
    customer = find(ctx, "customer", document.body["customer"], param="customer")
    return on_customers_time(ctx, customer), document, customer


def _billed(
    uow: UnitOfWork, after: "Subscription", lines: list[ItemLine], takes: Selection
) -> Amended:
    """The change with its invoice, which bills pending items too.

    The invoice is for the running period; an anchor that is reset has just begun it.
    """
    if not lines and not uow.pending.has(takes):
        return Amended(after, None)
    now = uow.ctx.now
    terms = InvoiceTerms(
        id=new_object_id("invoice"),
        created=now,
        billing_reason="subscription_update",
        period=Period(min(current_period(after).start, now), now),
        finalizes_at=finalizes_at(uow, after),
    )
    invoice, billed = draft_on(uow, after, terms, lines, takes)
    return Amended(with_billed_lines(billed, invoice), invoice)


def _proration(subscription: "Subscription", params: Body, now: int) -> Proration:
    at = params.get("proration_date", now)
    if "proration_date" in params:
        check_proration_date(at, current_period(subscription))
    return Proration(at, params.get("proration_behavior") != "none")


def _plain_changes(uow: UnitOfWork, before: "Subscription", params: Body) -> "SubscriptionChanges":
    now = uow.ctx.now
    plain: Any = {name: or_none(params[name]) for name in _PLAIN_FIELDS if name in params}
    changes: SubscriptionChanges = plain
    if "metadata" in params:
        changes["metadata"] = merged_metadata(before["metadata"], params["metadata"])
    if "cancellation_details" in params:
        changes["cancellation_details"] = cancellation_details(before, params)
    if "pause_collection" in params:
        changes["pause_collection"] = pause_collection(params, now)
    if "billing_thresholds" in params:
        changes["billing_thresholds"] = subscription_thresholds(params)
    if "invoice_settings" in params:
        changes["invoice_settings"] = invoice_settings(uow, before, params)
    if "trial_settings" in params:
        changes["trial_settings"] = trial_settings(before, params)
    if "pending_invoice_item_interval" in params:
        changes |= pending_interval(before, params, now)
    check_collection(before | changes)
    return changes


def check_collection(subscription: "Subscription") -> None:
    """Refuse an invoice that is sent without a day until which it is due, and the reverse."""
    sends = subscription["collection_method"] == "send_invoice"
    if sends and subscription["days_until_due"] is None:
        raise BillingError(
            "You must provide days_until_due when collection_method is send_invoice.",
            code="parameter_missing",
            param="days_until_due",
        )
    if not sends and subscription["days_until_due"] is not None:
        raise BillingError(
            "You can only specify 'days_until_due' if invoice collection method is 'send_invoice'."
        )


def pause_collection(params: Body, now: int) -> "SubscriptionPauseCollection | None":
    """The pause of collection that a request asks for; it cannot have ended already."""
    pause = params["pause_collection"]
    if pause is UNSET:
        return None
    resumes_at = pause.get("resumes_at")
    if resumes_at is not None and resumes_at <= now:
        raise BillingError(
            f"resumes_at must be in the future: {resumes_at} is not after {now}. Leave it out to"
            " pause until further notice.",
            param="pause_collection[resumes_at]",
        )
    return {"behavior": pause["behavior"], "resumes_at": resumes_at}


def trial_of_prices(subscription: "Subscription", now: int) -> Body:
    """The parameters of the longest trial that the prices of a subscription have, if any."""
    prices = [item["price"] for item in items_of(subscription)]
    days = longest_trial(prices)
    return {"trial_end": trial_end_from_days(now, days)} if days else {}


def check_trial_terms(params: Mapping[str, Any]) -> None:
    """Refuse a trial of a request's own beside that of the prices."""
    if params.get("trial_from_plan") and {"trial_end", "trial_period_days"} & params.keys():
        raise BillingError(
            "You cannot set `trial_end` or `trial_period_days` when `trial_from_plan=true`."
        )


def longest_trial(prices: Iterable["Price"]) -> int:
    """The longest trial of recurring prices, in days; 0 if none has any."""
    return max((recurring_of(price)["trial_period_days"] or 0 for price in prices), default=0)


def invoice_settings(
    uow: UnitOfWork, subscription: "Subscription", params: Body
) -> "SubscriptionInvoiceSettings":
    """What the subscription's invoices show beside their lines, with what a request says of it."""
    before = subscription["invoice_settings"]
    texts: Any = {name: or_none(value) for name, value in params["invoice_settings"].items()}
    if "account_tax_ids" in texts:
        param, asked = "invoice_settings[account_tax_ids]", texts["account_tax_ids"] or ()
        kept = [*(before["account_tax_ids"] or ()), *uow.agreed]
        texts["account_tax_ids"] = named_tax_ids(uow.ctx, asked, kept, param)
    settings: SubscriptionInvoiceSettings = before | texts
    return settings


def default_rates(
    uow: UnitOfWork, subscription: "Subscription", params: Body
) -> "SubscriptionChanges":
    """The tax rates that a request asks for, if any, of items that have none of their own."""
    if "default_tax_rates" not in params:
        return {}
    kept = subscription.get("default_tax_rates", [])
    rates = requested_rates(uow, params["default_tax_rates"], kept, "default_tax_rates")
    return {"default_tax_rates": rates}


def trial_settings(subscription: "Subscription", params: Body) -> "SubscriptionTrialSettings":
    """What a trial that ends without a payment method leads to: what it did, if nothing is said."""
    before = subscription["trial_settings"]["end_behavior"]
    return {"end_behavior": {**before, **params["trial_settings"]["end_behavior"]}}


def pending_interval(subscription: "Subscription", params: Body, now: int) -> "SubscriptionChanges":
    """How often pending items are billed between renewals, and when next: after ``now``."""
    requested = params["pending_invoice_item_interval"]
    interval: SubscriptionPendingInvoiceItemInterval | None = None
    if requested is not UNSET:
        interval = {
            "interval": requested["interval"],
            "interval_count": requested.get("interval_count", 1),
        }
    changed = subscription | {"pending_invoice_item_interval": interval}
    return {
        "pending_invoice_item_interval": interval,
        "next_pending_invoice_item_invoice": next_pending_invoice(changed, now),
    }
