"""Amounts over time: what a customer's billed usage comes to, window by window and price by price.

Everything is rated from the usage counted by now, as invoices and previews rate it, before
discounts, credits and taxes: so the windows of a period add up to its line. ``core.analytics`` says
what a window has of it.
"""

from bisect import bisect_right
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

from meterline.core.analytics.window_amounts import amounts_of_windows, divided
from meterline.core.base.errors import BillingError
from meterline.core.base.frozen import frozen
from meterline.core.base.money import format_decimal
from meterline.core.base.periods import Period
from meterline.core.catalog.price_models import Usage
from meterline.core.metering.acceptance import measure_of
from meterline.core.metering.aggregation import (
    NOTHING,
    Aggregate,
    Combination,
    Formula,
    Measure,
    result,
    told,
)
from meterline.core.metering.calendar_windows import Grouping, Span
from meterline.core.metering.running import Running
from meterline.services.analytics.usage_periods import UsagePeriod, usage_periods
from meterline.services.base.context import Context
from meterline.services.base.ids import place_in, placed_id
from meterline.services.base.parallel import in_parallel
from meterline.services.billing.item_terms import metered_item
from meterline.services.catalog.price_segments import segment_of
from meterline.services.metering.allowance import Allowance
from meterline.services.metering.analytics import check
from meterline.services.metering.series import Breakdown, Series
from meterline.services.metering.usage_query import usage_by_window
from meterline.services.metering.windows import Windows

if TYPE_CHECKING:
    from meterline.core.base.wire import Customer, Meter
    from meterline.store.base.documents import Document

OBJECT = "meterline.analytics.amount"

MOST_ROWS = 10_000
"""So many rows are made at once, whatever the page holds."""

_ADDED_UP = frozenset({Formula.SUM, Formula.COUNT})
"""The formulas of which a quantity is what its parts add up to."""

_SHORT = frozenset({Grouping.MINUTE, Grouping.HOUR})
"""No window of these holds a day."""

type Row = Mapping[str, object]
type Place = tuple[int, str]
"""Where a row stands in its list: in the order of time, then of ids."""

type _Values = tuple[tuple[str, str], ...]
"""The values of dimensions."""

type _Pieces = Mapping[_Values, Mapping[Span, Aggregate]]
"""The usage of a series, piece by piece, by the values of dimensions."""


@frozen
class AmountsAsked:
    """What amounts are asked for: windows (of billing periods, if so), and of which usage.

    Without ``prices`` it is usage at all prices, without a ``subscription`` that of all.
    """

    windows: Windows
    by_period: bool = False
    prices: Collection[str] | None = None
    subscription: str | None = None
    dimensions: tuple[str, ...] = ()

    def window(self, instant: int, period: UsagePeriod) -> Span:
        """The window that an instant of a period lies in, as far as it lies in the range; what is
        before the range is one.
        """
        own, (start, end) = period.span.period, (self.windows.start, self.windows.end)
        if instant < start:
            return own.start, start
        bounds = (own.start, own.end) if self.by_period else self.windows.around(instant)
        return max(bounds[0], start), min(bounds[1], end)

    def means(self, period: UsagePeriod) -> bool:
        """Whether a period is among those that are asked for."""
        return (self.prices is None or period.price["id"] in self.prices) and (
            self.subscription is None or period.subscription == self.subscription
        )


@dataclass(slots=True)
class _Pieced(Windows):
    """The windows of a range and what is before it, cut where billing periods begin and end.

    What is before it is read as far as it goes: whole days by their totals.
    """

    since: int = 0
    cuts: Sequence[int] = ()

    def around(self, instant: int) -> Span:
        """The piece that an instant lies in."""
        place = bisect_right(self.cuts, instant)
        low = self.cuts[place - 1] if place else self.start
        high = self.cuts[place] if place < len(self.cuts) else self.end
        if instant < self.since:
            return low, min(high, self.since)
        # Named, as a dataclass with slots is another class than the one that super() would know.
        start, end = Windows.around(self, instant)
        return max(start, low, self.since), min(end, high)

    @property
    def may_have_days(self) -> bool:
        """Whether a piece can hold a whole day of UTC."""
        return self.start < self.since or self.grouping not in _SHORT


class _RowKey(NamedTuple):
    bounds: Span
    price: str
    subscription: str | None
    values: _Values


@dataclass(slots=True)
class _Sums:
    """What a row comes to so far."""

    period: UsagePeriod
    measure: Measure
    usage: Combination
    amount: int = 0


