"""Where a subscription's running period leads: its next invoice, as usage would make it.

With a schedule these are the invoices of all phases up to the end of the period, added up. An
invoice is the preview, its metered lines rated again with the usage that is expected at the end
of the period. So tiers, bounds, discounts and taxes count as they will on the bill. What is so far
is the preview itself, but for levels: those it takes to last, and so far they have been used up to
now.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Literal, NamedTuple

from meterline.core.analytics.forecasts import Pace, carried_on, grows, percentile_carried_on
from meterline.core.base.errors import BillingError
from meterline.core.base.money import ZERO, format_decimal
from meterline.core.catalog.price_models import NO_USAGE, Usage
from meterline.core.metering.acceptance import measure_of
from meterline.core.metering.aggregation import Measure
from meterline.core.metering.samples import Samples, number_of_samples
from meterline.services.base.context import Context
from meterline.services.base.lookups import find, on_customers_time
from meterline.services.billing.amounts import with_amounts
from meterline.services.billing.invoice_bodies import billed_item_of, billed_period, invoice_lines
from meterline.services.billing.item_terms import current_period
from meterline.services.billing.tier_lines import whole_lines
from meterline.services.billing.unit_of_work import open_unit_of_work
from meterline.services.catalog.price_segments import segment_of
from meterline.services.invoices.metered import Billed, UsageOf, price_id, rated_by
from meterline.services.metering.series import Series
from meterline.services.metering.usage_query import aggregate_between, billed_usage
from meterline.services.previews.after_invoices import after_invoice
from meterline.services.previews.renewals import Coming, invoices_of_period
from meterline.services.subscriptions.reading_ahead import needed_for_subscription

if TYPE_CHECKING:
    from meterline.core.base.wire import Invoice, InvoiceLine

OBJECT = "meterline.analytics.forecast"

_DAY_SECONDS = 86_400

type Answer = Mapping[str, object]


class _Expected(NamedTuple):
    """What was used, what will have been, and whether that is more because time goes on."""

    used: Usage
    usage: Usage
    is_carried_on: bool


@dataclass(slots=True)
class _Expectation:
    """What usage is expected of metered lines, by their ids; ``started_at`` is when the running
    period began.
    """

    ctx: Context
    customer: str
    started_at: int
    days: int | None
    found: dict[str, _Expected] = field(default_factory=dict)
    has_levels: bool = False

    def usage_of(self, line: "InvoiceLine", billed: Billed) -> Usage:
        """The usage of a line's whole period."""
        expected = self._expected(billed, measure_of(billed.meter))
        self.found[line["id"]] = expected
        return expected.usage

    def used_of(self, line: "InvoiceLine", _billed: Billed) -> Usage:
        """The usage of a line so far."""
        return self.found[line["id"]].used

    def _expected(self, billed: Billed, measure: Measure) -> _Expected:
        period, now = billed.period, self.ctx.now
        used = self._used(billed, period.start, period.end)
        left = period.end - max(now, period.start)
        if measure.has_levels:
            self.has_levels = True
            return _Expected(self._level_so_far(billed), used, left > 0)
        if left > 0 and measure.has_samples:
            return _Expected(used, Usage(self._percentile(billed, measure), used.events), left > 0)
        if left <= 0 or not grows(measure.formula):
            return _Expected(used, used, is_carried_on=False)
        return _Expected(used, carried_on(used, self._pace(billed, used), left), is_carried_on=True)

    def _level_so_far(self, billed: Billed) -> Usage:
        start, now = billed.period.start, self.ctx.now
        return self._used(billed, start, min(billed.period.end, now)) if start < now else NO_USAGE

    def _pace(self, billed: Billed, used: Usage) -> Pace:
        now, since = self.ctx.now, self._since(billed)
        counted = used if since == billed.period.start else self._used(billed, since, now)
        return Pace(counted, now - since)

    def _since(self, billed: Billed) -> int:
        """Since when usage goes on as it did: for what a phase is still to sell, since the running
        period began.
        """
        if self.days is not None:
            return self.ctx.now - self.days * _DAY_SECONDS
        start = billed.period.start
        return start if start < self.ctx.now else self.started_at

    def _percentile(self, billed: Billed, measure: Measure) -> Decimal:
        """The percentile of the whole period, with the samples that are expected."""
        period, now, since = billed.period, self.ctx.now, self._since(billed)
        if now <= since:
            return ZERO
        so_far = Samples({})
        if period.start < now:
            so_far = self._samples(billed, measure, period.start, now)
        pace = self._samples(billed, measure, since, now)
        left = number_of_samples(period.start, period.end) - so_far.number
        return percentile_carried_on(so_far, pace, left, measure.percentage or ZERO)

    def _samples(self, billed: Billed, measure: Measure, start: int, end: int) -> Samples:
        series = Series(self.ctx.livemode, billed.meter["id"], self.customer, measure)
        meant = series.of(start, end, segment_of(billed.price))
        found = aggregate_between(meant, start, end).samples or Samples({})
        return found.told(start, end, measure.percentage or ZERO)

    def _used(self, billed: Billed, start: int, end: int) -> Usage:
        return billed_usage(
            billed.meter,
            self.customer,
            start,
            end,
            segment_of(billed.price),
            livemode=self.ctx.livemode,
        )


