"""The worker that delivers events to endpoints: it decides from stored deliveries, calls, records.

What a batch needs is read together. Its calls are made side by side, and each is recorded as soon
as it ends, so that none waits for a slower one. A worker that dies before it has recorded a call
makes it again: an endpoint gets an event at least once, and no record says more than is known.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from meterline.core.base.frozen import frozen
from meterline.core.events.endpoint_urls import UnusableUrl
from meterline.core.events.signatures import signature_header
from meterline.observability import log_failure, log_scope, logger, record_metric
from meterline.services.base.workers import BatchAnswer, Record, worker_context
from meterline.services.events.deliveries import (
    Attempt,
    WebhookDelivery,
    after_attempt,
    cancelled,
    endpoints_of,
    given_up,
    holder_of,
    is_asked_for,
    is_wanted,
    known_as,
    put_off,
)
from meterline.services.events.endpoint_health import (
    Holds,
    has_given_up,
    note_outcome,
    wait_for,
)
from meterline.services.events.endpoints import Endpoint, EndpointState, bus_of, url_of
from meterline.services.events.event_text import event_text
from meterline.services.events.payloads import AnyEvent, payload
from meterline.services.work.message_tries import MessageTry, hold_batch
from meterline.store.base.budgets import WEBHOOK_BATCH_SECONDS
from meterline.store.base.documents import Conflict, Document
from meterline.store.events.event_bus import BusEntry, in_calls
from meterline.store.events.outgoing_calls import Outgoing
from meterline.store.events.replies import Reply

if TYPE_CHECKING:
    from meterline.services.base.context import Context

WORK = "webhooks"
_SOURCE = "meterline/"
"""How what is put on an event bus says where it is from, before the destination's id."""

_ROUNDS = 5
"""Reads of a delivery that others write meanwhile, before recording gives up."""

_TIMED_OUT = Reply(None, WEBHOOK_BATCH_SECONDS * 1_000, "timed out")


class Sender(Protocol):
    """Who makes the calls."""

    def post(self, outgoing: Outgoing, /) -> Reply:
        """Send something to an endpoint; never raises."""

    def put(self, entries: Sequence[BusEntry], /) -> list[Reply]:
        """Put entries on their event bus, as many as a call takes; never raises."""


@frozen
class _Call:
    """What is to be sent for a delivery."""

    delivery: Document[WebhookDelivery]
    endpoint: Document[Endpoint]
    outgoing: Outgoing | BusEntry
    began: int


@dataclass(slots=True)
class _Batch:
    """The messages of a batch by their deliveries, and why those failed that did."""

    tries: dict[str, list[MessageTry]] = field(default_factory=dict)
    ids: dict[str, list[str]] = field(default_factory=dict)
    errors: dict[str, Exception] = field(default_factory=dict)
    unreadable: list[str] = field(default_factory=list)

    def take(self, record: Record) -> None:
        """Add a message; one that cannot be read fails by itself."""
        message_id = str(record["messageId"])
        try:
            one_try = MessageTry.of(record)
        except Exception as error:  # noqa: BLE001 - it takes no other message with it
            log_failure("message failed", error)
            self.unreadable.append(message_id)
            return
        self.tries.setdefault(one_try.message.object_id, []).append(one_try)
        self.ids.setdefault(one_try.message.object_id, []).append(message_id)

    def fail(self, delivery_id: str, error: Exception) -> None:
        """Note why the messages about a delivery fail."""
        with log_scope(object=delivery_id):
            log_failure("message failed", error)
        self.errors[delivery_id] = error

    def of_mode(self, livemode: bool) -> list[str]:  # noqa: FBT001 - a part of the key
        """The deliveries of a mode."""
        return [one for one, tries in self.tries.items() if tries[0].message.livemode == livemode]


def deliver_batch(
    records: list[Record], sender: Sender, *, seconds_left: int | None = None
) -> BatchAnswer:
    """Make the attempts that messages remind of; those messages that fail come again.

    An attempt that fails is no failed message: it is recorded, and the next one planned.
    """
    hold_batch(records, seconds_left)
    batch = _Batch()
    for record in records:
        batch.take(record)
    noted: set[tuple[str, bool]] = set()
    for call, reply in _made(_planned(batch), sender):
        try:
            _record(call, reply)
            _note_health(call, reply, noted)
        except Exception as error:  # noqa: BLE001 - it takes no other message with it
            batch.fail(call.delivery.id, error)
    return _answer(records, batch)


