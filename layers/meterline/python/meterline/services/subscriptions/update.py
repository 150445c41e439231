"""Changing subscriptions: items, cycle, trial, discounts, end, and what is said about them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from meterline.core.base.errors import BillingError
from meterline.core.base.periods import Period
from meterline.core.base.unset import UNSET, merged_metadata, or_none
from meterline.core.billing.anchors import trial_end_from_days
from meterline.core.billing.cycles import CyclePeriod
from meterline.core.billing.invoicing import BillingMode, opening_lines
from meterline.core.subscriptions.item_changes import check_proration_date
from meterline.services.base.context import Context
from meterline.services.base.ids import new_object_id
from meterline.services.base.lookups import find, on_customers_time
from meterline.services.billing.discounts import exchange_discounts
from meterline.services.billing.invoice_bodies import InvoiceTerms
from meterline.services.billing.item_terms import (
    billed_item,
    current_period,
    is_free_time,
    is_metered,
    mode_of,
    usage_period,
)
from meterline.services.billing.pending_items import Selection
from meterline.services.billing.subscription_bodies import (
    is_ended,
    items_of,
    next_pending_invoice,
    subscription_document,
    with_items,
)
from meterline.services.billing.unit_of_work import UnitOfWork, open_unit_of_work
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
from meterline.services.subscriptions.ends import wanted_end
from meterline.services.subscriptions.payment import after_change
from meterline.services.subscriptions.prorations import Proration, prorate_steps
from meterline.services.subscriptions.renewals import fate_of_trial, owed_lines
from meterline.services.subscriptions.reset_cycle import begun_before, restart, restart_of
from meterline.services.subscriptions.threshold_terms import (
    remember_thresholds,
    subscription_thresholds,
)
from meterline.store.base.documents import Body, Document

_PLAIN_FIELDS = ("description", "days_until_due", "collection_method")
_EDITABLE_AFTER_THE_END = {"metadata", "cancellation_details"}


@dataclass(frozen=True, slots=True)
class Amended:
    """A changed subscription, and the invoice that the change makes at once, if any: a draft."""

    subscription: Body
    invoice: Body | None


def update_subscription(
    ctx: Context, subscription_id: str, params: Body, *, result_id: str | None = None
) -> Body:
    """Change a subscription; what the change costs is billed now or with the next invoice.

    ``result_id`` names what the request answers with, if that is not the subscription.
    """
    ctx, document, customer = load(ctx, subscription_id)
    uow = open_unit_of_work(ctx, customer)
    params = _of_only_item(document.body, params)
    amended = amend(uow, document.body, params)
    after = amended.subscription
    if amended.invoice is not None:
        invoice = issue_on(uow, amended.invoice)
        after = after_change(after, invoice, params.get("payment_behavior"))
    uow.put(subscription_document(after, document))
    if after["status"] == "paused" != document.body["status"]:
        uow.emit("customer.subscription.paused", after)
    if is_ended(after) and not is_ended(document.body):
        uow.emit("customer.subscription.deleted", after)
    else:
        uow.emit("customer.subscription.updated", after, document.body)
    uow.save(result_id=subscription_id if result_id is None else result_id)
    return after


def _of_only_item(subscription: Body, params: Body) -> Body:
    """The change with what it says of the subscription's only item as that of an item."""
    given = {name: params[name] for name in ("plan", "quantity") if name in params}
    if not given:
        return params
    items = items_of(subscription)
    if "items" in params or len(items) != 1:
        raise BillingError(
            "This is about the only item of a subscription: describe several as `items`, or change"
            " them by /v1/subscription_items.",
            param=next(iter(given)),
        )
    change = {name: value for name, value in params.items() if name not in given}
    change["items"] = [{"id": items[0]["id"]} | given]
    return change


def amend(uow: UnitOfWork, before: Body, params: Body) -> Amended:
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
    after = before | _plain_changes(before, params, now)
    if "discounts" in params:
        after |= exchange_discounts(
            uow, after, params["discounts"] or [], subscription=before["id"]
        )
    end = wanted_end(params)
    changed, steps = change_items(uow, after | end, params.get("items", ()), how.at)
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
    changed |= {name: after[name] for name in end}
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


def _additions(after: Body, steps: Iterable[Step], params: Body) -> list[ItemLine]:
    """The lines of classic mode for metered items that are added and invoiced at once: nothing."""
    classic = mode_of(after) is BillingMode.CLASSIC
    if not classic or not _bills_at_once(params) or is_free_time(after):
        return []
    added = {step.new["id"] for step in steps if step.old is None and step.new is not None}
    items = [one for one in items_of(after) if one["id"] in added and is_metered(one)]
    spans = [(item, usage_period(item)) for item in items]
    return [
        ItemLine(item, line)
        for item, rest in spans
        for line in opening_lines([billed_item(item)], CyclePeriod(rest, rest), BillingMode.CLASSIC)
    ]


