"""``/console/meters``: what is counted, who uses it, and the events behind a number."""

from decimal import Decimal
from typing import Final

from meterline.api.console.asking import Call, listing
from meterline.api.console.visits import Visit, found, signed_in, whole
from meterline.api.pages.answers import Page

_DAY: Final = 86_400
_MINUTE: Final = 60
_SPANS: Final = {"1": "24 hours", "7": "7 days", "30": "30 days"}


def _list(visit: Visit) -> Page:
    meters = visit.api.ask(visit.listing("/v1/billing/meters"))
    return visit.page("meters.html", meters=meters)


def _show(visit: Visit, meter_id: str) -> Page:
    """A meter with who used most of it in the last whole days."""
    days = visit.query.get("days", "7")
    days = days if days in _SPANS else "7"
    end = visit.now // 3_600 * 3_600
    meter, ranking = visit.api.ask_all(
        [
            Call("GET", f"/v1/billing/meters/{meter_id}"),
            listing(
                "/v1/meterline/analytics/top_customers",
                meter=meter_id,
                starts_at=end - int(days) * _DAY,
                ends_at=end,
                limit=20,
                starting_after=visit.query.get("after"),
            ),
        ]
    )
    found(meter)
    rows = ranking.body.get("rows", {}).get("data", [])
    top = max((Decimal(row["value"]) for row in rows), default=Decimal(0))
    return visit.page(
        "meter.html",
        meter=meter,
        ranking=ranking,
        rows=rows,
        top=top,
        names=visit.names([row["customer"] for row in rows]),
        days=days,
        spans=_SPANS,
        span=(end - int(days) * _DAY, end),
    )


def _events(visit: Visit, meter_id: str) -> Page:
    """The events of a customer that count in a span of time."""
    query = visit.query
    customer = query.get("customer", "")
    start = whole(query.get("from"), visit.now - _DAY)
    end = whole(query.get("until"), visit.now)
    call = visit.listing(
        f"/v1/billing/meters/{meter_id}/events",
        customer=customer,
        start_time=start,
        end_time=end,
    )
    meter, events, summaries = visit.api.ask_all(
        [
            Call("GET", f"/v1/billing/meters/{meter_id}"),
            call,
            listing(
                f"/v1/billing/meters/{meter_id}/event_summaries",
                customer=customer,
                start_time=start // _MINUTE * _MINUTE,
                end_time=-(-end // _MINUTE) * _MINUTE,
            ),
        ]
    )
    found(meter)
    return visit.page(
        "counted_events.html",
        meter=meter,
        events=events,
        summaries=summaries,
        customer=customer,
        names=visit.names([customer] if customer else []),
        start=start,
        end=end,
    )


PAGES = [
    signed_in("GET", "/console/meters", _list),
    signed_in("GET", "/console/meters/{id}", _show),
    signed_in("GET", "/console/meters/{id}/events", _events),
]