def _planned(batch: _Batch) -> list[_Call]:
    """The calls that a batch's messages ask for."""
    calls: list[_Call] = []
    holds = Holds()
    for livemode in (True, False):
        ids = batch.of_mode(livemode)
        ctx = worker_context(livemode=livemode)
        try:
            found = _read(ctx, ids)
        except Exception as error:  # noqa: BLE001 - each message has a time at which it comes again
            for delivery_id in ids:
                batch.fail(delivery_id, error)
            continue
        for delivery_id in ids:
            try:
                calls += _plan(ctx, delivery_id, found, batch.tries[delivery_id], holds)
            except Exception as error:  # noqa: BLE001 - it takes no other message with it
                batch.fail(delivery_id, error)
    return calls


def _read(ctx: "Context", ids: Sequence[str]) -> dict[str, Document[Any]]:
    """The deliveries of these ids, and the events and endpoints of those that are wanted."""
    if not ids:
        return {}
    deliveries = ctx.store.get_many(ids)
    wanted = [
        delivery.body for delivery in deliveries.values() if is_wanted(delivery, ctx.wall_clock)
    ]
    needed = {holder_of(body) for body in wanted}
    needed |= {body["webhook_endpoint"] for body in wanted}
    return {**deliveries, **ctx.store.get_many(sorted(needed))}


def _plan(
    ctx: "Context",
    delivery_id: str,
    found: Mapping[str, Document[Any]],
    tries: list[MessageTry],
    holds: Holds,
) -> list[_Call]:
    """The call that a delivery asks for; nothing if it asks for none, or for none any more."""
    delivery: Document[WebhookDelivery] | None = found.get(delivery_id)
    if delivery is None or not is_wanted(delivery, ctx.wall_clock):
        return []
    for one_try in tries:
        if one_try.is_last:
            one_try.note_stuck(delivery.due_at or 0, ctx.wall_clock)
    endpoint = found.get(delivery.body["webhook_endpoint"])
    event = _event_in(found.get(holder_of(delivery.body)), delivery.body["event"])
    if endpoint is None or endpoint.body["status"] != "enabled" or event is None:
        _end(ctx, delivery, endpoint)
        return []
    delivery = known_as(delivery, event)
    admitted = endpoint if is_asked_for(delivery.body) else holds.admitted(ctx, endpoint)
    if admitted is None:
        _put_off(ctx, delivery, endpoint)
        return []
    try:
        outgoing = _outgoing(ctx, delivery, endpoint.body, event)
    except UnusableUrl:
        began = ctx.wall_clock
        _write(ctx, delivery, _attempt(began, Reply(None, 0, "the URL cannot be called")))
        return []
    return [_Call(delivery, admitted, outgoing, ctx.wall_clock)]


def _event_in(box: Document[Any] | None, event_id: str) -> AnyEvent | None:
    events: list[AnyEvent] = box.body["events"] if box is not None else []
    return next((event for event in events if event["id"] == event_id), None)


def _outgoing(
    ctx: "Context",
    delivery: Document[WebhookDelivery],
    endpoint: Endpoint,
    event: AnyEvent,
) -> Outgoing | BusEntry:
    """What is sent: the event in the endpoint's form, signed with its secrets if it is called."""
    shown = payload(endpoint, event, pending_webhooks=endpoints_of(delivery.body))
    text = event_text(shown)
    bus = bus_of(endpoint)
    if bus is not None:
        source = f"{_SOURCE}{endpoint['id']}"
        return BusEntry(bus["aws_event_source_arn"], source, shown["type"], text)
    body = text.encode()
    secrets = EndpointState.of(endpoint).secrets_at(ctx.wall_clock)
    headers = {
        "Content-Type": "application/json; charset=utf-8",
        "Stripe-Signature": signature_header(body, secrets, ctx.wall_clock),
        "User-Agent": "Meterline/1.0 (webhooks)",
    }
    return Outgoing(url_of(endpoint["url"], livemode=ctx.livemode), body, headers)


def _made(calls: Sequence[_Call], sender: Sender) -> Iterator[tuple[_Call, Reply]]:
    """The calls with what came of each, as they end.

    A thread that hangs in a resolver is left to itself: it holds nothing.
    """
    if not calls:
        return
    threads = ThreadPoolExecutor(len(calls))
    under_way = {threads.submit(work): made for made, work in _sendings(calls, sender)}
    try:
        for done in as_completed(list(under_way), timeout=WEBHOOK_BATCH_SECONDS):
            yield from zip(under_way.pop(done), done.result(), strict=True)
    except TimeoutError:
        for late, made in under_way.items():
            replies = late.result() if late.done() else [_TIMED_OUT] * len(made)
            yield from zip(made, replies, strict=True)
    finally:
        threads.shutdown(wait=False)


