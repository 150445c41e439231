"""What a period that is over has come to: for alerts on spend, where its usage comes late.

A period is over once an invoice bills it: the renewal's, whichever invoices follow. What a
threshold has billed of it before counts, and an invoice that was voided bills nothing.
"""

from collections.abc import Collection, Iterable, Iterator
from itertools import groupby
from typing import TYPE_CHECKING

from meterline.core.base.periods import Period
from meterline.services.account.settings import bills_late_usage
from meterline.services.billing.draft_credits import taken_from
from meterline.services.billing.invoice_bodies import (
    billed_item_of,
    billed_period,
    invoice_lines,
    subscription_of,
)
from meterline.services.billing.item_terms import current_period
from meterline.services.billing.private_states import LineState
from meterline.services.billing.unit_of_work import UnitOfWork
from meterline.services.credits.balances import balance_of, new_balance, with_balance
from meterline.services.invoices.metered import with_usage_so_far
from meterline.store.billing.repository import Span
from meterline.store.metering.usage import HOUR_SECONDS

if TYPE_CHECKING:
    from meterline.core.base.wire import CreditGrant, Invoice, InvoiceLine, Subscription
    from meterline.store.base.documents import Document

MOST_INVOICES = 500
"""Invoices that are looked through, the oldest since the late usage first."""


type BilledUsage = tuple[Invoice, list[InvoiceLine]]
"""An invoice, and the lines that bill the usage of a period, as it is counted by now."""


def usage_of_past_periods(
    uow: UnitOfWork, subscription: "Subscription", hours: Collection[int]
) -> Iterator[tuple[list["Invoice"], BilledUsage]]:
    """The periods that are over and that one of these hours is of (each by its first second, UTC):
    all invoices that bill a period's usage, and the latest, which bills all of it.
    """
    before = [hour for hour in hours if hour < current_period(subscription).start]
    if not before:
        return
    ended = current_period(subscription).start
    found = _invoices(uow, subscription, min(before))
    for _, some in groupby(found, lambda invoice: invoice["period_start"]):
        invoices = list(some)
        billing = [
            invoice
            for invoice in invoices
            if any(_is_late(line, before, ended) for line in invoice_lines(invoice))
        ]
        if not billing:
            continue
        latest = billing[-1]
        lines = invoice_lines(latest)
        if latest["status"] == "draft" or bills_late_usage(uow.ctx):
            lines = with_usage_so_far(uow.ctx, uow.stored_customer.id, lines)
        yield invoices, (latest, [line for line in lines if _is_usage_until(line, ended)])


def invoices_of_period(
    uow: UnitOfWork, subscription: "Subscription", period: Period
) -> list["Invoice"]:
    """The invoices of a subscription that bill usage of its running period: a threshold's."""
    return [
        invoice
        for invoice in _invoices(uow, subscription, period.start)
        if invoice["period_start"] == period.start
    ]


def with_credits_back(uow: UnitOfWork, invoices: Iterable["Invoice"]) -> None:
    """Let a unit of work that is never saved decide as if these invoices had taken no credits.

    What final invoices of a period took is in no balance any more, and off the period's amount.
    """
    final = (invoice for invoice in invoices if invoice["status"] != "draft")
    usage = (line for invoice in final for line in invoice_lines(invoice) if _bills_usage(line))
    taken = taken_from(usage)
    grants: dict[str, Document[CreditGrant]] = uow.ctx.store.get_many(taken)
    for grant_id, amount in taken.items():
        grant = grants[grant_id].body
        balance = balance_of(uow.customer, grant_id) or new_balance(grant, 0, is_used=True)
        uow.customer = with_balance(uow.customer, balance | {"left": balance["left"] + amount})


def _invoices(uow: UnitOfWork, subscription: "Subscription", since: int) -> list["Invoice"]:
    """The invoices of a subscription since an instant that were not voided, oldest first.

    A list is a little late, so the latest one is read by its id.
    """
    span = Span(created_from=since, oldest_first=True)
    listed = uow.ctx.store.each("invoice", span, parent=uow.stored_customer.id)
    found = {
        document.id: document for _, document in zip(range(MOST_INVOICES), listed, strict=False)
    }
    latest: Document[Invoice] | None = uow.ctx.store.get(subscription["latest_invoice"] or "")
    if latest is not None and latest.created >= since:
        found[latest.id] = latest
    own = [one for one in found.values() if subscription_of(one.body) == subscription["id"]]
    whole = (uow.ctx.store.get(one.id) if one.parts else one for one in own)
    bodies = [one.body for one in whole if one is not None and one.body["status"] != "void"]
    return sorted(bodies, key=lambda invoice: (invoice["period_start"], invoice["created"]))


def _is_late(line: "InvoiceLine", hours: Collection[int], ended: int) -> bool:
    """Whether a line bills usage of one of these hours, of a period that has ended by then."""
    period = billed_period(line)
    return _is_usage_until(line, ended) and any(
        period.start < hour + HOUR_SECONDS and hour < period.end for hour in hours
    )


def _is_usage_until(line: "InvoiceLine", end: int) -> bool:
    """Whether a line bills all usage of an item in a period, which has ended by then."""
    is_of_item = LineState.of(line).meter is not None and billed_item_of(line) is not None
    return is_of_item and billed_period(line).end <= end


def _bills_usage(line: "InvoiceLine") -> bool:
    """Whether a line bills usage of an item: a threshold's does, up to when it was reached."""
    return LineState.of(line).usage_meter is not None and billed_item_of(line) is not None
