"""The metered lines of an open period or a draft, from the usage counted so far."""

from collections.abc import Mapping
from decimal import Decimal
from functools import partial

from meterline.core.invoicing import BilledItem, UsageType, metered_line
from meterline.core.periods import Period
from meterline.services.context import Context
from meterline.services.invoices.bodies import invoice_lines, with_totals
from meterline.services.invoices.lines import figures
from meterline.services.side_by_side import side_by_side
from meterline.services.summaries import usage_between
from meterline.services.terms import price_plan
from meterline.store.documents import Body, Document


def usage_in(
    ctx: Context, customer_id: str, periods: Mapping[str, tuple[Body, Period]]
) -> dict[str, Decimal]:
    """What metered items used in a period each, so far, by the keys of ``periods``."""
    meters = ctx.store.get_many(str(meter_of(item["price"])) for item, _ in periods.values())
    calls = [
        partial(
            usage_between,
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
        [_price_id(line) for line in metered] + [line["_"]["meter"] for line in metered]
    )
    rated = iter(side_by_side([partial(_rated_again, ctx, invoice, one, known) for one in metered]))
    lines = [next(rated) if line["_"]["meter"] else line for line in invoice_lines(invoice)]
    return with_totals(invoice, lines, starting_balance=int(invoice["starting_balance"]))


def meter_of(price: Body) -> str | None:
    """The id of the meter that a price bills, if it is metered."""
    meter: str | None = price["recurring"]["meter"] if price["recurring"] else None
    return meter


def _rated_again(ctx: Context, invoice: Body, line: Body, known: Mapping[str, Document]) -> Body:
    price = known[_price_id(line)].body
    meter = known[line["_"]["meter"]].body
    period = Period(line["period"]["start"], line["period"]["end"])
    quantity = usage_between(
        meter, invoice["customer"], period.start, period.end, livemode=ctx.livemode
    )
    item = BilledItem("", UsageType.METERED, price_plan(price))
    rated = metered_line(item, quantity, period)
    return line | figures(rated, price, line["_"]["product_name"])


def _price_id(line: Body) -> str:
    return str(line["pricing"]["price_details"]["price"])
