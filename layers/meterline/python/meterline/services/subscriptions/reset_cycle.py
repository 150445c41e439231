"""Restarting a subscription's cycle: the running period ends at once and a new one begins.

A cycle restarts when the anchor is reset, when a trial is given or ends early, and in classic mode
when the interval changes or free prices become paid ones (contract sections 5.3 and 5.4).
"""

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

from meterline.core.base.errors import BillingError
from meterline.core.base.frozen import frozen
from meterline.core.billing.anchors import check_trial_end
from meterline.core.billing.cycles import CyclePeriod
from meterline.core.billing.invoicing import (
    BillingMode,
    Line,
    opening_lines,
    trial_lines,
)
from meterline.core.subscriptions.cycle_changes import CycleTerms, cycle_reset, is_free
from meterline.services.billing.item_terms import (
    billed_item,
    counting_from,
    counting_not_before,
    in_period,
    is_free_time,
    is_metered,
    mode_of,
    span_from,
    trial_span,
    usage_period,
)
from meterline.services.billing.subscription_bodies import (
    items_of,
    next_pending_invoice,
    with_items,
)
from meterline.services.billing.unit_of_work import UnitOfWork
from meterline.services.invoices.drafting import ItemLine
from meterline.services.subscriptions.changes import Step
from meterline.services.subscriptions.ends import end_of_new_cycle, without_following_end
from meterline.services.subscriptions.handover import (
    begin_counting,
    counts_on,
    end_of_counting,
    note_billed_second,
)
from meterline.services.subscriptions.prorations import Proration, credit_unused
from meterline.services.subscriptions.renewals import usage_lines
from meterline.services.subscriptions.requested_items import own_interval
from meterline.store.base.documents import Body

if TYPE_CHECKING:
    from meterline.core.base.wire import Subscription, SubscriptionChanges, SubscriptionItem

_IN_TRIAL = "subscription_update_trial_after_billing_cycle_anchor"


@frozen
class Restart:
    """A new cycle from ``at`` on: with this anchor, first a trial if ``trial_end`` is set.

    ``begun`` are items that count usage since before it: changed or added as of an earlier instant.
    """

    at: int
    anchor: int
    trial_end: int | None = None
    begun: tuple["SubscriptionItem", ...] = ()


def restart_of(
    before: "Subscription", after: "Subscription", params: Body, now: int
) -> Restart | None:
    """The restart that a change means: requested, by a trial, or by classic rules; else None."""
    trial_end = params.get("trial_end")
    if trial_end == "now" and before["status"] == "trialing":
        return Restart(now, now)
    if trial_end not in (None, "now"):
        if _resets(params):
            raise BillingError(
                "You may only specify one of these parameters: billing_cycle_anchor, trial_end.",
                code="parameters_exclusive",
                param="billing_cycle_anchor",
            )
        check_trial_end(trial_end, now)
        return Restart(now, trial_end, trial_end)
    if before["status"] in ("trialing", "paused"):
        if _resets(params):
            raise BillingError(
                f"The billing cycle of a {before['status']} subscription cannot be reset: end the"
                " trial or the pause instead.",
                code=_IN_TRIAL if before["status"] == "trialing" else None,
                param="billing_cycle_anchor",
            )
        return None
    requested = _resets(params)
    reason = cycle_reset(
        _cycle_terms(before), _cycle_terms(after), mode_of(before), requested=requested
    )
    return None if reason is None else Restart(now, now)


def restart(
    uow: UnitOfWork, before: "Subscription", after: "Subscription", how: Restart, *, prorates: bool
) -> tuple["Subscription", list[ItemLine]]:
    """The subscription in its new cycle, and the lines of the invoice that goes with it.

    Pending items credit the unused time of the cut period, lines bill its usage.
    """
    lines = usage_lines(uow.ctx, before, _ends_of_usage(uow, after, how))
    lines += usage_lines(uow.ctx, with_items(before, list(how.begun)), lambda _: how.at)
    credit_unused(uow, before, Proration(how.at, prorates))
    renewed = after | _in_new_cycle(before, how)
    spans = _spans(renewed, how)
    end = end_of_new_cycle(_in_periods(renewed, spans), uow.ctx.now)
    spans = {item_id: span.until(end) for item_id, span in spans.items()}
    renewed = _counting(uow, before, _in_periods(renewed, spans), how)
    next_pending = next_pending_invoice(renewed, max(how.at, uow.ctx.now))
    restarted = renewed | {"cancel_at": end, "next_pending_invoice_item_invoice": next_pending}
    for item in sorted(items_of(restarted), key=lambda item: item["created"], reverse=True):
        lines += [ItemLine(item, line) for line in _first_lines(after, item, spans, how)]
    return restarted, lines


