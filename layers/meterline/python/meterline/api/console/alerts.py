"""``/console/alerts``: what somebody is to be told of, and who was told when."""

from collections.abc import Mapping
from typing import Any, Final

from meterline.api.console.asking import Value, listing
from meterline.api.console.formats import money, quantity
from meterline.api.console.visits import Visit, found, signed_in
from meterline.api.pages.answers import Page

_PATH: Final = "/v1/billing/alerts"
_TOLD: Final = ("billing.alert.triggered", "billing.alert.recovered")
_MOST_EVENTS: Final = 100

STATUSES: Final = ("all", "active", "inactive", "archived")
_ACTS: Final = {"activate": "activated", "archive": "archived", "deactivate": "deactivated"}
"""What can be done to an alert, and what the page says then."""

RECURRENCES: Final = {
    "billing_period": "in each billing period",
    "one_time": "once, of all usage there ever was",
}


def _list(visit: Visit) -> Page:
    asked = visit.query.get("status", "all")
    status = asked if asked in STATUSES else "all"
    given = None if status == "all" else status
    alerts, meters, told = visit.api.ask_all(
        [
            visit.listing(_PATH, status=given, expand=["data.usage_threshold.meter"]),
            listing("/v1/billing/meters", status="active", limit=100),
            listing("/v1/events", types=list(_TOLD), limit=10),
        ]
    )
    return visit.page(
        "alerts.html",
        alerts=alerts,
        meters=meters,
        told=told,
        names=visit.names([row["data"]["object"]["customer"] for row in told.rows]),
        chosen=status,
        statuses=STATUSES,
        recurrences=RECURRENCES,
        threshold=threshold,
        customer_of=customer_of,
    )


def _create(visit: Visit) -> Page:
    """An alert on usage of a meter, of all customers or of one."""
    form = visit.form
    customer = form.get("customer", "").strip()
    terms: dict[str, Value] = {
        "meter": form.get("meter"),
        "gte": form.get("gte"),
        "recurrence": form.get("recurrence"),
        "filters": [{"type": "customer", "customer": customer}] if customer else None,
    }
    reply = visit.post(
        _PATH,
        {"title": form.get("title"), "alert_type": "usage_threshold", "usage_threshold": terms},
    )
    return visit.went(reply, f"/console/alerts/{reply.body.get('id')}", "created")


def _show(visit: Visit, alert_id: str) -> Page:
    """An alert, whom it told lately, and all that one customer was told."""
    alert, lately = visit.api.ask_all(
        [
            listing(f"{_PATH}/{alert_id}", expand=["usage_threshold.meter"]),
            listing(
                "/v1/events",
                types=list(_TOLD),
                limit=_MOST_EVENTS,
                starting_after=visit.query.get("events_after"),
            ),
        ]
    )
    found(alert)
    asked = visit.query.get("customer", "").strip() or customer_of(alert.body)
    path = f"{_PATH}/{alert_id}/notifications"
    notifications = visit.api.ask(visit.listing(path, customer=asked)) if asked else None
    told = [row for row in lately.rows if _is_of(row, alert_id)]
    return visit.page(
        "alert.html",
        alert=alert,
        lately=lately,
        told=told,
        customer=asked,
        notifications=notifications,
        names=visit.names([row["data"]["object"]["customer"] for row in told[:20]]),
        threshold=threshold,
        value=_value,
        recurrences=RECURRENCES,
        own_customer=customer_of(alert.body),
    )


def _act(visit: Visit, alert_id: str) -> Page:
    """Let an alert tell, be silent, or be put away."""
    verb = visit.form.get("verb", "")
    verb = verb if verb in _ACTS else "activate"
    reply = visit.post(f"{_PATH}/{alert_id}/{verb}", {})
    return visit.went(reply, f"/console/alerts/{alert_id}", _ACTS[verb])


def threshold(alert: Mapping[str, Any]) -> str:
    """What an alert waits for, in a few words."""
    terms = alert.get(alert["alert_type"]) or {}
    if alert["alert_type"] == "usage_threshold":
        return f"usage of {quantity(terms['gte'])} or more"
    if alert["alert_type"] == "spend_threshold":
        amount = terms["gte"]["amount"]
        return f"spend of {money(amount['value'], amount['currency'])} or more"
    balance, units = terms["lte"]["monetary"], terms["lte"]["custom_pricing_unit"]
    if units:
        return f"{quantity(units['value'])} units of {units['id']} or fewer"
    return f"credits of {money(balance['value'], balance['currency'])} or less"


def customer_of(alert: Mapping[str, Any]) -> str:
    """The customer that an alert is restricted to; empty if it is about all."""
    filters = (alert.get(alert.get("alert_type") or "") or {}).get("filters")
    if isinstance(filters, list):
        filters = filters[0] if filters else None
    return str((filters or {}).get("customer") or "")


def _value(told: Mapping[str, Any]) -> str:
    """The value that was told: an amount, if it has a currency."""
    currency = told.get("currency")
    return money(told["value"], currency) if currency else quantity(told["value"])


def _is_of(event: Mapping[str, Any], alert_id: str) -> bool:
    """Whether an event told of an alert."""
    alert = event["data"]["object"].get("alert") or {}
    return bool(alert.get("id") == alert_id)


PAGES = [
    signed_in("GET", "/console/alerts", _list),
    signed_in("POST", "/console/alerts", _create),
    signed_in("GET", "/console/alerts/{id}", _show),
    signed_in("POST", "/console/alerts/{id}/act", _act),
]