@frozen
class _Metered:
    """The periods in which one part of a meter's usage is billed, maybe at several prices."""

    series: Series
    breakdown: Breakdown
    periods: list[UsagePeriod] = field(default_factory=list)


def amounts(ctx: Context, customer: "Document[Customer]", asked: AmountsAsked) -> list[Row]:
    """The rows of amounts in their order, none of windows with neither usage nor an amount.

    Raises BillingError for a range that is not aligned to the minute, for dimensions that amounts
    cannot be divided by, and for more than can be told at once.
    """
    check(asked.windows)
    start, end = asked.windows.start, asked.windows.end
    periods = list(filter(asked.means, usage_periods(ctx, customer, start, end)))
    metered = _by_series(ctx, customer.id, periods, asked.dimensions)
    sums: dict[_RowKey, _Sums] = {}
    read = in_parallel([partial(_read, one, asked) for one in metered])
    for one, pieces in zip(metered, read, strict=True):
        for period in one.periods:
            _add_period(sums, one, period, pieces, asked)
    if len(sums) > MOST_ROWS:
        message = f"More than {MOST_ROWS} rows: ask for a shorter range, or for less of it."
        raise BillingError(message, param="ends_at")
    return sorted(_rows(ctx, customer.id, sums), key=place_of)


def place_of(row: Row) -> Place:
    """Where a row stands in its list."""
    return int(str(row["starts_at"])), str(row["id"])


def place_of_id(ctx: Context, row_id: str) -> Place | None:
    """Where a row stands, from its id alone; None for what is no such id."""
    prefix = _prefix(ctx)
    second = place_in(row_id, prefix) if row_id.startswith(prefix) else None
    return None if second is None else (second, row_id)


def _by_series(
    ctx: Context, customer_id: str, periods: Sequence[UsagePeriod], dimensions: tuple[str, ...]
) -> list[_Metered]:
    """The periods by what they bill: usage of one part of a meter is read once for all of them."""
    meters = {id_: one.body for id_, one in ctx.store.get_many({p.meter for p in periods}).items()}
    known = {id_ for id_, meter in meters.items() if _has(meter, dimensions)}
    if dimensions and periods and not known:
        message = f"No meter of these prices has the dimensions {', '.join(dimensions)}."
        raise BillingError(message, param="dimension_group_by_keys")
    found: dict[tuple[str, str], _Metered] = {}
    allowance = Allowance()
    for period in periods:
        meter, segment = meters[period.meter], segment_of(period.price)
        key = meter["id"], repr(segment)
        if key not in found:
            measure = measure_of(meter)
            series = Series(ctx.livemode, meter["id"], customer_id, measure, allowance=allowance)
            keys = dimensions if meter["id"] in known else ()
            _check_divisible(series, keys)
            found[key] = _Metered(series, Breakdown(segment, keys))
        found[key].periods.append(period)
    return list(found.values())


def _has(meter: "Meter", dimensions: Iterable[str]) -> bool:
    return set(dimensions) <= set(meter.get("dimension_payload_keys", ()))


def _check_divisible(series: Series, keys: tuple[str, ...]) -> None:
    """Raise BillingError unless a quantity is what its parts by dimensions add up to."""
    measure = series.measure
    if keys and (measure.formula not in _ADDED_UP or measure.window is not None):
        message = (
            f"What the meter {series.meter} counts does not add up by dimensions, so neither do its"
            " amounts: name prices of others, or ask without dimension_group_by_keys."
        )
        raise BillingError(message, param="dimension_group_by_keys")


def _read(one: _Metered, asked: AmountsAsked) -> _Pieces:
    """All usage of a series that the amounts of the range depend on, read once."""
    windows, spans = asked.windows, [period.span.period for period in one.periods]
    cuts = sorted({instant for span in spans for instant in (span.start, span.end)})
    low, high = cuts[0], min(cuts[-1], windows.end)
    grouping = None if asked.by_period else windows.grouping
    since = max(windows.start, low)
    pieced = _Pieced(low, high, grouping, windows.zone, since=since, cuts=cuts)
    parts = one.series.broken_down(low, max(low, high), one.breakdown)
    calls = [partial(usage_by_window, series, replace(pieced)) for _, series in parts]
    found = in_parallel(calls) if low < high else [{} for _ in parts]
    return {tuple(values.items()): pieces for (values, _), pieces in zip(parts, found, strict=True)}