def begun_before(
    subscription: "Subscription", steps: Iterable[Step], changed_at: int, restarts_at: int
) -> tuple["SubscriptionItem", ...]:
    """The items that a change lets count usage since before the cycle that it restarts.

    Usage of a trial is free, also of what is added to it.
    """
    if changed_at >= restarts_at or is_free_time(subscription):
        return ()
    return tuple(
        counting_from(step.new, changed_at)
        for step in steps
        if step.new is not None and is_metered(step.new) and not counts_on(step.old, step.new)
    )


def _ends_of_usage(
    uow: UnitOfWork, after: "Subscription", how: Restart
) -> Callable[["SubscriptionItem"], int]:
    """Up to when items bill their usage: those that go on to count, up to the new cycle."""
    coming = {item["id"]: item for item in items_of(after)} if how.trial_end is None else {}

    def end_of(item: "SubscriptionItem") -> int:
        if how.at > uow.ctx.now:
            note_billed_second(uow, item)
        if how.at != uow.ctx.now or counts_on(item, coming.get(item["id"])):
            return how.at
        return end_of_counting(uow, item)

    return end_of


def _counting(
    uow: UnitOfWork, before: "Subscription", renewed: "Subscription", how: Restart
) -> "Subscription":
    """The subscription whose items begin to count with the new cycle if they did not before.

    Those that did have billed the second already if their period, too, began after it.
    """
    if how.trial_end is not None:
        return renewed
    counted = {} if is_free_time(before) else {item["id"]: item for item in items_of(before)}

    def goes_on(item: "SubscriptionItem") -> "SubscriptionItem":
        if not is_metered(item):
            return item
        old = counted.get(item["id"])
        if old is None or not counts_on(old, item):
            return begin_counting(uow, item, how.at)
        return counting_not_before(item, usage_period(old).start)

    return with_items(renewed, [goes_on(item) for item in items_of(renewed)])


def _spans(renewed: "Subscription", how: Restart) -> dict[str, CyclePeriod]:
    """The first periods of the new cycle by item, up to an end that does not follow them."""
    endless = without_following_end(renewed)
    return {
        item["id"]: span_from(endless, item, how.at)
        if how.trial_end is None
        else trial_span(endless, how.at)
        for item in items_of(renewed)
    }


def _in_periods(subscription: "Subscription", spans: Mapping[str, CyclePeriod]) -> "Subscription":
    return with_items(
        subscription,
        [in_period(item, spans[item["id"]].period) for item in items_of(subscription)],
    )


def _first_lines(
    after: "Subscription", item: "SubscriptionItem", spans: dict[str, CyclePeriod], how: Restart
) -> list[Line]:
    billed, span = billed_item(item), spans[item["id"]]
    if how.trial_end is not None:
        return trial_lines([billed], span.period, mode_of(after))
    return opening_lines([billed], span, mode_of(after))


def _in_new_cycle(before: "Subscription", how: Restart) -> "SubscriptionChanges":
    """The anchor of the new cycle, and the trial that begins or ends with it."""
    if how.trial_end is not None:
        goes_on = before["status"] == "trialing" or mode_of(before) is BillingMode.CLASSIC
        return {
            "billing_cycle_anchor": how.anchor,
            "status": "trialing",
            "trial_start": (before["trial_start"] if goes_on else None) or how.at,
            "trial_end": how.trial_end,
        }
    if before["status"] == "trialing":
        return {"billing_cycle_anchor": how.anchor, "status": "active", "trial_end": how.at}
    return {"billing_cycle_anchor": how.anchor}


def _resets(params: Body) -> bool:
    return params.get("billing_cycle_anchor") in ("now", {"type": "now"})


def _cycle_terms(subscription: "Subscription") -> CycleTerms:
    items = items_of(subscription)
    interval = own_interval(item["price"] for item in items)
    return CycleTerms(interval, is_free(billed_item(item) for item in items))
