"""Events are sent in the longest form that every way out takes; a short one says where to look."""

import json
from typing import Any

import pytest

from meterline.services.base.api_version import API_VERSION
from meterline.services.events.event_text import EVENT_BYTES, event_text
from meterline.store.events.event_bus import MOST_BYTES, BusEntry, in_calls

LONG = "é" * EVENT_BYTES
URL = "/v1/invoices/in_1"
ALERT = {"id": "alrt_1", "object": "billing.alert"}
TOLD = {"object": "billing.alert_triggered", "alert": ALERT, "customer": "cus_1"}
SUMMARY = {"object": "entitlements.active_entitlement_summary", "customer": "cus_1"}
INVOICE = {"id": "in_1", "object": "invoice"}


def event(subject: dict[str, Any], type_: str = "invoice.updated", **data: Any) -> dict[str, Any]:
    return {
        "id": "evt_1",
        "object": "event",
        "api_version": API_VERSION,
        "created": 1_700_000_000,
        "data": {"object": subject, **data},
        "livemode": False,
        "pending_webhooks": 1,
        "request": None,
        "type": type_,
    }


def sent(whole: dict[str, Any]) -> Any:
    text = event_text(whole)
    assert len(text.encode()) <= EVENT_BYTES
    return json.loads(text)


def test_an_event_that_is_not_too_long_is_sent_as_it_is() -> None:
    whole = event({**INVOICE, "number": "A-1"}, previous_attributes={"number": None})
    assert sent(whole) == whole


def test_what_is_too_long_leaves_out_its_former_values_first() -> None:
    whole = event({**INVOICE, "number": "A-1"}, previous_attributes={"footer": LONG})
    assert sent(whole) == event({**INVOICE, "number": "A-1"})


@pytest.mark.parametrize(
    ("subject", "type_", "left", "related"),
    [
        (
            {**INVOICE, "footer": LONG},
            "invoice.updated",
            INVOICE,
            {"id": "in_1", "type": "invoice", "url": URL},
        ),
        (
            {**TOLD, "value": LONG},
            "billing.alert.triggered",
            TOLD,
            {"id": "alrt_1", "type": "billing.alert", "url": "/v1/billing/alerts/alrt_1"},
        ),
        (
            {**SUMMARY, "entitlements": LONG},
            "entitlements.active_entitlement_summary.updated",
            SUMMARY,
            None,
        ),
    ],
)
def test_what_is_still_too_long_says_which_object_it_is_and_where_that_is_read(
    subject: dict[str, Any], type_: str, left: dict[str, Any], related: Any
) -> None:
    assert sent(event(subject, type_)) == {**event(left, type_), "related_object": related}


def test_an_event_that_was_stored_short_says_where_its_object_is_too() -> None:
    assert sent(event(INVOICE))["related_object"]["url"] == URL


def test_a_thin_event_is_sent_as_it_is() -> None:
    thin = {"id": "evt_test_1", "object": "v2.core.event", "type": "v1.x", "related_object": None}
    assert sent(thin) == thin


def test_an_event_bus_takes_any_event_and_calls_stay_below_its_limit() -> None:
    largest = {**INVOICE, "footer": "x" * (EVENT_BYTES - 300)}
    texts = [event_text(event(largest)), event_text(event({**INVOICE, "footer": LONG}))]
    entries = [(text, BusEntry("bus", "meterline/ed_1", "invoice.updated", text)) for text in texts]
    assert entries[0][1].size > EVENT_BYTES - 300
    calls = [*in_calls([*entries, entries[0]])]
    assert [len(call) for call in calls] == [2, 1]
    rest = "x" * (MOST_BYTES - entries[0][1].size)
    exactly = BusEntry("bus", "", "", rest)
    assert [len(call) for call in in_calls([entries[0], ("", exactly)])] == [1, 1]
