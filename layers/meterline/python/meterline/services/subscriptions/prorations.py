"""Prorations of a change: pending invoice items for time and usage, as the core decides on them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

from meterline.core.base.frozen import frozen
from meterline.core.base.periods import Period
from meterline.core.billing.invoicing import metered_line
from meterline.core.catalog.price_models import Usage
from meterline.core.catalog.rating import rate
from meterline.core.subscriptions.item_changes import (
    BilledSpan,
    Fee,
    ItemChange,
    ProratedChange,
    ProrationLine,
    prorate_change,
)
from meterline.core.subscriptions.usage_changes import UsageCut, cut_by_price_change, cut_by_removal
from meterline.services.billing.discounts import active_discounts
from meterline.services.billing.item_terms import (
    billed_item,
    billed_spans,
    charged_anew,
    counting_from,
    counting_not_before,
    is_free_time,
    is_metered,
    item_period,
    mode_of,
    settled_from,
    uncharged_spans,
    usage_period,
    usage_span,
    whole_of,
)
from meterline.services.billing.line_taxes import as_billed_before, with_rates
from meterline.services.billing.private_states import (
    BilledAs,
    BilledBefore,
    BilledPrice,
    Credited,
    InvoiceItemState,
    SubscriptionItemState,
)
from meterline.services.billing.subscription_bodies import items_of, with_items
from meterline.services.billing.unit_of_work import UnitOfWork
from meterline.services.catalog.price_segments import counted_by
from meterline.services.catalog.price_terms import price_plan
from meterline.services.invoices.billed_before import usage_billed
from meterline.services.invoices.credited_taxes import taxed_as_billed
from meterline.services.invoices.deleted_prorations import note_credit
from meterline.services.invoices.descriptions import ProductName, proration_description
from meterline.services.invoices.drafting import product_names
from meterline.services.invoices.fees import fees_last_billed, fees_of, with_active_used
from meterline.services.invoices.item_bodies import (
    ItemTerms,
    credited_items,
    new_item,
    of_ended,
    proration_explanation,
)
from meterline.services.invoices.lines import figures
from meterline.services.invoices.metered import usage_in
from meterline.services.subscriptions.changes import Step
from meterline.services.subscriptions.handover import (
    begin_counting,
    counts_on,
    end_of_counting,
    keep_billed_second,
)

if TYPE_CHECKING:
    from meterline.core.base.wire import Subscription, SubscriptionItem, TaxRate


@frozen
class Proration:
    """How a change of a subscription is prorated: at which instant, and whether at all."""

    at: int
    prorates: bool
    ends: bool = False


def prorate_steps(
    uow: UnitOfWork,
    before: "Subscription",
    after: "Subscription",
    steps: Iterable[Step],
    how: Proration,
) -> "Subscription":
    """Add the pending items of changed items; returns the subscription that remembers what is
    billed.

    The newest item stands first, so a credit is made after its debit.

    A trial prorates nothing: it takes no payment in advance, and its usage is free.
    """
    old_fees, new_fees = fees_last_billed(uow, before), fees_of(uow, after)
    steps = list(steps)
    stopping = [step.old for step in steps if step.old and not counts_on(step.old, step.new)]
    leaving = keep_billed_second(uow, stopping)
    changed = {
        item["id"]: counting_not_before(item, uow.ctx.now + 1)
        for item in items_of(after)
        if (item["id"], counted_by(item["price"])) in leaving
    }
    for step in steps:
        if not step.is_repriced:
            continue
        if step.new is not None:
            charged = _charge_rest(uow, after, step.old, step.new, new_fees, how)
            changed[step.new["id"]] = charged
        if step.old is not None:
            _bill_usage(uow, before, step.old, step.new, how)
            _give_back(uow, before, step.old, old_fees, how)
    items = [changed.get(item["id"], item) for item in items_of(after)]
    return with_items(after, items)


def credit_unused(uow: UnitOfWork, subscription: "Subscription", how: Proration) -> None:
    """Credit the unused rest of all licensed items, as when their periods are cut short."""
    fees = fees_last_billed(uow, subscription)
    for item in items_of(subscription):
        _give_back(uow, subscription, item, fees, how)


def proration_of(
    subscription: "Subscription",
    item: "SubscriptionItem",
    at: int,
    *,
    old: Fee | None = None,
    new: Fee | None = None,
) -> ProratedChange:
    """The core's decision about a licensed item that goes (``old``) or comes (``new``) ``at``."""
    change = ItemChange(
        at=at,
        period=item_period(item),
        whole=whole_of(item, subscription["billing_cycle_anchor"]),
        old_fee=old,
        new_fee=new,
        billed=billed_spans(item),
        uncharged=uncharged_spans(item),
    )
    return prorate_change(change, mode_of(subscription))