def _fate_of_ended_trial(before: Body, changed: Body, params: Body, now: int) -> Body | None:
    """What becomes of a subscription whose trial is ended now, if it does not go on."""
    if before["status"] != "trialing" or params.get("trial_end") != "now":
        return None
    items = [item | {"current_period_end": now} for item in items_of(changed)]
    over = with_items(changed, items) | {"trial_end": now, "billing_cycle_anchor": now}
    fate = fate_of_trial(over, now)
    if fate is None or fate["status"] != "canceled":
        return fate
    details = fate["cancellation_details"] | {"reason": "cancellation_requested"}
    return fate | {"cancellation_details": details}


def load(ctx: Context, subscription_id: str) -> tuple[Context, Document, Document]:
    """A subscription and its customer, with the context on the customer's time."""
    document = find(ctx, "subscription", subscription_id)
    customer = find(ctx, "customer", document.body["customer"], param="customer")
    return on_customers_time(ctx, customer), document, customer


def _billed(uow: UnitOfWork, after: Body, lines: list[ItemLine], takes: Selection) -> Amended:
    """The change with its invoice, which takes pending items with it.

    It is for the running period, which an anchor that is reset has just begun.
    """
    if not lines and not uow.pending.has(takes):
        return Amended(after, None)
    now = uow.ctx.now
    terms = InvoiceTerms(
        id=new_object_id("invoice"),
        created=now,
        billing_reason="subscription_update",
        period=Period(min(current_period(after).start, now), now),
        finalizes_at=finalizes_at(uow.ctx, after),
    )
    invoice, spent = draft_on(uow, after, terms, lines, takes)
    return Amended(with_billed_lines(spent, invoice), invoice)


def _proration(subscription: Body, params: Body, now: int) -> Proration:
    at = params.get("proration_date", now)
    if "proration_date" in params:
        check_proration_date(at, current_period(subscription))
    return Proration(at, params.get("proration_behavior") != "none")


def _plain_changes(before: Body, params: Body, now: int) -> dict[str, Any]:
    changes = {name: or_none(params[name]) for name in _PLAIN_FIELDS if name in params}
    if "metadata" in params:
        changes["metadata"] = merged_metadata(before["metadata"], params["metadata"])
    if "cancellation_details" in params:
        changes["cancellation_details"] = cancellation_details(before, params)
    if "pause_collection" in params:
        changes["pause_collection"] = pause_collection(params, now)
    if "billing_thresholds" in params:
        changes |= subscription_thresholds(params["billing_thresholds"])
    if "invoice_settings" in params:
        changes |= invoice_settings(before, params)
    if "trial_settings" in params:
        changes["trial_settings"] = trial_settings(params)
    if "pending_invoice_item_interval" in params:
        changes |= pending_interval(before, params, now)
    check_collection(before | changes)
    return changes


def check_collection(subscription: Body) -> None:
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


def pause_collection(params: Body, now: int) -> Body | None:
    """The pause of collection that a request asks for; it cannot have ended already."""
    given = params["pause_collection"]
    if given is UNSET:
        return None
    resumes_at = given.get("resumes_at")
    if resumes_at is not None and resumes_at <= now:
        raise BillingError(
            f"resumes_at must be in the future: {resumes_at} is not after {now}. Leave it out to"
            " pause until further notice.",
            param="pause_collection[resumes_at]",
        )
    return {"behavior": given["behavior"], "resumes_at": resumes_at}


def trial_of_prices(subscription: Body, now: int) -> Body:
    """The trial that the prices of a subscription give it, if they do: the longest of theirs."""
    prices = [item["price"] for item in items_of(subscription)]
    days = longest_trial(prices)
    return {"trial_end": trial_end_from_days(now, days)} if days else {}


def check_trial_terms(params: Mapping[str, Any]) -> None:
    """Refuse a trial of a request's own beside that of the prices."""
    if params.get("trial_from_plan") and {"trial_end", "trial_period_days"} & params.keys():
        raise BillingError(
            "You cannot set `trial_end` or `trial_period_days` when `trial_from_plan=true`."
        )


def longest_trial(prices: Iterable[Body]) -> int:
    """The longest trial of recurring prices, in days; 0 if none has any."""
    return max((int(price["recurring"]["trial_period_days"] or 0) for price in prices), default=0)


def invoice_settings(subscription: Body, params: Body) -> Body:
    """What invoices of the subscription say beside their lines."""
    given = {name: or_none(value) for name, value in params["invoice_settings"].items()}
    return {"invoice_settings": subscription["invoice_settings"] | given}


def trial_settings(params: Body) -> Body:
    """What becomes of a subscription whose trial ends without a payment method."""
    behavior = params["trial_settings"]["end_behavior"]["missing_payment_method"]
    return {"end_behavior": {"billing_cycle_anchor": "now", "missing_payment_method": behavior}}


def pending_interval(subscription: Body, params: Body, now: int) -> Body:
    """How often pending items are billed between renewals, and when next: after ``now``."""
    given = params["pending_invoice_item_interval"]
    interval = None
    if given is not UNSET:
        interval = {
            "interval": given["interval"],
            "interval_count": given.get("interval_count", 1),
        }
    changed = subscription | {"pending_invoice_item_interval": interval}
    return {
        "pending_invoice_item_interval": interval,
        "next_pending_invoice_item_invoice": next_pending_invoice(changed, now),
    }
