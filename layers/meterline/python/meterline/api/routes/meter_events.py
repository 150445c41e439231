"""``/v1`` and ``/v2/billing/meter_event…``: the endpoints that take usage.

None of them keeps an idempotency record: an event is its own record, cancelling twice is cancelling
once, and a session more does no harm.
"""

import secrets
import time
from typing import TYPE_CHECKING, Any

from meterline.api.auth import SESSION_PREFIX
from meterline.api.call import Call
from meterline.api.operations import Answer, Operation, permission_of
from meterline.api.params.specs import (
    Object,
    Param,
    Params,
    array,
    enum,
    map_,
    object_,
    string,
    timestamp,
)
from meterline.api.router import Routes
from meterline.core.base.timestamps import rfc3339
from meterline.services.base.ids import new_id
from meterline.services.metering import accept, cancel_events
from meterline.services.metering.accept import Outcome, Sender
from meterline.store.account import access
from meterline.store.metering.directory import StoredDirectory

if TYPE_CHECKING:
    from meterline.core.base.wire import (
        MeterEvent,
        MeterEventAdjustment,
        MeterEventResult,
        MeterEventResults,
        V2MeterEvent,
        V2MeterEventAdjustment,
        V2MeterEventSession,
    )

SESSION_SECONDS = 900
RESULTS_HEADER = "meterline-event-results"
"""With this request header set to ``true`` a stream is answered with the result of each event."""

_PAYLOAD_VALUE = string(max_length=1_000, blank=True)
"""So that an event fits into an item; what a value has to be, its meter says."""


def _event(time_of_event: Param) -> Object:
    return object_(
        event_name=string(required=True, max_length=100),
        identifier=string(max_length=100),
        payload=map_(_PAYLOAD_VALUE, required=True, max_keys=50),
        timestamp=time_of_event,
    )


_EVENT_V2 = _event(string(max_length=40))
_CANCEL = object_(
    cancel=object_(identifier=string(required=True, max_length=100), required=True),
    event_name=string(required=True, max_length=100),
    type=enum("cancel", required=True),
)


def create_meter_event(call: Call, params: Params) -> "MeterEvent":
    """``POST /v1/billing/meter_events``."""
    return accept.create_meter_event(_sender(call), params)


def create_meter_event_v2(call: Call, params: Params) -> "V2MeterEvent":
    """``POST /v2/billing/meter_events``."""
    return accept.create_meter_event_v2(_sender(call), params)


def create_meter_event_stream(call: Call, params: Params) -> "MeterEventResults":
    """``POST /v2/billing/meter_event_stream``: an empty object, or what became of each event."""
    outcomes = accept.ingest_stream(_sender(call), params)
    if call.request.header(RESULTS_HEADER) != "true":
        return {}
    return {"results": [_result(outcome) for outcome in outcomes]}


def create_meter_event_session(
    call: Call,
    params: Params,  # noqa: ARG001 - no parameters
) -> "V2MeterEventSession":
    """``POST /v2/billing/meter_event_session``: a token for streams, good for 15 minutes."""
    token = SESSION_PREFIX + secrets.token_urlsafe(48)
    until = call.now + SESSION_SECONDS
    session = access.Session(call.principal.key.digest, until)
    access.save_session(access.digest_of(token), session)
    return {
        "id": new_id("mtr_event_sess_"),
        "object": "v2.billing.meter_event_session",
        "authentication_token": token,
        "created": rfc3339(call.now * 1_000),
        "expires_at": rfc3339(until * 1_000),
        "livemode": call.livemode,
    }


def create_meter_event_adjustment(call: Call, params: Params) -> "MeterEventAdjustment":
    """``POST /v1/billing/meter_event_adjustments``."""
    return cancel_events.create_meter_event_adjustment(_sender(call), params)


def create_meter_event_adjustment_v2(call: Call, params: Params) -> "V2MeterEventAdjustment":
    """``POST /v2/billing/meter_event_adjustments``."""
    return cancel_events.create_meter_event_adjustment_v2(_sender(call), params)


def _sender(call: Call) -> Sender:
    return Sender(
        livemode=call.livemode,
        request_key=call.idempotency_key or call.request_id,
        now_microseconds=time.time_ns() // 1_000,
        directory=StoredDirectory(call.livemode),
    )


def _result(outcome: Outcome) -> "MeterEventResult":
    result: MeterEventResult = {"identifier": outcome.identifier, "status": outcome.status}
    if outcome.refusal is not None:
        result["code"] = str(outcome.refusal.reason)
        result["message"] = outcome.refusal.message
    return result


def _post(path: str, run: Any, params: Object, *, takes_session: bool = False) -> Operation:  # noqa: ANN401 - any operation
    return Operation(
        method="POST",
        path=path,
        run=run,
        permission=permission_of(path),
        answer=Answer.RAW,
        params=params,
        light=True,
        idempotent=False,
        takes_session=takes_session,
    )


ROUTES = Routes(
    [
        _post("/v1/billing/meter_events", create_meter_event, _event(timestamp())),
        _post("/v2/billing/meter_events", create_meter_event_v2, _EVENT_V2),
        _post(
            "/v2/billing/meter_event_stream",
            create_meter_event_stream,
            object_(events=array(_EVENT_V2, required=True, min_items=1)),
            takes_session=True,
        ),
        _post("/v2/billing/meter_event_session", create_meter_event_session, object_()),
        _post("/v1/billing/meter_event_adjustments", create_meter_event_adjustment, _CANCEL),
        _post("/v2/billing/meter_event_adjustments", create_meter_event_adjustment_v2, _CANCEL),
    ]
)
