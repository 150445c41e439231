"""The metered lines of an open period or a draft, from the usage counted so far."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from meterline.core.base.periods import Period
from meterline.core.base.private_state import with_private_state_of
from meterline.core.billing.cycles import CyclePeriod
from meterline.core.billing.invoicing import Line, metered_line
from meterline.core.catalog.price_models import Usage
from meterline.services.base.context import Context
from meterline.services.base.parallel import in_parallel
from meterline.services.billing.invoice_bodies import billed_period, invoice_lines, line_list
from meterline.services.billing.item_terms import metered_item
from meterline.services.billing.private_states import LineState
from meterline.services.billing.tier_lines import (
    by_whole,
    quantity_before,
    tier_line,
    with_billed_before,
)
from meterline.services.catalog.price_currencies import in_currency
from meterline.services.catalog.price_segments import segment_of
from meterline.services.invoices.descriptions import ProductName
from meterline.services.invoices.lines import figures
from meterline.store.base.documents import Document

if TYPE_CHECKING:
    from meterline.core.base.wire import (
        Invoice,
        InvoiceLine,
        InvoiceLineChanges,
        Meter,
        Price,
        SubscriptionItem,
    )


def usage_in(
    ctx: Context, customer_id: str, periods: "Mapping[str, tuple[SubscriptionItem, Period]]"
) -> dict[str, Usage]:
    """The usage of metered items in a period each, counted so far, by the keys of ``periods``."""
    meters = ctx.store.get_many(str(meter_of(item["price"])) for item, _ in periods.values())
    billed = [
        Billed(item["price"], meters[str(meter_of(item["price"]))].body, period)
        for item, period in periods.values()
    ]
    return dict(zip(periods, _counted(ctx, customer_id, billed), strict=True))


def _counted(ctx: Context, customer_id: str, billed: "Sequence[Billed]") -> list[Usage]:
    """What prices bill of a customer's usage of their meters in a period each, counted so far."""
    if not billed:
        return []
    from meterline.services.metering.usage_query import (  # noqa: PLC0415 - most requests bill no usage
        Asked,
        billed_together,
    )

    asked = [
        Asked(meter, customer_id, period.start, period.end, segment_of(price))
        for price, meter, period in billed
    ]
    return billed_together(asked, livemode=ctx.livemode)


def with_current_usage(ctx: Context, invoice: "Invoice") -> "Invoice":
    """A draft whose metered lines are rated again with all usage counted so far.

    The caller computes its amounts. More or less usage may reach more or fewer tiers, so the lines
    may be others than before.
    """
    lines = with_usage_so_far(ctx, invoice["customer"], invoice_lines(invoice))
    return invoice | {"lines": line_list(invoice["id"], lines)}


class Billed(NamedTuple):
    """What a metered line bills: its price, as it is sold, the price's meter, and the period."""

    price: "Price"
    meter: "Meter"
    period: Period


type UsageOf = Callable[["InvoiceLine", Billed], Usage]
"""Says what usage a metered line bills, the first one of those of a price's tiers."""


def with_usage_so_far(
    ctx: Context, customer_id: str, lines: "list[InvoiceLine]"
) -> "list[InvoiceLine]":
    """Lines of a customer's draft, the metered ones rated again with all usage counted so far."""
    metered = _metered(ctx, lines)
    usage = _counted(ctx, customer_id, [billed for _, billed in metered])
    return _rated_lines(lines, metered, usage)


def rated_by(ctx: Context, lines: "list[InvoiceLine]", usage_of: UsageOf) -> "list[InvoiceLine]":
    """Lines of a draft, the metered ones rated again with other usage."""
    metered = _metered(ctx, lines)
    usage = in_parallel([partial(usage_of, whole[0], billed) for whole, billed in metered])
    return _rated_lines(lines, metered, usage)


type _Whole = "list[InvoiceLine]"
"""The lines of one price and period, one for each of its tiers."""


