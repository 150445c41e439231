"""Accepting meter events: resolve, judge, and store each of them exactly once."""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol
from uuid import UUID

from meterline.core.base.errors import BillingError
from meterline.core.base.frozen import frozen
from meterline.core.base.money import format_decimal
from meterline.core.base.timestamps import rfc3339, unix_seconds
from meterline.core.metering import acceptance
from meterline.core.metering.acceptance import EventRefused, MeterRules, Reason, cell_from_text
from meterline.core.metering.dimensions import WHOLE, Values, cell_of, with_cell
from meterline.core.metering.payload_texts import payload_text
from meterline.services.metering import error_reports, parcels
from meterline.store.metering import cells, meter_events, uncounted
from meterline.store.metering.cells import CellsKey, month_of
from meterline.store.metering.meter_events import FINGERPRINT_BYTES, REQUEST_BYTES, AcceptedEvent

if TYPE_CHECKING:
    from meterline.core.base.wire import MeterEvent, V2MeterEvent

_V1_CODES = {Reason.NO_METER: "resource_missing", Reason.CUSTOMER_NOT_FOUND: "resource_missing"}
_V2_CODES = {
    Reason.NO_CUSTOMER_DEFINED: "payload_no_customer_defined",
    Reason.VALUE_NOT_FOUND: "payload_no_value_defined",
    Reason.INVALID_VALUE: "payload_invalid_value",
    Reason.TOO_MANY_DIGITS: "payload_invalid_value",
}


class Directory(Protocol):
    """Where meters and customers are looked up."""

    def meters(self, event_names: set[str]) -> dict[str, MeterRules]:
        """The meters of these event names, by event name; unknown names are absent."""

    def customers(self, customer_ids: set[str]) -> dict[str, int | None]:
        """Of these customers that exist: the time of their test clock, None on the wall clock."""


@frozen
class Sender:
    """Who sends, when (UTC microseconds of the wall clock), and in which request.

    ``request_key`` is the request's idempotency key, or a fresh random text without one: a request
    that comes again with the same key finds what it stored the first time.
    """

    livemode: bool
    request_key: str
    now_microseconds: int
    directory: Directory

    @property
    def now(self) -> int:
        """The wall clock in seconds."""
        return self.now_microseconds // 1_000_000


class EventParams(NamedTuple):
    """A well-formed event, not yet judged; ``timestamp`` None is the customer's current time."""

    event_name: str
    payload: dict[str, str]
    identifier: str
    timestamp: int | None


class Outcome(NamedTuple):
    """What became of one event: accepted, or refused for a reason, or its identifier is taken.

    ``meter`` is the id of a refused event's meter, if it has one.
    """

    identifier: str
    meter: str | None = None
    event: AcceptedEvent | None = None
    refusal: EventRefused | None = None
    is_key_reused: bool = False

    @property
    def status(self) -> str:
        """``accepted``, ``duplicate`` or ``refused``."""
        if self.event is not None:
            return "accepted"
        return "duplicate" if self.refusal is None else "refused"


def create_meter_event(sender: Sender, params: Mapping[str, Any]) -> "MeterEvent":
    """Accept one event on the v1 endpoint; a ``billing.meter_event`` or the contract's error."""
    outcome = _accept(sender, [_event_params(sender, params, _seconds)])[0]
    if outcome.refusal is not None:
        refusal = outcome.refusal
        code = _V1_CODES.get(refusal.reason, str(refusal.reason))
        raise BillingError(refusal.message, code=code, param=refusal.param)
    return event_body(_stored(sender, outcome, code=None))


