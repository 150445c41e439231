"""Creating subscriptions: the anchor, the first period, and the first invoice."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from meterline.core.base.errors import BillingError
from meterline.core.base.frozen import frozen
from meterline.core.base.periods import Period
from meterline.core.billing.anchors import AnchorConfig, trial_end_from_days
from meterline.core.billing.cycles import AnchorChoice, CyclePeriod, Opening, open_cycle
from meterline.core.billing.invoicing import BillingMode
from meterline.services.base.context import Context
from meterline.services.base.ids import derived_object_id
from meterline.services.base.lookups import find, on_customers_time
from meterline.services.billing.discounts import inheriting
from meterline.services.billing.engine_taxes import subscription_tax
from meterline.services.billing.invoice_bodies import InvoiceTerms
from meterline.services.billing.redemption import exchange_discounts
from meterline.services.billing.subscription_bodies import (
    ItemTerms,
    items_of,
    new_subscription,
    subscription_document,
    with_items,
)
from meterline.services.billing.unit_of_work import UnitOfWork, open_unit_of_work
from meterline.services.invoices.billed_in_advance import with_billed_lines
from meterline.services.invoices.drafting import ItemLine, draft_on, finalizes_at, issue_on
from meterline.services.invoices.one_off import add_one_off_items
from meterline.services.subscriptions.changes import as_requested
from meterline.services.subscriptions.ends import ending_in_trial
from meterline.services.subscriptions.first_periods import (
    first_lines,
    first_periods,
    in_first_period,
)
from meterline.services.subscriptions.payment import after_first_invoice
from meterline.services.subscriptions.reading_ahead import named_by_request, sold_in_request
from meterline.services.subscriptions.requested_items import item_terms, own_interval
from meterline.services.subscriptions.threshold_terms import (
    remember_thresholds,
    subscription_thresholds,
)
from meterline.services.subscriptions.update import (
    check_collection,
    check_trial_terms,
    default_rates,
    invoice_settings,
    longest_trial,
    pending_interval,
    trial_settings,
)
from meterline.store.base.documents import Body

if TYPE_CHECKING:
    from meterline.core.base.wire import Invoice, Subscription

_FLEXIBLE_SINCE = "2025-09-30"
"""The first API version whose subscriptions are flexible if nothing is said (section 1.8)."""


@frozen
class Start:
    """What a new subscription starts with; ``start`` lies in the past if it is backdated."""

    terms: list[ItemTerms]
    opening: Opening
    start: int
    params: Body


@frozen
class Created:
    """A new subscription, and its first invoice as a draft if something is due at once."""

    subscription: "Subscription"
    invoice: "Invoice | None"


def create_subscription(ctx: Context, params: Body) -> "Subscription":
    """Create a subscription and, if something is due at once, its first invoice.

    The same commit finalises a first invoice that is charged automatically; one that is sent
    becomes final an hour later (contract section 6). In flexible mode nothing due means no invoice.
    """
    ctx = ctx.reading_ahead(named_by_request(params))
    ctx = ctx.reading_ahead(sold_in_request(ctx, params))
    customer = find(ctx, "customer", params["customer"], param="customer", status=404)
    uow = open_unit_of_work(on_customers_time(ctx, customer), customer)
    created = start_subscription(uow, params)
    subscription = created.subscription
    if created.invoice is not None:
        invoice = issue_on(uow, created.invoice)
        behavior = params.get("payment_behavior")
        subscription = after_first_invoice(subscription, invoice, behavior)
    uow.put(subscription_document(subscription))
    uow.emit_first("customer.subscription.created", subscription)
    uow.save(result_id=subscription["id"])
    return subscription


def start_subscription(uow: UnitOfWork, params: Body) -> Created:
    """Decide on a new subscription; creations and their previews are both decided here."""
    usual = {"type": usual_billing_mode(uow.ctx)}
    start = _decide(uow, {"billing_mode": usual} | params)
    subscription = _ending(uow, start, _subscription(uow, start))
    periods = {item["id"]: first_periods(subscription, item) for item in items_of(subscription)}
    prorates = params.get("proration_behavior") != "none"
    items = [
        in_first_period(uow, item, periods[item["id"]], subscription, prorates=prorates)
        for item in items_of(subscription)
    ]
    subscription = with_items(subscription, items)
    remember_thresholds(uow, subscription)
    if "pending_invoice_item_interval" in params:
        subscription = subscription | pending_interval(subscription, params, uow.ctx.now)
    add_one_off_items(uow, subscription, params.get("add_invoice_items", ()))
    lines = first_lines(uow, subscription, periods, prorates=prorates)
    return _with_first_invoice(uow, subscription, lines)


def _decide(uow: UnitOfWork, params: Body) -> Start:
    mode = BillingMode(params["billing_mode"]["type"])
    terms = item_terms(uow, params["items"], mode, params.get("currency"))
    now = uow.ctx.now
    start = params.get("backdate_start_date", now)
    if start > now:
        raise BillingError("backdate_start_date must be in the past.", param="backdate_start_date")
    return Start(terms, _opening(params, terms, mode, now), start, params)


def _opening(
    params: Mapping[str, Any], terms: list[ItemTerms], mode: BillingMode, now: int
) -> Opening:
    config = params.get("billing_cycle_anchor_config")
    anchor = params.get("billing_cycle_anchor")
    trial_end = _trial_end(params, terms, now)
    aligned = "backdate_start_date" in params and anchor is None and trial_end is None
    if aligned and mode is BillingMode.FLEXIBLE:
        return _backdated(params["backdate_start_date"], now)
    choice = AnchorChoice(timestamp=anchor, config=AnchorConfig(**config) if config else None)
    interval = own_interval(term.price for term in terms)
    return open_cycle(now, interval, choice, trial_end)


def _backdated(start: int, now: int) -> Opening:
    """The opening of a flexible subscription that runs since ``start``: anchored there."""
    past = CyclePeriod(Period(start, now), Period(start, now))
    return Opening(start, past, None)


def _trial_end(params: Mapping[str, Any], terms: list[ItemTerms], now: int) -> int | None:
    check_trial_terms(params)
    if params.get("trial_end") not in (None, "now"):
        return int(params["trial_end"])
    days = params.get("trial_period_days", _days_of_prices(params, terms))
    return trial_end_from_days(now, days) if days else None


def _days_of_prices(params: Mapping[str, Any], terms: list[ItemTerms]) -> int:
    """The trial of the prices, if ``trial_from_plan`` says that it counts."""
    return longest_trial(term.price for term in terms) if params.get("trial_from_plan") else 0


def _subscription(uow: UnitOfWork, start: Start) -> "Subscription":
    params = start.params
    subscription = new_subscription(uow.customer, start.terms, start.opening, params, uow.ctx.now)
    subscription = subscription | {"start_date": start.start}
    if "billing_thresholds" in params:
        subscription = subscription | {"billing_thresholds": subscription_thresholds(params)}
    if "invoice_settings" in params:
        settings = invoice_settings(uow, subscription, params)
        subscription = subscription | {"invoice_settings": settings}
    if "trial_settings" in params:
        subscription = subscription | {"trial_settings": trial_settings(subscription, params)}
    subscription = subscription | default_rates(uow, subscription, params)
    subscription = subscription | subscription_tax(uow, params)
    check_collection(subscription)
    return _discounted(uow, subscription, params)


def _discounted(uow: UnitOfWork, subscription: "Subscription", params: Body) -> "Subscription":
    """The subscription with the discounts of the request; its items with what it asks for them."""
    discounts, holder = params.get("discounts") or [], subscription["id"]
    own = exchange_discounts(uow, subscription, discounts, subscription=holder)
    items = [
        as_requested(uow, item, request, f"items[{index}]")
        for index, (item, request) in enumerate(
            zip(items_of(subscription), params["items"], strict=True)
        )
    ]
    return inheriting(with_items(subscription, items) | {"discounts": own}, params)


def _ending(uow: UnitOfWork, start: Start, subscription: "Subscription") -> "Subscription":
    """The subscription with the end that its creation asks for."""
    params, now = start.params, uow.ctx.now
    requested = params.get("cancel_at")
    follows = bool(params.get("cancel_at_period_end"))
    if requested is None and not follows:
        return subscription
    if isinstance(requested, int) and not follows:
        end = requested
    else:
        ends = [
            first_periods(subscription, item).running.period.end for item in items_of(subscription)
        ]
        end = min(ends) if follows or requested == "min_period_end" else max(ends)
    if end <= now:
        raise BillingError("cancel_at must be in the future.", param="cancel_at")
    return ending_in_trial(
        subscription | {"cancel_at": end, "canceled_at": now, "cancel_at_period_end": follows}
    )


def _with_first_invoice(
    uow: UnitOfWork, subscription: "Subscription", lines: list[ItemLine]
) -> Created:
    if not lines and not uow.pending.added:
        return Created(subscription, None)
    now = uow.ctx.now
    terms = InvoiceTerms(
        id=derived_object_id("invoice", subscription["id"], "create", now),
        created=now,
        billing_reason="subscription_create",
        period=Period(now, now),
        finalizes_at=finalizes_at(uow, subscription),
    )
    invoice, billed = draft_on(uow, subscription, terms, lines)
    return Created(with_billed_lines(billed, invoice), invoice)


def usual_billing_mode(ctx: Context) -> str:
    """The mode of a subscription whose request names none: that of the request's API version."""
    version = ctx.origin.api_version if ctx.origin else _FLEXIBLE_SINCE
    return "flexible" if version >= _FLEXIBLE_SINCE else "classic"
