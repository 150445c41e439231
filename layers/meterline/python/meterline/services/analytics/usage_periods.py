"""The periods in which a customer's usage was billed, is being billed or will be, with its prices.

What is over stands on invoices, what a change has cut off on pending invoice items, and what runs
with the subscriptions' items. Invoices that were voided bill nothing.
"""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from meterline.core.base.errors import BillingError
from meterline.core.base.frozen import frozen
from meterline.core.base.periods import Period
from meterline.core.billing.cycles import CyclePeriod
from meterline.services.base.context import Context
from meterline.services.billing.invoice_bodies import billed_period, invoice_lines
from meterline.services.billing.item_origins import subscription_of_item
from meterline.services.billing.item_terms import unbilled_usage, usage_span
from meterline.services.billing.pending_items import pending_items
from meterline.services.billing.private_states import InvoiceItemState, LineState
from meterline.services.billing.subscription_bodies import is_ended, items_of
from meterline.services.billing.tier_lines import whole_lines
from meterline.services.billing.unit_of_work import running_subscriptions
from meterline.services.catalog.price_currencies import in_currency
from meterline.services.invoices.metered import price_id
from meterline.store.billing.repository import Span

if TYPE_CHECKING:
    from meterline.core.base.wire import Customer, Invoice, InvoiceItem, InvoiceLine, Price
    from meterline.store.base.documents import Document

MOST_INVOICES = 1_000
"""So many invoices of a customer are looked through at once."""


@frozen
class UsagePeriod:
    """A period whose usage is billed at a price, as it is sold: the period may be a part of one.

    ``subscription`` is None where nothing tells any more which one it was.
    """

    subscription: str | None
    price: "Price"
    span: CyclePeriod

    @property
    def meter(self) -> str:
        """The id of the meter whose usage is billed."""
        recurring = self.price["recurring"]
        assert recurring is not None  # noqa: S101 - of metered prices alone
        return str(recurring["meter"])


class _Billed(NamedTuple):
    """The same before its price was read."""

    subscription: str | None
    price: str
    currency: str
    span: CyclePeriod


def usage_periods(
    ctx: Context, customer: "Document[Customer]", start: int, end: int
) -> list[UsagePeriod]:
    """The periods that have a part from ``start`` to ``end`` (UTC seconds), in the order of time.

    A threshold bills a part of a period, the renewal all of it: it is one period. Raises
    BillingError where more invoices than one answer can look through were made since ``start``.
    """
    billed = [*_on_invoices(ctx, customer.id, start), *_on_pending_items(ctx, customer)]
    prices = ctx.store.get_many(one.price for one in billed)
    found = [
        UsagePeriod(one.subscription, in_currency(prices[one.price].body, one.currency), one.span)
        for one in billed
    ]
    longest: dict[tuple[object, ...], UsagePeriod] = {}
    for one in [*found, *_running(ctx, customer)]:
        period = one.span.period
        key = one.subscription, one.price["id"], period.start
        if key not in longest or period.end > longest[key].span.period.end:
            longest[key] = one
    within = [one for one in longest.values() if overlaps(one.span.period, start, end)]
    return sorted(within, key=lambda one: (one.span.period.start, one.price["id"]))


def overlaps(period: Period, start: int, end: int) -> bool:
    """Whether a period has a part from ``start`` to ``end``; one of no length is at its second."""
    return period.start < end and max(period.end, period.start + 1) > start


def _on_invoices(ctx: Context, customer_id: str, since: int) -> Iterator[_Billed]:
    """An invoice is made at the end of what it bills, or later."""
    span = Span(created_from=since, oldest_first=True)
    for number, document in enumerate(ctx.store.each("invoice", span, parent=customer_id)):
        if number == MOST_INVOICES:
            message = f"The customer has more than {MOST_INVOICES} invoices since starts_at."
            raise BillingError(f"{message} Ask for a later time.", param="starts_at")
        if document.body["status"] != "void":
            yield from _on_lines(whole_lines(_lines(ctx, document)))


def _lines(ctx: Context, document: "Document[Invoice]") -> "list[InvoiceLine]":
    """All lines of an invoice from a list, which shows the first ones of a long invoice only."""
    whole = ctx.store.get(document.id) if document.parts else document
    return [] if whole is None else invoice_lines(whole.body)


def _on_lines(lines: "Iterable[InvoiceLine]") -> Iterator[_Billed]:
    for line in lines:
        state = LineState.of(line)
        if state.meter is not None:
            span = _span(billed_period(line), state)
            yield _Billed(line["subscription"], price_id(line), line["currency"], span)


def _span(period: Period, state: LineState) -> CyclePeriod:
    whole = state.of_period
    return CyclePeriod(period, Period(whole["start"], whole["end"]) if whole else period)


def _on_pending_items(ctx: Context, customer: "Document[Customer]") -> Iterator[_Billed]:
    """What a change of price or the end of an item has left to be billed with the next invoice."""
    found: dict[str, Document[InvoiceItem]] = ctx.store.get_many(pending_items(ctx, customer).ids())
    for item in (document.body for document in found.values()):
        state, pricing = InvoiceItemState.of(item), item["pricing"]
        if state.meter is not None and pricing is not None:
            shown = state.billed_period or item["period"]
            span = _span(Period(shown["start"], shown["end"]), state)
            price = pricing["price_details"]["price"]
            yield _Billed(subscription_of_item(item), price, item["currency"], span)


def _running(ctx: Context, customer: "Document[Customer]") -> Iterator[UsagePeriod]:
    found = ctx.store.get_many(running_subscriptions(customer.body))
    for subscription in (document.body for document in found.values()):
        for item in () if is_ended(subscription) else items_of(subscription):
            used = unbilled_usage(subscription, item)
            if used is not None:
                span = usage_span(item, subscription["billing_cycle_anchor"], used)
                yield UsagePeriod(subscription["id"], item["price"], span)
