"""The usage behind an invoice's metered lines over their periods, for who wants to see it."""

from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Final

from meterline.core.base.frozen import frozen
from meterline.core.metering.acceptance import measure_of
from meterline.core.metering.aggregation import result
from meterline.core.metering.calendar_windows import Grouping
from meterline.services.base.context import Context
from meterline.services.base.parallel import in_parallel
from meterline.services.billing.invoice_bodies import billed_period, invoice_lines
from meterline.services.billing.private_states import LineState
from meterline.services.billing.tier_lines import whole_lines
from meterline.services.catalog.price_segments import segment_of
from meterline.services.documents.document import Span
from meterline.services.metering.series import Series
from meterline.services.metering.usage_query import usage_by_window
from meterline.services.metering.windows import Windows

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from meterline.core.base.periods import Period
    from meterline.core.base.wire import Invoice, InvoiceLine, Meter, Price

MOST_SHOWN: Final = 6
"""Metered lines whose usage is shown: the first of more."""

_DAY: Final = 86_400
_MOST_DAYS_OF_HOURS: Final = 3
_MOST_DAYS_OF_DAYS: Final = 93


@frozen
class UsageShown:
    """What a metered line's usage was, as counted by now.

    ``windows`` make up the period, in the order of time; each says its range and its value. Those
    at the ends of the period may begin before it and end after it: their values do not.
    ``quantity`` is what the line bills.
    """

    name: str
    unit_label: str
    quantity: Decimal
    period: Span
    grouping: Grouping
    windows: tuple[tuple[Span, Decimal], ...]


def read_usage(ctx: Context, invoice: "Invoice") -> list[UsageShown]:
    """The usage of the first metered lines of an invoice, each of a price and a period.

    Reads prices and meters in one batch, and the counters of lines beside each other. A line whose
    price or meter is gone is left out.
    """
    lines = list(_metered(whole_lines(invoice_lines(invoice))))[:MOST_SHOWN]
    if not lines:
        return []
    known = ctx.store.get_many([id_ for line in lines for id_ in (_price(line), _meter(line))])
    calls = [
        partial(
            _shown,
            line,
            known[_price(line)].body,
            known[_meter(line)].body,
            customer_id=invoice["customer"],
            livemode=invoice["livemode"],
        )
        for line in lines
        if _price(line) in known and _meter(line) in known
    ]
    return in_parallel(calls)


def grouping_of(seconds: int) -> Grouping:
    """The windows that a period is shown by: some dozens of them at most."""
    if seconds <= _MOST_DAYS_OF_HOURS * _DAY:
        return Grouping.HOUR
    return Grouping.DAY if seconds <= _MOST_DAYS_OF_DAYS * _DAY else Grouping.MONTH


def _shown(
    line: "InvoiceLine", price: "Price", meter: "Meter", *, customer_id: str, livemode: bool
) -> UsageShown:
    state, period = LineState.of(line), billed_period(line)
    grouping = grouping_of(period.seconds)
    return UsageShown(
        name=state.product_name or line["description"] or "",
        unit_label=state.unit_label or "",
        quantity=Decimal(line["quantity_decimal"]),
        period=Span(period.start, period.end),
        grouping=grouping,
        windows=tuple(
            _by_window(
                Series(livemode, meter["id"], customer_id, measure_of(meter)),
                price,
                Windows(period.start, period.end, grouping),
            )
        ),
    )


def _by_window(
    series: Series, price: "Price", windows: Windows
) -> "Iterator[tuple[Span, Decimal]]":
    part = series.of(windows.start, windows.end, segment_of(price))
    wholes = usage_by_window(part, windows)
    for start, _ in windows.parts_from(windows.start):
        bounds = windows.around(start)
        whole = wholes.get(bounds)
        value = Decimal(0) if whole is None else result(whole, series.measure.formula)
        yield Span(*bounds), value


def _metered(lines: "Iterable[InvoiceLine]") -> "Iterator[InvoiceLine]":
    """One line for each price and period whose usage is billed."""
    seen: set[tuple[str, Period]] = set()
    for line in lines:
        key = (_price(line), billed_period(line))
        if LineState.of(line).meter and key not in seen and key[1].seconds:
            seen.add(key)
            yield line


def _price(line: "InvoiceLine") -> str:
    details = line["pricing"] and line["pricing"].get("price_details")
    return details["price"] if details else ""


def _meter(line: "InvoiceLine") -> str:
    return LineState.of(line).meter or ""
