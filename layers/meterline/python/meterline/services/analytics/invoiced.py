"""What was invoiced by month: final invoices by the month in which they were made, and currency.

The invoices of a month are read and added up, so many at a request; their sums are kept for an hour
(``tallies``). Drafts are no revenue yet, and void invoices none any more.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, tzinfo
from itertools import batched
from typing import Any

from meterline.core.base.errors import BillingError
from meterline.core.metering.calendar_windows import Grouping, window_around
from meterline.core.metering.calendar_windows import Span as Seconds
from meterline.services.analytics.tallies import Counting, Tally, tally
from meterline.services.base.context import Context
from meterline.store.base.keys import Cursor
from meterline.store.billing.repository import Span

OBJECT = "meterline.analytics.invoiced"

MOST_MONTHS = 24
"""So many months are told at once."""

MOST_INVOICES = 2_000
"""So many invoices are read at a request, those of the latest months first."""

_AT_ONCE = 100
_YEARS = range(1970, 3_000)
_MONTHS = range(1, 13)
_INVOICED = frozenset({"open", "paid", "uncollectible"})
_AMOUNTS = ("total", "amount_paid", "amount_remaining")

type Sums = dict[str, dict[str, int]]
"""Of each currency: how many invoices, and their amounts in minor units."""


def invoiced(ctx: Context, month: str, months: int, zone: tzinfo) -> Mapping[str, Any]:
    """So many months up to one (``2026-10``), the latest first, with what was invoiced in each.

    A month of which not all invoices were read yet says so, and shows those that were.
    """
    told: list[Mapping[str, Any]] = []
    left = MOST_INVOICES
    for bounds in _months(month, months, zone):
        found, read = _tally(ctx, bounds, left)
        left -= read
        told.append(_month(bounds, found))
    return {
        "object": OBJECT,
        "is_complete": all(one["is_complete"] for one in told),
        "livemode": ctx.livemode,
        "months": told,
    }


def _months(month: str, months: int, zone: tzinfo) -> Iterator[Seconds]:
    """The months up to one, the latest first, back to 1970."""
    year, number = (int(part) for part in month.split("-"))
    if year not in _YEARS or number not in _MONTHS:
        message = f"There is no month {month}: use the form 2026-10."
        raise BillingError(message, param="month")
    instant = int(datetime(year, number, 15, tzinfo=zone).timestamp())
    for _ in range(months):
        if datetime.fromtimestamp(instant, zone).year not in _YEARS:
            return
        bounds = window_around(instant, Grouping.MONTH, zone)
        yield bounds
        instant = bounds[0] - 1


def _tally(ctx: Context, bounds: Seconds, most: int) -> tuple[Tally, int]:
    """The sums of a month after up to ``most`` further invoices, and how many these were."""
    read = 0

    def add(before: Sums, places: Sequence[Cursor]) -> tuple[Sums, int]:
        nonlocal read
        read = len(places)
        return _added(ctx, before, places), read

    span = Span(created_from=bounds[0], created_until=bounds[1] - 1)
    counting = Counting("invoice", span, most, {}, add)
    return tally(ctx, ("invoiced", *bounds), counting), read


def _added(ctx: Context, before: Sums, places: Sequence[Cursor]) -> Sums:
    sums = {currency: {**amounts} for currency, amounts in before.items()}
    for some in batched(places, _AT_ONCE, strict=False):
        for document in ctx.store.get_many(place.id for place in some).values():
            invoice = document.body
            if invoice["status"] in _INVOICED:
                own = sums.setdefault(
                    invoice["currency"], dict.fromkeys(("invoices", *_AMOUNTS), 0)
                )
                own["invoices"] += 1
                for name in _AMOUNTS:
                    own[name] += invoice[name]
    return sums


def _month(bounds: Seconds, found: Tally) -> Mapping[str, Any]:
    return {
        "ends_at": bounds[1],
        "is_complete": found.is_complete,
        "refreshed_at": found.refreshed_at,
        "starts_at": bounds[0],
        "sums": [{"currency": currency, **sums} for currency, sums in sorted(found.value.items())],
    }