def _metered(ctx: Context, lines: "list[InvoiceLine]") -> list[tuple[_Whole, Billed]]:
    """The metered lines and what they bill."""
    wholes = [whole for whole in by_whole(lines).values() if _meter_of_line(whole[0])]
    if not wholes:
        return []
    known = ctx.store.get_many(
        [price_id(first) for first, *_ in wholes] + [_meter_of_line(first) for first, *_ in wholes]
    )
    return [(whole, _billed(whole[0], known)) for whole in wholes]


def _rated_lines(
    lines: "list[InvoiceLine]", metered: list[tuple[_Whole, Billed]], usage: list[Usage]
) -> "list[InvoiceLine]":
    rated = {
        whole[0]["id"]: _rated_again(whole, billed, used)
        for (whole, billed), used in zip(metered, usage, strict=True)
    }
    return [line for whole in (by_whole(lines) | rated).values() for line in whole]


def meter_of(price: "Price") -> str | None:
    """The id of the meter that a price bills, if it is metered."""
    return price["recurring"]["meter"] if price["recurring"] else None


def rate_again(
    ctx: Context, customer_id: str, line: "InvoiceLine", known: Mapping[str, Document]
) -> Line:
    """A metered line rated with all usage counted so far; ``known`` holds its price and meter.

    A price's bounds count by the share that the line was drafted with.
    """
    billed = _billed(line, known)
    [usage] = _counted(ctx, customer_id, [billed])
    return _rated(line, billed, usage)


def _rated(line: "InvoiceLine", billed: Billed, usage: Usage) -> Line:
    whole = LineState.of(line).of_period
    full = Period(whole["start"], whole["end"]) if whole else billed.period
    return metered_line(metered_item(billed.price), usage, CyclePeriod(billed.period, full))


def _billed(line: "InvoiceLine", known: Mapping[str, Document]) -> Billed:
    meter = known[_meter_of_line(line)].body
    return Billed(_price_of(line, known), meter, billed_period(line))


def price_id(line: "InvoiceLine") -> str:
    """The id of the price that a line bills."""
    pricing = line["pricing"]
    assert pricing is not None, "a line of usage has a price"  # noqa: S101
    return pricing["price_details"]["price"]


def _price_of(line: "InvoiceLine", known: Mapping[str, Document]) -> "Price":
    return in_currency(known[price_id(line)].body, line["currency"])


def _rated_again(lines: "list[InvoiceLine]", billed: Billed, used: Usage) -> "list[InvoiceLine]":
    """The lines of a whole with other usage; an invoice item is one line for all its tiers."""
    first = lines[0]
    former = {line["id"]: line for line in lines}
    rated, price = _rated(first, billed, used), billed.price
    current = []
    for place, tier in enumerate(rated.by_tier if _is_of_subscription(first) else [rated]):
        line: InvoiceLine = tier_line(first, place)
        current.append(_with_figures(former.get(line["id"], line), tier, price))
    before = [LineState.of(line).billed_before for line in lines]
    if before[0] is None:
        return current
    return with_billed_before(
        current, sum(amount or 0 for amount in before), quantity_before(lines)
    )


def _with_figures(line: "InvoiceLine", rated: Line, price: "Price") -> "InvoiceLine":
    state = LineState.of(line)
    shown = figures(rated, price, ProductName(state.product_name or "", state.unit_label))
    described: InvoiceLineChanges = (
        {} if state.described is None else {"description": line["description"]}
    )
    fresh = LineState.of(shown)
    state = replace(
        state,
        explanation=fresh.explanation,
        meter=fresh.meter,
        of_period=fresh.of_period or state.of_period,
    )
    current: InvoiceLine = {**line, **shown, **described}
    return state.on(with_private_state_of(current, line))


def _meter_of_line(line: "InvoiceLine") -> str:
    """The id of the meter whose usage a line bills; "" if it bills none."""
    return LineState.of(line).meter or ""


def _is_of_subscription(line: "InvoiceLine") -> bool:
    """Whether a line bills an item of a subscription itself, not by an invoice item."""
    details = line["parent"]["subscription_item_details"]
    return details is not None and details["invoice_item"] is None
