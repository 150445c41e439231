"""Where a subscription's running period leads: its next invoice, as usage would make it.

The invoice is the preview, its metered lines rated again with the usage that is expected at the end
of the period. So tiers, bounds, discounts and taxes count as they will on the bill. What is so far
is the preview itself, but for levels: those it takes to last, and so far they have been used up to
now.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

from meterline.core.analytics.forecasts import Pace, carried_on, grows, percentile_carried_on
from meterline.core.base.errors import BillingError
from meterline.core.base.money import ZERO, format_decimal
from meterline.core.catalog.price_models import Usage
from meterline.core.metering.acceptance import measure_of
from meterline.core.metering.aggregation import Measure
from meterline.core.metering.samples import Samples, number_of_samples
from meterline.services.base.context import Context
from meterline.services.base.lookups import find, on_customers_time
from meterline.services.billing.amounts import with_amounts
from meterline.services.billing.invoice_bodies import billed_item_of, billed_period, invoice_lines
from meterline.services.billing.subscription_bodies import renews
from meterline.services.billing.tier_lines import whole_lines
from meterline.services.billing.unit_of_work import open_unit_of_work
from meterline.services.catalog.price_segments import segment_of
from meterline.services.invoices.metered import Billed, price_id, rated_by
from meterline.services.metering.series import Series
from meterline.services.metering.usage_query import aggregate_between, billed_usage
from meterline.services.previews.renewals import at_renewal, renewal_preview
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
    """What usage is expected of metered lines, by their ids."""

    ctx: Context
    customer: str
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
        is_running = period.start <= now < period.end
        if measure.has_levels:
            self.has_levels = True
            so_far = self._used(billed, period.start, now) if is_running else used
            return _Expected(so_far, used, is_running)
        if is_running and measure.has_samples:
            return _Expected(
                used, Usage(self._percentile(billed, measure), used.events), is_running
            )
        left = period.end - now
        if left <= 0 or not grows(measure.formula):
            return _Expected(used, used, is_carried_on=False)
        return _Expected(used, carried_on(used, self._pace(billed, used), left), is_carried_on=True)

    def _pace(self, billed: Billed, used: Usage) -> Pace:
        now, since = self.ctx.now, self._since(billed)
        return Pace(used if self.days is None else self._used(billed, since, now), now - since)

    def _since(self, billed: Billed) -> int:
        """Since when usage goes on as it did."""
        if self.days is None:
            return billed.period.start
        return self.ctx.now - self.days * _DAY_SECONDS

    def _percentile(self, billed: Billed, measure: Measure) -> Decimal:
        """The percentile of the whole period, with the samples that are expected."""
        period, now = billed.period, self.ctx.now
        if now == period.start:
            return ZERO
        so_far = self._samples(billed, measure, period.start, now)
        pace = self._samples(billed, measure, self._since(billed), now)
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
    uow = at_renewal(open_unit_of_work(ctx, customer), subscription)
    invoice = renewal_preview(uow, subscription) if renews(subscription) else None
    if invoice is None:
        raise BillingError(
            f"No upcoming invoices for {subscription_id}",
            code="invoice_upcoming_none",
            status=404,
        )
    expectation = _Expectation(ctx, customer.id, days)
    lines = rated_by(ctx, invoice_lines(invoice), expectation.usage_of)
    expected = with_amounts(uow, invoice, lines)
    so_far = invoice
    if expectation.has_levels:
        used = rated_by(ctx, invoice_lines(invoice), expectation.used_of)
        so_far = with_amounts(uow, invoice, used)
    return {
        "object": OBJECT,
        "currency": invoice["currency"],
        "customer": customer.id,
        "expected": _sums(expected),
        "forecast_at": ctx.now,
        "items": _items(so_far, expected, expectation),
        "livemode": ctx.livemode,
        "method": _method(days),
        "period": {"start": invoice["period_start"], "end": invoice["period_end"]},
        "so_far": _sums(so_far),
        "subscription": subscription_id,
    }


def _method(days: int | None) -> Mapping[str, object]:
    if days is None:
        text = "For the seconds left, usage goes on as it did in the seconds of the period so far."
        return {"type": "elapsed_time", "days": None, "description": text}
    text = f"For the seconds left, usage goes on as it did on average in the last {days} days."
    return {"type": "trailing_days", "days": days, "description": text}


def _sums(invoice: "Invoice") -> Mapping[str, int]:
    return {name: invoice[name] for name in ("amount_due", "subtotal", "total")}


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