def add_line(
    uow: UnitOfWork,
    subscription: "Subscription",
    item: "SubscriptionItem",
    line: ProrationLine,
    *,
    is_credit: bool,
    ends: bool = False,
) -> BilledSpan:
    """Add the pending invoice item of a credit or debit; returns what a debit leaves billed.

    ``ends`` says that the subscription ends with it.
    """
    if line.period.seconds == 0:
        return line.as_billed
    rated = rate(price_plan(item["price"]), Decimal(item.get("quantity", 1)))
    sources = _credited_by(item, line) if is_credit else []
    item = _as_billed(item, line.credited)
    product = _product_of(uow, item)
    state = InvoiceItemState(
        explanation=proration_explanation(line, rated),
        product_name=product.name,
        credited=_credited(item, line),
    )
    state = with_rates(state, item["tax_rates"])
    if is_credit:
        state = taxed_as_billed(uow, state, sources)
    start, quantity = line.period.start, Decimal(item.get("quantity", 1))
    terms = ItemTerms(
        amount=line.amount_minor,
        currency=subscription["currency"],
        period=line.period,
        description=proration_description(item, product, start, is_credit=is_credit),
        quantity=quantity,
        price=item["price"],
        subscription=subscription["id"],
        subscription_item=item["id"],
        proration=True,
        discountable=False,
        metadata=dict(item["metadata"]),
        credited=credited_items(uow, line.credited),
        tax_rates=_shown_rates(item, state),
        state=state,
    )
    added = of_ended(new_item(uow, terms)) if ends else new_item(uow, terms)
    uow.add_item(added)
    note_credit(uow, sources, added["id"])
    return replace(line.as_billed, source=added["id"])


def _shown_rates(item: "SubscriptionItem", state: InvoiceItemState) -> "list[TaxRate]":
    """The item's own rates, unless it was billed with others."""
    counting = [rate["id"] for rate in state.tax_rates or ()]
    own = item["tax_rates"]
    return own if counting == [rate["id"] for rate in own] else []


def _credited(item: "SubscriptionItem", line: ProrationLine) -> Credited | None:
    """What a credit of flexible mode gives back, for the case that it is deleted."""
    if line.credited is None:
        return None
    return {
        "billed": {
            "gross": -line.gross_minor,
            "discount": -line.discount_minor,
            "start": line.period.start,
            "end": line.period.end,
            "source": line.credited,
        },
        "billed_as": _billed_as(item),
    }


def _credited_by(item: "SubscriptionItem", line: ProrationLine) -> list[str]:
    """What billed the time that a credit gives back; classic mode credits all of it in one."""
    if line.credited is not None:
        return [line.credited]
    spans = billed_spans(item)
    return [span.source for span in spans if span.source and span.period.end > line.period.start]


def _give_back(
    uow: UnitOfWork,
    subscription: "Subscription",
    item: "SubscriptionItem",
    fees: Mapping[str, Fee],
    how: Proration,
) -> None:
    if not how.prorates or is_metered(item) or is_free_time(subscription):
        return
    for line in proration_of(subscription, item, how.at, old=fees[item["id"]]).credits:
        add_line(uow, subscription, item, line, is_credit=True, ends=how.ends)


def _charge_rest(
    uow: UnitOfWork,
    subscription: "Subscription",
    old: "SubscriptionItem | None",
    new: "SubscriptionItem",
    fees: Mapping[str, Fee],
    how: Proration,
) -> "SubscriptionItem":
    """The changed item, which is charged for the rest of its period or counts usage from now on."""
    if is_metered(new):
        return _counting_since(uow, subscription, old, new, how)
    if is_free_time(subscription):
        return new
    if not how.prorates:
        # What was billed stays billed: a later change credits that, and not the new price.
        if old is not None and not is_metered(old):
            return _remembering(new, old)
        return settled_from(new, how.at)
    item = _with_billed_as(new, {})
    change = proration_of(subscription, item, how.at, new=fees[item["id"]])
    return charged_anew(
        with_active_used(uow, subscription, item),
        [add_line(uow, subscription, item, line, is_credit=False) for line in change.debits],
    )


def _counting_since(
    uow: UnitOfWork,
    subscription: "Subscription",
    old: "SubscriptionItem | None",
    new: "SubscriptionItem",
    how: Proration,
) -> "SubscriptionItem":
    """The changed item, which counts usage from the change on."""
    if old is not None and counts_on(old, new):
        return counting_from(new, max(how.at, usage_period(old).start))
    item = counting_from(new, how.at)
    if how.at != uow.ctx.now or is_free_time(subscription):
        return item
    return begin_counting(uow, item, how.at)


def _remembering(item: "SubscriptionItem", old: "SubscriptionItem") -> "SubscriptionItem":
    """An item at another price that remembers what it was when it was billed, by what billed it."""
    latest, earlier = _billed_as(old), SubscriptionItemState.of(old).billed_as or {}
    sources = (span.source for span in billed_spans(old) if span.source is not None)
    return _with_billed_as(item, {source: earlier.get(source, latest) for source in sources})