def forecast(ctx: Context, subscription_id: str, days: int | None) -> Answer:
    """What the running period of a subscription comes to if usage goes on as in the last ``days``,
    or as in the period so far.

    Raises BillingError for a subscription that has no next invoice.
    """
    subscription = find(ctx, "subscription", subscription_id, param="subscription").body
    ctx = ctx.reading_ahead(needed_for_subscription(subscription))
    customer = find(ctx, "customer", subscription["customer"], param="subscription")
    ctx = on_customers_time(ctx, customer)
    uow = open_unit_of_work(ctx, customer)
    coming = list(invoices_of_period(uow, subscription))
    if not coming:
        raise BillingError(
            f"No upcoming invoices for {subscription_id}",
            code="invoice_upcoming_none",
            status=404,
        )
    expectation = _Expectation(ctx, customer.id, current_period(subscription).start, days)
    expected = _billed(coming, expectation.usage_of)
    so_far = [one.invoice for one in coming]
    if expectation.has_levels or len(coming) > 1:
        so_far = _billed(coming, expectation.used_of)
    return {
        "object": OBJECT,
        "currency": subscription["currency"],
        "customer": customer.id,
        "expected": _sums(expected),
        "forecast_at": ctx.now,
        "items": [
            row
            for now, later in zip(so_far, expected, strict=True)
            for row in _items(now, later, expectation)
        ],
        "livemode": ctx.livemode,
        "method": _method(days),
        "period": {
            "start": min(invoice["period_start"] for invoice in expected),
            "end": max(invoice["period_end"] for invoice in expected),
        },
        "so_far": _sums(so_far),
        "subscription": subscription_id,
    }


def _billed(coming: Sequence[Coming], usage_of: UsageOf) -> "list[Invoice]":
    """Invoices to come, their metered lines rated again with other usage; each of them has what
    those before leave of the customer's credits and balance.
    """
    invoices: list[Invoice] = []
    customer = coming[0].uow.customer
    for one in coming:
        lines = rated_by(one.uow.ctx, invoice_lines(one.invoice), usage_of)
        invoices.append(with_amounts(replace(one.uow, customer=customer), one.invoice, lines))
        customer = after_invoice(customer, invoices[-1])
    return invoices


def _method(days: int | None) -> Mapping[str, object]:
    if days is None:
        text = "For the seconds left, usage goes on as it did in the seconds of the period so far."
        return {"type": "elapsed_time", "days": None, "description": text}
    text = f"For the seconds left, usage goes on as it did on average in the last {days} days."
    return {"type": "trailing_days", "days": days, "description": text}


def _sums(invoices: "Sequence[Invoice]") -> Mapping[str, int]:
    names: tuple[Literal["amount_due", "subtotal", "total"], ...]
    names = ("amount_due", "subtotal", "total")
    return {name: sum(invoice[name] for invoice in invoices) for name in names}


def _items(
    so_far: "Invoice", expected: "Invoice", expectation: _Expectation
) -> Sequence[Mapping[str, object]]:
    """The metered lines, those of one price's tiers as one."""
    later = {line["id"]: line for line in whole_lines(invoice_lines(expected))}
    return [
        _item(line, later[line["id"]], expectation.found[line["id"]])
        for line in whole_lines(invoice_lines(so_far))
        if line["id"] in expectation.found
    ]


def _item(line: "InvoiceLine", later: "InvoiceLine", expected: _Expected) -> Mapping[str, object]:
    period = billed_period(line)
    return {
        "amount": line["amount"],
        "expected_amount": later["amount"],
        "expected_quantity": format_decimal(expected.usage.billable.quantity),
        "is_carried_on": expected.is_carried_on,
        "period": {"start": period.start, "end": period.end},
        "price": price_id(line),
        "quantity": format_decimal(expected.used.billable.quantity),
        "subscription_item": billed_item_of(line),
    }
