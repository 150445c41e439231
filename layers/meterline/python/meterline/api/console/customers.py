"""``/console/customers``: who pays, what they have, what they owe and what they use."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from meterline.api.console.asking import Call, Reply, listing
from meterline.api.console.formats import day
from meterline.api.console.visits import Visit, found, signed_in
from meterline.api.pages.answers import Page
from meterline.core.base.frozen import frozen

_DAY: Final = 86_400
_DAYS: Final = 30
_MOST_METERS: Final = 6


def _list(visit: Visit) -> Page:
    """The customers, newest first, or those with an e-mail."""
    email = visit.query.get("email") or None
    customers = visit.api.ask(visit.listing("/v1/customers", email=email))
    return visit.page("customers.html", customers=customers, email=email or "")


def _show(visit: Visit, customer_id: str) -> Page:
    path = f"/v1/customers/{customer_id}"
    customer, subscriptions, invoices, credit, transactions, meters = visit.api.ask_all(
        [
            Call("GET", path),
            listing("/v1/subscriptions", customer=customer_id, status="all", limit=10),
            listing("/v1/invoices", customer=customer_id, limit=10),
            listing("/v1/meterline/credit_balance", customer=customer_id),
            listing(f"{path}/balance_transactions", limit=5),
            listing("/v1/billing/meters", status="active", limit=_MOST_METERS),
        ]
    )
    found(customer)
    usage = _usage(visit, customer.body, meters.rows) if customer.is_good else None
    return visit.page(
        "customer.html",
        customer=customer,
        subscriptions=subscriptions,
        invoices=invoices,
        credit=credit,
        transactions=transactions,
        usage=usage,
    )


@frozen
class Usage:
    """What a customer used of some meters, day by day: the call and what is drawn of it."""

    reply: Reply
    labels: list[str]
    by_meter: list[tuple[Mapping[str, Any], list[Decimal]]]


def _usage(
    visit: Visit, customer: Mapping[str, Any], meters: Sequence[Mapping[str, Any]]
) -> Usage | None:
    """The last thirty days of the meters that there are; None of a deployment without any."""
    if not meters or customer.get("deleted"):
        return None
    end = _now_of(visit, customer) // _DAY * _DAY + _DAY
    days = [end - (_DAYS - place) * _DAY for place in range(_DAYS)]
    reply = visit.api.ask(
        listing(
            "/v1/billing/analytics/meter_usage",
            customer=customer["id"],
            starts_at=days[0],
            ends_at=end,
            value_grouping_window="day",
            meters=[{"meter": meter["id"]} for meter in meters],
        )
    )
    rows = reply.body.get("rows", {}).get("data", [])
    values = {(row["meter"], row["starts_at"]): Decimal(row["value"] or 0) for row in rows}
    drawn = [
        (meter, [values.get((meter["id"], start), Decimal(0)) for start in days])
        for meter in meters
    ]
    used = [(meter, found) for meter, found in drawn if any(found)]
    return Usage(reply, [day(start)[5:] for start in days], used)


def _now_of(visit: Visit, customer: Mapping[str, Any]) -> int:
    """A customer's time: that of its test clock, if it has one."""
    clock = customer.get("test_clock")
    if not clock:
        return visit.now
    found_clock = visit.api.get(f"/v1/test_helpers/test_clocks/{clock}")
    return int(found_clock.body.get("frozen_time", visit.now))


PAGES = [
    signed_in("GET", "/console/customers", _list),
    signed_in("GET", "/console/customers/{id}", _show),
]
