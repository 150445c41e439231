"""The metered lines of an open period or a draft, from the usage counted so far."""

from collections.abc import Mapping
from functools import partial

from meterline.core.cycles import CyclePeriod
from meterline.core.invoicing import Line, metered_line
from meterline.core.periods import Period
from meterline.core.price_models import Usage
from meterline.services.context import Context
from meterline.services.invoices.bodies import invoice_lines, with_lines
from meterline.services.invoices.lines import figures
from meterline.services.price_currencies import in_currency
from meterline.services.side_by_side import side_by_side
from meterline.services.summaries import billed_usage
from meterline.services.terms import metered_item
from meterline.store.documents import Body, Document


def usage_in(
    ctx: Context, customer_id: str, periods: Mapping[str, tuple[Body, Period]]
) -> dict[str, Usage]:
    """What metered items used in a period each, so far, by the keys of ``periods``."""
    meters = ctx.store.get_many(str(meter_of(item["price"])) for item, _ in periods.values())
    calls = [
        partial(
            billed_usage,
            meters[str(meter_of(item["price"]))].body,
            customer_id,
            period.start,
            period.end,
            livemode=ctx.livemode,
        )
        for item, period in periods.values()
    ]
    return dict(zip(periods, side_by_side(calls), strict=True))


def with_current_usage(ctx: Context, invoice: Body) -> Body:
    """A draft whose metered lines are rated again with all usage that has come in for them."""
    metered = [line for line in invoice_lines(invoice) if line["_"]["meter"]]
    if not metered:
        return invoice
    known = ctx.store.get_many(
        [price_id(line) for line in metered] + [line["_"]["meter"] for line in metered]
    )
    rated = iter(side_by_side([partial(_rated_again, ctx, invoice, one, known) for one in metered]))
    lines = [next(rated) if line["_"]["meter"] else line for line in invoice_lines(invoice)]
    return with_lines(invoice, lines)


def meter_of(price: Body) -> str | None:
    """The id of the meter that a price bills, if it is metered."""
    meter: str | None = price["recurring"]["meter"] if price["recurring"] else None
    return meter


def rate_again(ctx: Context, customer_id: str, line: Body, known: Mapping[str, Document]) -> Line:
    """A metered line with all usage that has come in for it; ``known`` holds its price and meter.

    Where its price has bounds, it keeps the share of them that it was drafted with.
    """
    period = Period(line["period"]["start"], line["period"]["end"])
    meter = known[line["_"]["meter"]].body
    usage = billed_usage(meter, customer_id, period.start, period.end, livemode=ctx.livemode)
    whole = line["_"].get("of_period")
    span = CyclePeriod(period, Period(whole["start"], whole["end"]) if whole else period)
    return metered_line(metered_item(_price_of(line, known)), usage, span)


def price_id(line: Body) -> str:
    """The id of the price that a line bills."""
    return str(line["pricing"]["price_details"]["price"])


def _price_of(line: Body, known: Mapping[str, Document]) -> Body:
    return in_currency(known[price_id(line)].body, line["currency"])


def _rated_again(ctx: Context, invoice: Body, line: Body, known: Mapping[str, Document]) -> Body:
    rated = rate_again(ctx, invoice["customer"], line, known)
    shown = figures(rated, _price_of(line, known), line["_"]["product_name"])
    said = {"description": line["description"]} if "described" in line["_"] else {}
    return line | shown | said | {"_": line["_"] | shown["_"]}
