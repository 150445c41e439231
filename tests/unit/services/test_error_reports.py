"""Reports of refused stream events, as the contract's section 3.3 describes them."""

from typing import Any

import pytest

from meterline.core.metering.acceptance import EventRefused, Reason
from meterline.services.metering import error_reports
from meterline.services.metering.error_reports import SAMPLES, Refused
from meterline.store.base.documents import Document
from meterline.store.metering import meter_reports

NOW = 1_700_000_007
METER = "mtr_test_1"


@pytest.fixture
def saved(monkeypatch: pytest.MonkeyPatch) -> list[Document]:
    """What was stored."""
    documents: list[Document] = []
    monkeypatch.setattr(meter_reports, "save", documents.append)
    return documents


def refused(reason: Reason, *identifiers: str, meter: str | None = METER) -> list[Refused]:
    return [
        (meter, identifier, EventRefused(reason, f"{reason} it is", "payload"))
        for identifier in identifiers
    ]


def report(refusals: list[Refused], *, key: str = "request-1", livemode: bool = False) -> None:
    error_reports.report(refusals, livemode=livemode, request_key=key, now=NOW)


def told(documents: list[Document]) -> list[dict[str, Any]]:
    return [event for document in documents for event in document.body["events"]]


def test_a_report_of_a_meter_counts_reasons_and_gives_samples(saved: list[Document]) -> None:
    report(
        [
            *refused(Reason.INVALID_VALUE, "a", "b", "c", "d"),
            *refused(Reason.TIMESTAMP_IN_FUTURE, "e"),
        ]
    )
    [event] = told(saved)
    assert event == {
        "id": event["id"],
        "object": "v2.core.event",
        "created": "2023-11-14T22:13:27.000Z",
        "livemode": False,
        "type": "v1.billing.meter.error_report_triggered",
        "related_object": {
            "id": METER,
            "type": "billing.meter",
            "url": f"/v1/billing/meters/{METER}",
        },
        "data": {
            "developer_message_summary": "There are 5 invalid events",
            "validation_start": "2023-11-14T22:13:20.000Z",
            "validation_end": "2023-11-14T22:13:30.000Z",
            "reason": {
                "error_count": 5,
                "error_types": [
                    {
                        "code": "meter_event_invalid_value",
                        "error_count": 4,
                        "sample_errors": [
                            {
                                "error_message": "meter_event_invalid_value it is",
                                "request": {"identifier": one},
                            }
                            for one in "abc"
                        ],
                    },
                    {
                        "code": "timestamp_in_future",
                        "error_count": 1,
                        "sample_errors": [
                            {
                                "error_message": "timestamp_in_future it is",
                                "request": {"identifier": "e"},
                            }
                        ],
                    },
                ],
            },
        },
    }
    assert SAMPLES == 3


def test_events_without_a_meter_are_told_without_a_related_object(saved: list[Document]) -> None:
    report(refused(Reason.NO_METER, "a", meter=None))
    [event] = told(saved)
    assert event["type"] == "v1.billing.meter.no_meter_found"
    assert "related_object" not in event
    assert event["data"]["developer_message_summary"] == "There is 1 invalid event"
    assert event["data"]["reason"]["error_types"][0]["code"] == "no_meter"


def test_each_meter_has_a_report_of_its_own(saved: list[Document]) -> None:
    report(
        [
            *refused(Reason.INVALID_VALUE, "a"),
            *refused(Reason.ARCHIVED_METER, "b", meter="mtr_test_2"),
        ]
    )
    assert [one["related_object"]["id"] for one in told(saved)] == [METER, "mtr_test_2"]


def test_a_request_that_comes_again_reports_under_the_same_id(saved: list[Document]) -> None:
    for key in ("request-1", "request-1", "request-2"):
        report(refused(Reason.INVALID_VALUE, "a"), key=key)
    first, again, other = (document.id for document in saved)
    assert first == again != other


def test_a_report_is_kept_for_thirty_days(saved: list[Document]) -> None:
    report(refused(Reason.INVALID_VALUE, "a"))
    assert saved[0].expires_at == NOW + 30 * 86_400


@pytest.mark.parametrize(
    "reason",
    [
        "archived_meter",
        "meter_event_customer_not_found",
        "meter_event_dimension_count_too_high",
        "meter_event_invalid_value",
        "meter_event_no_customer_defined",
        "meter_event_value_not_found",
        "meter_event_value_too_many_digits",
        "missing_dimension_payload_keys",
        "no_meter",
        "timestamp_in_future",
        "timestamp_too_far_in_past",
    ],
)
def test_the_reasons_are_those_of_the_contract(reason: str) -> None:
    assert Reason(reason) in Reason
    assert len(Reason) == 11