def _billed_as(item: "SubscriptionItem") -> BilledAs:
    price: BilledPrice = {"id": item["price"]["id"], "product": item["price"]["product"]}
    return {"price": price, "quantity": item.get("quantity", 1)}


def _with_billed_as(item: "SubscriptionItem", billed_as: dict[str, BilledAs]) -> "SubscriptionItem":
    return replace(SubscriptionItemState.of(item), billed_as=billed_as or None).on(item)


def _as_billed(item: "SubscriptionItem", source: str | None) -> "SubscriptionItem":
    """An item as it was when ``source`` billed it, with the price and quantity that a credit names.

    Classic mode, which names no source, credits the item as it is.
    """
    billed_as = (SubscriptionItemState.of(item).billed_as or {}).get(source or "")
    if billed_as is None:
        return item
    price, named = item["price"], billed_as["price"]
    return item | {
        "price": price | {"id": named["id"], "product": named["product"]},
        "quantity": billed_as["quantity"],
    }


def _bill_usage(
    uow: UnitOfWork,
    subscription: "Subscription",
    old: "SubscriptionItem",
    new: "SubscriptionItem | None",
    how: Proration,
) -> None:
    """Bill the usage of a metered item that goes or changes its price, as flexible mode does."""
    if not is_metered(old) or is_free_time(subscription):
        return
    cut = _cut(uow, subscription, old, new, how)
    if cut.billed is not None:
        bill_usage(uow, subscription, [(old, cut.billed)])


def _cut(
    uow: UnitOfWork,
    subscription: "Subscription",
    old: "SubscriptionItem",
    new: "SubscriptionItem | None",
    how: Proration,
) -> UsageCut:
    """How a change cuts an item's period; an item that stops counting now has the present second
    too. A period that is over is billed whole, as nothing is left of it to prorate.
    """
    period, mode = usage_period(old), mode_of(subscription)
    if how.at == period.end:
        return UsageCut(period if period.seconds else None)
    if counts_on(old, new):
        return cut_by_price_change(period, how.at, mode, prorate=how.prorates)

    def removed_at(at: int) -> UsageCut:
        until = Period(period.start, max(period.end, at))
        return cut_by_removal(until, at, mode, prorate=how.prorates)

    now = uow.ctx.now
    if how.at != now or removed_at(now + 1).billed is None:
        return removed_at(how.at)
    return removed_at(end_of_counting(uow, old))


def bill_usage(
    uow: UnitOfWork, subscription: "Subscription", cuts: "Sequence[tuple[SubscriptionItem, Period]]"
) -> None:
    """Add a pending item for each metered item's usage of its period, at its price.

    Finalising their invoice rates them again, so that usage which is still being counted gets in.
    """
    asked = {item["id"]: (item, period) for item, period in cuts}
    usage = usage_in(uow.ctx, subscription["customer"], asked)
    for item_id, (item, period) in asked.items():
        _add_usage(uow, subscription, item, period, usage[item_id])


def _add_usage(
    uow: UnitOfWork,
    subscription: "Subscription",
    item: "SubscriptionItem",
    period: Period,
    usage: Usage,
) -> None:
    span = usage_span(item, subscription["billing_cycle_anchor"], period)
    line = metered_line(billed_item(item), usage, span)
    shown = figures(line, item["price"], _product_of(uow, item))
    terms = ItemTerms(
        amount=line.amount_minor,
        currency=subscription["currency"],
        period=period,
        description=shown["description"],
        quantity=line.quantity,
        price=item["price"],
        subscription=subscription["id"],
        subscription_item=item["id"],
        discounts=active_discounts(uow, subscription).of_items.get(item["id"], []),
        metadata=dict(item["metadata"]),
        tax_rates=item["tax_rates"],
        state=with_rates(InvoiceItemState.of(shown), item["tax_rates"]),
    )
    for item_terms in reversed(_less_billed_before(terms, usage_billed(uow, item))):
        uow.add_item(new_item(uow, item_terms))


def _product_of(uow: UnitOfWork, item: "SubscriptionItem") -> ProductName:
    product_id = item["price"]["product"]
    return product_names(uow, [item["price"]]).get(product_id, ProductName(""))


def _less_billed_before(terms: ItemTerms, billed: BilledBefore | None) -> list[ItemTerms]:
    """The terms of a usage item, and of one that takes back what a threshold billed before."""
    if billed is None:
        return [terms]
    amount = billed["amount"]
    less = replace(
        terms,
        amount=-amount,
        description=f"Already billed: {billed['quantity']} × {terms.state.product_name}",
        quantity=Decimal(billed["quantity"]),
        discountable=False,
        discounts=[],
        state=as_billed_before(InvoiceItemState(product_name=terms.state.product_name), billed),
    )
    state = replace(
        terms.state,
        billed_before=amount,
        gives_back=billed["gives_back"],
        quantity_before=billed["quantity"],
    )
    return [replace(terms, state=state), less]
