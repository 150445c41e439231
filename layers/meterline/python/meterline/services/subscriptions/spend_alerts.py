"""Alerts on spend: what the usage of a subscription's running period has come to.

The amount is what an invoice of all usage of the period would bill now: after discounts and what
else is taken off before taxes. It is drafted as any invoice is, so it follows whatever rule an
invoice follows. What billing thresholds have billed of the period counts too; fees that are billed
in advance, one-off items and a minimum that only the end of the period makes up do not.

Usage that is counted after its period was renewed is of the period that an invoice bills; also once
that invoice is final, if the account bills late usage: with the next invoice then (``past_spend``).
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

from meterline.core.base.frozen import frozen
from meterline.services.base.context import Context
from meterline.services.base.ids import derived_object_id
from meterline.services.base.limits import members, members_and_state
from meterline.services.billing.amounts import with_amounts
from meterline.services.billing.invoice_bodies import InvoiceTerms
from meterline.services.billing.item_terms import current_period, is_free_time
from meterline.services.billing.pending_items import Selection
from meterline.services.billing.private_states import LineState, SubscriptionItemState
from meterline.services.billing.subscription_bodies import is_ended
from meterline.services.billing.tier_lines import without_billed_before
from meterline.services.billing.unit_of_work import (
    UnitOfWork,
    open_unit_of_work,
    running_subscriptions,
)
from meterline.services.invoices.drafting import draft_on
from meterline.services.metering.alert_types import SPEND, spend_set, terms_of
from meterline.services.metering.crossings import (
    BillingPeriod,
    Finding,
    Watched,
    read_told,
    tell,
    threshold_of,
)
from meterline.services.metering.usage_stream import UsageChange
from meterline.services.subscriptions.past_spend import (
    invoices_of_period,
    usage_of_past_periods,
    with_credits_back,
)
from meterline.services.subscriptions.threshold_rooms import Rooms, earliest_end
from meterline.services.subscriptions.threshold_terms import amount_due
from meterline.services.subscriptions.usage_so_far import (
    ItemUsage,
    interim_lines,
    usage_of_periods,
)

if TYPE_CHECKING:
    from meterline.core.base.wire import (
        Alert,
        Customer,
        Invoice,
        InvoiceLine,
        Subscription,
    )
    from meterline.store.base.documents import Document

NO_ALERTS_STATE = "0"
"""The state of the alerts for everybody where there never was one."""


@frozen
class SpendAlerts:
    """The active alerts on what a customer spends; ``state`` is that of those for everybody."""

    active: "Sequence[Alert]"
    state: str = NO_ALERTS_STATE


def spend_alerts(ctx: Context, customer_id: str) -> SpendAlerts:
    """The alerts on what a customer spends, read as last written."""
    of_all = members_and_state(ctx, spend_set(None))
    own = members(ctx, spend_set(customer_id))
    found: dict[str, Document[Alert]] = ctx.store.get_many([*own, *of_all.ids])
    alerts = (document.body for document in found.values())
    return SpendAlerts([alert for alert in alerts if alert["status"] == "active"], of_all.state)


def everybodys_state(ctx: Context) -> str:
    """What tells whether the alerts for everybody are still those that were read."""
    return members_and_state(ctx, spend_set(None)).state


def tell_spend(
    ctx: Context,
    customer: "Document[Customer]",
    alerts: "Sequence[Alert]",
    changes: Sequence[UsageChange],
    rooms: Rooms,
) -> None:
    """Tell of the alerts that a customer's spend has crossed or is below again, ``changes`` being
    what was counted; ``rooms`` are lowered to what is left to those that are ahead.
    """
    looked = _Looked(alerts, changes, rooms)
    for subscription_id in running_subscriptions(customer.body) if alerts else ():
        latest: Document[Customer] | None = customer
        while latest is not None and not _tell_of(ctx, latest, subscription_id, looked):
            latest = ctx.store.get(customer.id)


@frozen
class _Looked:
    """What a look is about."""

    alerts: "Sequence[Alert]"
    changes: Sequence[UsageChange]
    rooms: Rooms

    @property
    def accepted_at(self) -> int | None:
        """When the latest of what was counted was accepted."""
        return max((change.accepted_at or 0 for change in self.changes), default=0) or None


def _tell_of(
    ctx: Context, customer: "Document[Customer]", subscription_id: str, looked: _Looked
) -> bool:
    """Tell of one subscription, as it is while the customer is; false if the customer has changed
    before the amount was known: it may be of usage that came after the end of the period.
    """
    spend = _spend_of(ctx, customer, subscription_id)
    if spend is None:
        return True
    concerning = [one for one in looked.alerts if SPEND.concerns(terms_of(one), spend.subscription)]
    if not concerning:
        return True
    for past in _past_amounts(spend, looked.changes):
        _settle(ctx, customer.id, concerning, past, looked.accepted_at)
    return is_free_time(spend.subscription) or _watch_running(spend, concerning, looked)


@frozen
class _Spend:
    """A subscription whose spend is computed, and the unit of work that is never saved."""

    uow: UnitOfWork
    subscription: "Subscription"


@frozen
class _Amount:
    """What a period has come to, minor units."""

    period: BillingPeriod
    amount_minor: int


def _spend_of(ctx: Context, customer: "Document[Customer]", subscription_id: str) -> _Spend | None:
    """A subscription, read after its customer."""
    found: Document[Subscription] | None = ctx.store.get(subscription_id)
    if found is None or is_ended(found.body) or customer.body.get("deleted"):
        return None
    return _Spend(open_unit_of_work(ctx, customer), found.body)


def _watch_running(spend: _Spend, alerts: "Sequence[Alert]", looked: _Looked) -> bool:
    """Tell of the running period, and note how much its meters may grow; false if the customer has
    changed meanwhile.
    """
    uow, subscription, rooms = spend.uow, spend.subscription, looked.rooms
    used = usage_of_periods(uow.ctx, subscription)
    if any(_has_been_billed(one) for one in used):
        with_credits_back(uow, invoices_of_period(uow, subscription, current_period(subscription)))
    usage = [_unbilled(one) for one in used]
    draft = _draft(uow, subscription, usage)
    customer = uow.stored_customer
    now: Document[Customer] | None = uow.ctx.store.get(customer.id)
    if now is None or now.version != customer.version:
        return False
    period = current_period(subscription)
    amount = _Amount(BillingPeriod(period.start, period.end, subscription["id"]), amount_due(draft))
    left, may_recover = _settle(uow.ctx, customer.id, alerts, amount, looked.accepted_at)
    rooms.may_recover = rooms.may_recover or may_recover
    rooms.add_spend(subscription, draft, usage, left)
    rooms.until = min(rooms.until, earliest_end(uow, subscription))
    return True


def _settle(
    ctx: Context,
    customer_id: str,
    alerts: "Sequence[Alert]",
    amount: _Amount,
    accepted_at: int | None,
) -> tuple[int | None, bool]:
    """Tell what an amount has crossed, or is below again. What is left to the next alert, None
    without any, and whether one that was told may be below again.
    """
    value = Decimal(amount.amount_minor)
    findings = [
        Finding(Watched(alert, customer_id, amount.period), value, accepted_at) for alert in alerts
    ]
    told = read_told(ctx, [finding.watched for finding in findings])
    ahead = [
        int(threshold_of(finding.watched)) - amount.amount_minor
        for finding in findings
        if not told.has(finding.watched) and not finding.is_crossed
    ]
    for finding in findings:
        if finding.is_crossed and not told.has(finding.watched):
            tell(ctx, finding, "triggered")
        elif not finding.is_crossed and told.may_recover(finding.watched):
            tell(ctx, finding, "recovered")
    may_recover = any(
        finding.is_crossed and not told.has(finding.watched, "recovered") for finding in findings
    )
    return min(ahead, default=None), may_recover


def _has_been_billed(used: ItemUsage) -> bool:
    """Whether a threshold has billed some of the period of an item."""
    return SubscriptionItemState.of(used.item).usage_billed is not None


def _unbilled(used: ItemUsage) -> ItemUsage:
    """The usage of an item as if no threshold had billed any of its period: all of it counts."""
    state = replace(SubscriptionItemState.of(used.item), usage_billed=None)
    return replace(used, item=state.on(used.item))


def _draft(uow: UnitOfWork, subscription: "Subscription", usage: Sequence[ItemUsage]) -> "Invoice":
    """The invoice of all usage of the running period, and of nothing else."""
    terms = InvoiceTerms(
        id=derived_object_id("invoice", subscription["id"], "spend"),
        created=uow.ctx.now,
        billing_reason="subscription_threshold",
        period=current_period(subscription),
        finalizes_at=None,
    )
    nothing_pending = Selection(subscription["currency"], frozenset())
    lines = interim_lines(subscription, usage)
    return draft_on(uow, subscription, terms, lines, nothing_pending)[0]


def _past_amounts(spend: _Spend, changes: Iterable[UsageChange]) -> Iterator[_Amount]:
    """What the periods that are over, and that usage was counted of, have come to."""
    hours = {change.bucket.start for change in changes}
    for invoices, (invoice, used) in usage_of_past_periods(spend.uow, spend.subscription, hours):
        uow = open_unit_of_work(spend.uow.ctx, spend.uow.stored_customer)
        with_credits_back(uow, invoices)
        amount = amount_due(with_amounts(uow, invoice, [_whole(line) for line in used]))
        bounds = invoice["period_start"], invoice["period_end"]
        yield _Amount(BillingPeriod(*bounds, spend.subscription["id"]), amount)


def _whole(line: "InvoiceLine") -> "InvoiceLine":
    """A line as if no threshold had billed anything of it."""
    return without_billed_before(LineState.of(line)).on(line)