def create_meter_event_v2(sender: Sender, params: Mapping[str, Any]) -> "V2MeterEvent":
    """Accept one event on the v2 endpoint; a ``v2.billing.meter_event`` or the contract's error."""
    outcome = _accept(sender, [_event_params(sender, params, _rfc3339)])[0]
    if outcome.refusal is not None:
        raise BillingError(outcome.refusal.message, code=v2_code(outcome.refusal))
    event = _stored(sender, outcome, code="duplicate_meter_event")
    return {
        "object": "v2.billing.meter_event",
        "created": rfc3339(event.accepted_at // 1_000),
        "event_name": event.event_name,
        "identifier": event.identifier,
        "livemode": event.livemode,
        "payload": json.loads(event.payload),
        "timestamp": rfc3339(event.timestamp * 1_000),
    }


def ingest_stream(sender: Sender, params: Mapping[str, Any]) -> list[Outcome]:
    """Accept the events of a stream request, each by itself; the outcome of each, in order.

    The refused ones are reported in events of their own, as the answer says nothing of them.
    """
    events = [
        _event_params(sender, event, _rfc3339, place=f"events[{number}]")
        for number, event in enumerate(params["events"])
    ]
    outcomes = _accept(sender, events)
    if any(outcome.is_key_reused for outcome in outcomes):
        raise _key_reused(sender, "idempotency_error")
    refused = [
        (outcome.meter, outcome.identifier, outcome.refusal)
        for outcome in outcomes
        if outcome.refusal
    ]
    error_reports.report(
        refused, livemode=sender.livemode, request_key=sender.request_key, now=sender.now
    )
    return outcomes


def event_body(event: AcceptedEvent) -> "MeterEvent":
    """The ``billing.meter_event`` of an accepted event."""
    return {
        "object": "billing.meter_event",
        "created": event.accepted_at // 1_000_000,
        "event_name": event.event_name,
        "identifier": event.identifier,
        "livemode": event.livemode,
        "payload": json.loads(event.payload),
        "timestamp": event.timestamp,
    }


def v2_code(refusal: EventRefused) -> str:
    """The code of a refusal on v2 endpoints."""
    return _V2_CODES.get(refusal.reason, str(refusal.reason))


def _stored(sender: Sender, outcome: Outcome, *, code: str | None) -> AcceptedEvent:
    """The accepted event; refuses a taken identifier."""
    if outcome.event is not None:
        return outcome.event
    if outcome.is_key_reused:
        raise _key_reused(sender, "idempotency_error" if code else None)
    raise BillingError(f"An event already exists with identifier {outcome.identifier}.", code=code)


def _key_reused(sender: Sender, code: str | None) -> BillingError:
    return BillingError(
        "Keys for idempotent requests can only be used with the same parameters they were first "
        f"used with. Try using a key other than '{sender.request_key}' if you meant to execute a "
        "different request.",
        type="idempotency_error",
        code=code,
    )


def _accept(sender: Sender, events: Sequence[EventParams]) -> list[Outcome]:
    """Judge all events, then store what passed; of equal identifiers the first is the event."""
    customers, judged = _judge(sender, events)
    again = _stored_before(sender, events, judged)
    passed = {
        outcome.identifier: outcome.event
        for outcome in reversed(judged)
        if outcome.event is not None
    }
    _note_those_on_clocks(sender, customers, passed.values())
    stored = parcels.in_parcels([*passed.values()])
    holders = dict(zip(passed, meter_events.insert_many(stored), strict=True))
    accepted = [
        event if holder is None else holder
        for event, holder in zip(stored, holders.values(), strict=True)
        if holder is None or holder.request == event.request
    ]
    parcels.send(accepted, now=sender.now)
    outcomes = [_final_outcome(outcome, passed, holders) for outcome in judged]
    return [again.get(place, outcome) for place, outcome in enumerate(outcomes)]


def _stored_before(
    sender: Sender, events: Sequence[EventParams], judged: Sequence[Outcome]
) -> dict[int, Outcome]:
    """The outcomes, by place, of refused events that this request stored when it came before.

    The client retries because it lost our answer: an event that is invalid now (the meter was
    deactivated, the timestamp grew too old) was valid then, and was accepted.
    """
    refused = {place: events[place] for place, one in enumerate(judged) if one.refusal is not None}
    if not refused:
        return {}
    holders = meter_events.read([(sender.livemode, event.identifier) for event in refused.values()])
    request = _digest(sender.request_key)[:REQUEST_BYTES]
    return {
        place: Outcome(event.identifier, event=holder)
        for place, event in refused.items()
        if (holder := holders.get(event.identifier))
        and (holder.request, holder.fingerprint) == (request, _fingerprint(event))
    }


def _note_those_on_clocks(
    sender: Sender, customers: Mapping[str, int | None], events: Iterable[AcceptedEvent]
) -> None:
    """Leave word of the events that an advancing test clock has to wait for."""
    identities: dict[str, list[bytes]] = {}
    for event in events:
        if customers[event.customer] is not None:
            identity = meter_events.identity_of(event.identifier)
            identities.setdefault(event.customer, []).append(identity)
    for customer, noted in identities.items():
        uncounted.note(sender.livemode, customer, noted, sender.now_microseconds)


def _final_outcome(
    outcome: Outcome,
    passed: Mapping[str, AcceptedEvent],
    holders: Mapping[str, AcceptedEvent | None],
) -> Outcome:
    """The final outcome of a judged event, given who holds its identifier now."""
    event = outcome.event
    if event is None:
        return outcome
    if passed[outcome.identifier] is not event:
        return outcome._replace(event=None)
    holder = holders[outcome.identifier]
    if holder is None:
        return outcome
    if holder.request != event.request:
        return outcome._replace(event=None)
    if holder.fingerprint != event.fingerprint:
        return outcome._replace(event=None, is_key_reused=True)
    return outcome._replace(event=holder)


def _judge(
    sender: Sender, events: Sequence[EventParams]
) -> tuple[Mapping[str, int | None], list[Outcome]]:
    """The customers that the events name, and the outcome of each event as far as rules decide."""
    meters = sender.directory.meters({event.event_name for event in events})
    named = {
        event.payload[rules.customer_key]
        for event in events
        if (rules := meters.get(event.event_name)) and event.payload.get(rules.customer_key)
    }
    customers = sender.directory.customers(named)
    request = _digest(sender.request_key)[:REQUEST_BYTES]
    judged = [
        _judge_one(sender, request, event, meters.get(event.event_name), customers, order)
        for order, event in enumerate(events)
    ]
    if any(rules.measure.dimensions for rules in meters.values()):
        judged = _admitted(judged, events, meters)
    return customers, judged


def _admitted(
    judged: Sequence[Outcome], events: Sequence[EventParams], meters: Mapping[str, MeterRules]
) -> list[Outcome]:
    """The outcomes, those of events refused whose cell is one too many for their customer."""
    wanted: dict[CellsKey, dict[str, Values]] = {}
    keys: dict[int, tuple[CellsKey, str]] = {}
    for place, (outcome, params) in enumerate(zip(judged, events, strict=True)):
        event = outcome.event
        cell = cell_from_text(event.measure) if event else WHOLE
        if event is not None and cell:
            month = month_of(event.timestamp)
            key = CellsKey(event.livemode, event.meter, event.customer, month)
            values = acceptance.dimensions_in(params.payload, meters[params.event_name])
            wanted.setdefault(key, {})[cell] = values
            keys[place] = key, cell
    refused = cells.admit(wanted)
    return [
        outcome
        if keys.get(place) not in refused
        else Outcome(
            outcome.identifier,
            meters[events[place].event_name].id,
            refusal=acceptance.too_many_cells(meters[events[place].event_name]),
        )
        for place, outcome in enumerate(judged)
    ]


def _judge_one(
    sender: Sender,
    request: bytes,
    event: EventParams,
    meter: MeterRules | None,
    customers: Mapping[str, int | None],
    order: int,
) -> Outcome:
    try:
        rules = acceptance.check_meter(meter, event.event_name)
        customer = acceptance.customer_in(event.payload, rules)
        value = acceptance.value_in(event.payload, rules)
        cell = cell_of(acceptance.dimensions_in(event.payload, rules))
        acceptance.check_customer(customer, rules, exists=customer in customers)
        clock = customers[customer]
        now = sender.now if clock is None else clock
        timestamp = now if event.timestamp is None else event.timestamp
        acceptance.check_timestamp(timestamp, now)
    except EventRefused as refusal:
        return Outcome(event.identifier, meter.id if meter else None, refusal=refusal)
    payload = payload_text(event.payload)
    accepted = AcceptedEvent(
        livemode=sender.livemode,
        identifier=event.identifier,
        event_name=event.event_name,
        meter=rules.id,
        measure=with_cell(acceptance.measure_text(rules.measure), cell),
        customer=customer,
        value=format_decimal(value),
        timestamp=timestamp,
        accepted_at=sender.now_microseconds + order,
        payload=payload,
        request=request,
        fingerprint=_fingerprint(event, payload),
    )
    return Outcome(event.identifier, event=accepted)


def _event_params(
    sender: Sender,
    params: Mapping[str, Any],
    read_timestamp: Callable[[Any, str], int],
    place: str = "",
) -> EventParams:
    timestamp = params.get("timestamp")
    at = f"{place}[timestamp]" if place else "timestamp"
    return EventParams(
        event_name=params["event_name"],
        payload=params["payload"],
        identifier=params.get("identifier") or _identifier_from(sender.request_key, place),
        timestamp=None if timestamp is None else read_timestamp(timestamp, at),
    )


def _seconds(value: int, _: str) -> int:
    return value


def _rfc3339(text: str, param: str) -> int:
    seconds = unix_seconds(text)
    if seconds is None:
        message = f"Invalid timestamp: {text}; write it like 2026-01-31T12:00:00Z."
        raise BillingError(message, code="parameter_invalid", param=param)
    return seconds


def _identifier_from(request_key: str, place: str) -> str:
    """An identifier for an event that came without one: the same request gives the same."""
    return str(UUID(bytes=_digest(f"identifier\n{request_key}\n{place}"), version=4))


def _fingerprint(event: EventParams, payload: str | None = None) -> bytes:
    """What an event says; ``payload`` is its text, where that is known already."""
    text = payload or payload_text(event.payload)
    return _digest(f"{event.event_name}\n{event.timestamp}\n{text}")[:FINGERPRINT_BYTES]


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()[:16]
