"""Error reports: stream events that were refused, reported asynchronously (contract 3.3).

A stream is answered before its events are looked at, so what is wrong with them is reported by a
thin event: one for each meter, and one for events without a meter.
"""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final

from meterline.core.base.timestamps import rfc3339
from meterline.core.metering.acceptance import EventRefused, Reason
from meterline.services.base.ids import derived_id
from meterline.store.base.documents import Document
from meterline.store.metering import meter_reports

if TYPE_CHECKING:
    from meterline.core.base.wire import ErrorReport, ErrorReportType, V2Event

SAMPLES = 3
KIND: Final = "v2.core.event"
_WINDOW_SECONDS = 10
KEPT_SECONDS = 30 * 86_400

type Refused = tuple[str | None, str, EventRefused]
"""A refused event: its meter's id (None without one), its identifier, and why."""


def report(refused: Iterable[Refused], *, livemode: bool, request_key: str, now: int) -> None:
    """Store the reports of a request, once however often it is repeated."""
    by_meter: dict[str | None, list[Refused]] = {}
    for error in refused:
        by_meter.setdefault(error[0], []).append(error)
    for meter_id, errors in by_meter.items():
        prefix = "evt_" if livemode else "evt_test_"
        event_id = derived_id(prefix, request_key, meter_id or Reason.NO_METER)
        event = _event(event_id, meter_id, errors, livemode=livemode, now=now)
        body = {"id": event_id, "created": now, "events": [event]}
        document = Document(KIND, livemode, body, expires_at=now + KEPT_SECONDS)
        meter_reports.save(document)


def _event(
    event_id: str, meter_id: str | None, errors: Sequence[Refused], *, livemode: bool, now: int
) -> "V2Event":
    event: V2Event = {
        "id": event_id,
        "object": KIND,
        "created": rfc3339(now * 1_000),
        "livemode": livemode,
        "type": "v1.billing.meter.no_meter_found",
        "data": _data(errors, now),
    }
    if meter_id is not None:
        url = f"/v1/billing/meters/{meter_id}"
        event["type"] = "v1.billing.meter.error_report_triggered"
        event["related_object"] = {"id": meter_id, "type": "billing.meter", "url": url}
    return event


def _data(errors: Sequence[Refused], now: int) -> "ErrorReport":
    by_code: dict[Reason, list[Refused]] = {}
    for error in errors:
        by_code.setdefault(error[2].reason, []).append(error)
    start = now - now % _WINDOW_SECONDS
    count = "is 1 invalid event" if len(errors) == 1 else f"are {len(errors)} invalid events"
    return {
        "developer_message_summary": f"There {count}",
        "validation_start": rfc3339(start * 1_000),
        "validation_end": rfc3339((start + _WINDOW_SECONDS) * 1_000),
        "reason": {
            "error_count": len(errors),
            "error_types": [_error_type(code, found) for code, found in by_code.items()],
        },
    }


def _error_type(code: Reason, errors: Sequence[Refused]) -> "ErrorReportType":
    return {
        "code": str(code),
        "error_count": len(errors),
        "sample_errors": [
            {"error_message": refusal.message, "request": {"identifier": identifier}}
            for _, identifier, refusal in errors[:SAMPLES]
        ],
    }
