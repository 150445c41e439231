"""``/console``: what happens now, what was earned, and what waits for somebody."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from meterline.api.console.asking import Call, Reply, listing
from meterline.api.console.visits import Visit, signed_in
from meterline.api.pages.answers import Page
from meterline.api.pages.charts import Series
from meterline.core.base.frozen import frozen

_HOUR: Final = 3_600
_HOURS: Final = 24
_MOST_METERS: Final = 6
_MOST_CUSTOMERS: Final = 4
_MONTHS: Final = 12


@frozen
class MeterUsage:
    """What a meter's customers used in the last hours: the call, and what it comes to."""

    meter: Mapping[str, Any]
    reply: Reply

    @property
    def ranked(self) -> list[Mapping[str, Any]]:
        """Its busiest customers, the busiest first."""
        rows: list[Mapping[str, Any]] = self.reply.body.get("rows", {}).get("data", [])
        return rows

    @property
    def total(self) -> Decimal:
        """The usage of those customers, added up."""
        return sum((Decimal(row["value"]) for row in self.ranked), Decimal(0))

    @property
    def events(self) -> int | None:
        """How many events of all customers count; None of levels, and where it is not known."""
        counted: int | None = self.reply.body.get("events_counted")
        return counted


@frozen
class Rate:
    """How many events were counted in the last whole hours, and whether these are all so far."""

    events: int
    is_complete: bool
    seconds: int = _HOURS * _HOUR


def _rate(usage: Sequence[MeterUsage]) -> Rate | None:
    """The rate of the meters that say so; None if there are none."""
    counted = [one for one in usage if one.events is not None]
    if not counted:
        return None
    return Rate(
        sum(one.events or 0 for one in counted),
        all(one.reply.body.get("is_complete") for one in counted),
    )


def _show(visit: Visit) -> Page:
    invoiced, meters, alerts, told, events, waiting, unpaid, due = visit.api.ask_all(
        [
            listing("/v1/meterline/analytics/invoiced", months=_MONTHS),
            listing("/v1/billing/meters", status="active", limit=_MOST_METERS),
            listing("/v1/billing/alerts", limit=5),
            listing("/v1/events", types=["billing.alert.triggered"], limit=5),
            listing("/v1/events", limit=5),
            listing("/v1/events", delivery_success=False, limit=5),
            listing("/v1/invoices", status="open", limit=5),
            listing("/v1/meterline/due_work", limit=10),
        ]
    )
    usage = _usage(visit, meters.rows)
    busiest = _chosen(visit, usage)
    hours = _hours(visit, busiest) if busiest else None
    seen = [one.ranked[0]["customer"] for one in usage if one.ranked]
    whom = [row["data"]["object"]["customer"] for row in told.rows]
    names = visit.names([*(hours.customers if hours else ()), *seen, *whom])
    return visit.page(
        "overview.html",
        invoiced=invoiced,
        revenue=_revenue(invoiced),
        meters=meters,
        alerts=alerts,
        told=told,
        events=events,
        waiting=waiting,
        unpaid=unpaid,
        due=due,
        usage=usage,
        rate=_rate(usage),
        busiest=busiest,
        hours=hours,
        names=names,
    )


def _usage(visit: Visit, meters: Sequence[Mapping[str, Any]]) -> list[MeterUsage]:
    """The usage of meters in the last whole hours; the ranking of an hour is made once."""
    end = visit.now - visit.now % _HOUR
    calls = [
        listing(
            "/v1/meterline/analytics/top_customers",
            meter=meter["id"],
            starts_at=end - _HOURS * _HOUR,
            ends_at=end,
            limit=100,
        )
        for meter in meters
    ]
    replies = visit.api.ask_all(calls)
    return [MeterUsage(meter, reply) for meter, reply in zip(meters, replies, strict=True)]


def _chosen(visit: Visit, usage: Sequence[MeterUsage]) -> MeterUsage | None:
    """The meter that is looked at more closely: the one that the address names, or the busiest."""
    asked = visit.query.get("meter")
    named = [one for one in usage if one.meter["id"] == asked]
    with_usage = [one for one in usage if one.ranked]
    return next(iter([*named, *sorted(with_usage, key=lambda one: -one.total)]), None)


@frozen
class Hours:
    """A meter's usage hour by hour, of its busiest customers."""

    labels: list[str]
    customers: list[str]
    values: list[list[Decimal]]
    replies: list[Reply]

    def series(self, names: Mapping[str, str]) -> list[Series]:
        """What a chart draws, each customer under its name."""
        pairs = zip(self.customers, self.values, strict=True)
        return [(names.get(customer, customer), values) for customer, values in pairs]


def _hours(visit: Visit, usage: MeterUsage) -> Hours:
    end = visit.now - visit.now % _HOUR
    starts = [end - (_HOURS - hour) * _HOUR for hour in range(_HOURS)]
    customers = [row["customer"] for row in usage.ranked[:_MOST_CUSTOMERS]]
    replies = visit.api.ask_all(
        [
            Call(
                "GET",
                "/v1/billing/analytics/meter_usage",
                {
                    "customer": customer,
                    "starts_at": starts[0],
                    "ends_at": end,
                    "value_grouping_window": "hour",
                    "meters": [{"meter": usage.meter["id"]}],
                },
            )
            for customer in customers
        ]
    )
    labels = [datetime.fromtimestamp(start, UTC).strftime("%H:%M") for start in starts]
    return Hours(labels, customers, [_by_hour(reply, starts) for reply in replies], replies)


def _by_hour(reply: Reply, starts: Sequence[int]) -> list[Decimal]:
    rows = reply.body.get("rows", {}).get("data", [])
    values = {row["starts_at"]: Decimal(row["value"] or 0) for row in rows}
    return [values.get(start, Decimal(0)) for start in starts]


@frozen
class Revenue:
    """What was invoiced by month in one currency, the earliest month first."""

    currency: str
    months: list[str]
    totals: list[Decimal]
    paid: list[Decimal]


def _revenue(invoiced: Reply) -> list[Revenue]:
    """The currencies in which anything was invoiced, the one with most invoices first."""
    months = list(reversed(invoiced.body.get("months", [])))
    counts: dict[str, int] = {}
    for month in months:
        for one in month["sums"]:
            counts[one["currency"]] = counts.get(one["currency"], 0) + one["invoices"]
    return [
        Revenue(
            currency,
            [_month(month["starts_at"]) for month in months],
            [_sum(month, currency, "total") for month in months],
            [_sum(month, currency, "amount_paid") for month in months],
        )
        for currency in sorted(counts, key=lambda one: -counts[one])
    ]


def _month(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m")


def _sum(month: Mapping[str, Any], currency: str, name: str) -> Decimal:
    return Decimal(sum(one[name] for one in month["sums"] if one["currency"] == currency))


PAGES = [signed_in("GET", "/console", _show)]