type _Windowed = dict[Span, dict[_Values, Combination]]
"""The usage of a period in each window, by the values of dimensions."""


def _by_window(
    one: _Metered, period: UsagePeriod, pieces: _Pieces, asked: AmountsAsked
) -> _Windowed:
    """The usage of a period window by window, in order; also of the windows in which it begins and
    ends, whatever was used in them, and of what is before the range as of one.
    """
    span, within = period.span.period, asked.windows
    last = min(max(span.start, span.end - 1), within.end - 1)
    windows: _Windowed = {asked.window(instant, period): {} for instant in (span.start, last)}
    if one.series.measure.has_samples:
        windows |= {bounds: {} for bounds in _windows_between(asked, period, last)}
    for values, spans in pieces.items():
        for bounds, whole in spans.items():
            if span.start <= bounds[0] and bounds[1] <= span.end:
                parts = windows.setdefault(asked.window(bounds[0], period), {})
                parts.setdefault(values, Combination(one.series.combining)).add(whole)
    return dict(sorted(windows.items()))


def _windows_between(asked: AmountsAsked, period: UsagePeriod, last: int) -> Iterator[Span]:
    """All windows up to the one of an instant: of samples also those without usage cost, or less,
    as they take the place of greater ones.
    """
    instant = max(period.span.period.start, asked.windows.start)
    while instant <= last:
        bounds = asked.window(instant, period)
        yield bounds
        instant = max(bounds[1], instant + 1)


def _so_far(measure: Measure, period: Period, windows: _Windowed) -> Iterator[tuple[Span, Usage]]:
    """The usage of a period up to the end of each window."""
    running = Running(measure, period.start)
    for bounds, parts in windows.items():
        for part in parts.values():
            running.add(part.whole())
        yield bounds, Usage(*running.until(min(bounds[1], period.end)))


def _add_period(
    sums: dict[_RowKey, _Sums],
    one: _Metered,
    period: UsagePeriod,
    pieces: _Pieces,
    asked: AmountsAsked,
) -> None:
    """Add what a period has of each window of the range to the rows."""
    windows = _by_window(one, period, pieces, asked)
    item, measure = metered_item(period.price), one.series.measure
    so_far = _so_far(measure, period.span.period, windows)
    for bounds, amount in amounts_of_windows(item, period.span, so_far):
        if bounds[1] > asked.windows.start:
            for values, share, usage in _shares(measure, bounds, amount, windows[bounds]):
                key = _RowKey(bounds, period.price["id"], period.subscription, values)
                usage_of_row = Combination(one.series.combining)
                row = sums.setdefault(key, _Sums(period, measure, usage_of_row))
                row.amount += share
                row.usage.add(usage)


def _shares(
    measure: Measure, bounds: Span, amount: int, parts: Mapping[_Values, Combination]
) -> Iterator[tuple[_Values, int, Aggregate]]:
    """The amount of a window by the values of dimensions, in proportion to what was used with
    them; without any values where nothing was used to divide it by.
    """
    usage = {values: part.whole() for values, part in parts.items()}
    of_window = (told(whole, measure, *bounds) for whole in usage.values())
    shares = divided(amount, [result(part, measure.formula) for part in of_window])
    if shares is None:
        yield (), amount, NOTHING
        shares = [0] * len(usage)
    for (values, whole), share in zip(usage.items(), shares, strict=True):
        yield values, share, whole


def _rows(ctx: Context, customer_id: str, sums: Mapping[_RowKey, _Sums]) -> Iterator[Row]:
    for key, row in sums.items():
        usage, price = told(row.usage.whole(), row.measure, *key.bounds), row.period.price
        if not row.amount and not usage.count:
            continue
        subscription = key.subscription or ""
        yield {
            "id": placed_id(
                _prefix(ctx),
                key.bounds[0],
                *(customer_id, key.bounds[1], key.price, subscription),
                *chain.from_iterable(key.values),
            ),
            "object": OBJECT,
            "amount": row.amount,
            "currency": price["currency"],
            "customer": customer_id,
            "dimensions": dict(key.values) or None,
            "ends_at": key.bounds[1],
            "livemode": ctx.livemode,
            "meter": row.period.meter,
            "price": key.price,
            "quantity": format_decimal(result(usage, row.measure.formula)),
            "starts_at": key.bounds[0],
            "subscription": key.subscription,
        }


def _prefix(ctx: Context) -> str:
    return "mtramt_" if ctx.livemode else "mtramt_test_"