def _sendings(
    calls: Sequence[_Call], sender: Sender
) -> Iterator[tuple[list[_Call], Callable[[], list[Reply]]]]:
    """What is sent at once: a call to an endpoint, or the entries that an event bus takes in one.

    Each comes with the calls that it makes, in the order of its replies.
    """
    on_buses: dict[str, list[tuple[_Call, BusEntry]]] = {}
    for call in calls:
        if isinstance(call.outgoing, BusEntry):
            on_buses.setdefault(call.outgoing.bus_arn, []).append((call, call.outgoing))
        else:
            yield [call], partial(_posted, sender, call.outgoing)
    for entries in on_buses.values():
        for together in in_calls(entries):
            put = partial(sender.put, [entry for _, entry in together])
            yield [call for call, _ in together], put


def _posted(sender: Sender, outgoing: Outgoing) -> list[Reply]:
    return [sender.post(outgoing)]


def _record(call: _Call, reply: Reply) -> None:
    """Store what came of a call."""
    ctx = worker_context(livemode=call.delivery.livemode)
    with log_scope(object=call.delivery.id):
        _write(ctx, call.delivery, _attempt(call.began, reply))
        logger.info("attempt", response=reply.status, took=reply.milliseconds, error=reply.error)


def _attempt(began: int, reply: Reply) -> Attempt:
    return {
        "attempted_at": began,
        "milliseconds": reply.milliseconds,
        "response_status": reply.status,
        "error": reply.error,
    }


def _write(ctx: "Context", delivery: Document[WebhookDelivery], attempt: Attempt) -> None:
    """Add an attempt to a delivery, whatever others add to it meanwhile.

    What is stored already stays: a write whose answer was lost, and a success.
    """
    is_planned = True
    for _ in range(_ROUNDS):
        changed = after_attempt(delivery, attempt, now=ctx.wall_clock, is_planned=is_planned)
        try:
            ctx.store.put(changed)
        except Conflict:
            latest = ctx.store.get(delivery.id)
            if latest is None or latest.body["status"] == "succeeded":
                return
            if attempt in latest.body["attempts"]:
                return
            delivery, is_planned = latest, False
        else:
            return
    raise Conflict(delivery.id)


def _end(
    ctx: "Context", delivery: Document[WebhookDelivery], endpoint: Document[Endpoint] | None
) -> None:
    """End a delivery whose endpoint gets nothing more, or whose event is gone."""
    is_given_up = endpoint is not None and has_given_up(endpoint.body)
    ctx.store.put(given_up(delivery) if is_given_up else cancelled(delivery))


def _put_off(
    ctx: "Context", delivery: Document[WebhookDelivery], endpoint: Document[Endpoint]
) -> None:
    """Let a delivery wait for an endpoint that is held; what another worker stored stays."""
    wait = wait_for(endpoint.body, delivery.id, ctx.wall_clock)
    with suppress(Conflict):
        ctx.store.put(put_off(delivery, ctx.wall_clock + wait))


def _note_health(call: _Call, reply: Reply, noted: set[tuple[str, bool]]) -> None:
    """Note once for each batch that an endpoint took an event, or did not."""
    outcome = (call.endpoint.id, reply.is_success)
    if outcome not in noted:
        noted.add(outcome)
        ctx = worker_context(livemode=call.delivery.livemode)
        note_outcome(ctx, call.endpoint, reply)


def _answer(records: Sequence[Record], batch: _Batch) -> BatchAnswer:
    """Lambda's partial batch response; stuck notes follow what became of last tries."""
    failed = [*batch.unreadable]
    for one, tries in batch.tries.items():
        outcomes = zip(tries, batch.ids[one], strict=True)
        failed += [
            message_id
            for one_try, message_id in outcomes
            if _has_failed(one_try, batch.errors.get(one))
        ]
    record_metric("Count", work=WORK, WorkDone=len(records) - len(failed), WorkFailed=len(failed))
    logger.info("batch", done=len(records) - len(failed), failed=len(failed))
    return {"batchItemFailures": _failures(failed)}


def _failures(message_ids: Iterable[str]) -> list[dict[str, str]]:
    return [{"itemIdentifier": message_id} for message_id in message_ids]


def _has_failed(one_try: MessageTry, error: Exception | None) -> bool:
    if error is not None:
        return not one_try.is_settled_after(error)
    if one_try.is_last:
        one_try.forget_stuck()
    return False
