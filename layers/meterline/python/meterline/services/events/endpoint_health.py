"""Endpoints that take nothing: since when, and no more once that has been for too long.

An endpoint is written when it begins to fail, each hour while it does, when it is held and when it
has recovered, not for each attempt. A write that another one forestalls is left: the next attempt
says the same again. Whoever has not failed for a day begins anew: nothing may have been sent to it.
"""

from contextlib import suppress
from dataclasses import dataclass, field, replace

from meterline.core.events.holds import PROBE_SECONDS, hold_after, wait_of
from meterline.core.events.retry_schedule import DISABLED_AFTER_SECONDS
from meterline.services.base.context import Context
from meterline.services.base.outbox import EventDraft
from meterline.services.events.endpoints import (
    DISABLED_EVENTS,
    EVENT_DESTINATION,
    Endpoint,
    EndpointState,
    well,
)
from meterline.store.base.documents import Change, Conflict, Document
from meterline.store.events.replies import Reply

_NOTED_SECONDS = 3_600
"""How often it is noted that an endpoint still takes nothing."""


def note_outcome(
    ctx: Context,
    endpoint: Document[Endpoint],
    reply: Reply,
) -> None:
    """Note that an endpoint has taken an event, or that it has not, by ``ctx.wall_clock``.

    Holds it while it does not answer. Disables it, and emits that, when it has taken none for the
    whole of three days.
    """
    now, stored = ctx.wall_clock, EndpointState.of(endpoint.body)
    if reply.is_success:
        if stored.failing_since is not None:
            _write(ctx, endpoint, well(stored))
        return
    state = stored.known_at(now)
    if state.failing_since is None:
        _write(ctx, endpoint, replace(state, failing_since=now, failed_at=now))
        return
    failing_seconds = now - state.failing_since
    if failing_seconds >= DISABLED_AFTER_SECONDS:
        _disable(ctx, endpoint)
        return
    hold = hold_after(failing_seconds, reply.milliseconds)
    until = None if hold is None else now + hold
    is_old = now - (state.failed_at or state.failing_since) >= _NOTED_SECONDS
    if is_old or until != state.held_until:
        _write(ctx, endpoint, replace(state, held_until=until, failed_at=now))


def has_given_up(endpoint: Endpoint) -> bool:
    """Whether an endpoint was disabled while it took nothing."""
    failing = EndpointState.of(endpoint).failing_since is not None
    return endpoint["status"] == "disabled" and failing


@dataclass(slots=True)
class Holds:
    """The endpoints that a batch calls though they are held: each once."""

    probed: set[str] = field(default_factory=set)

    def admitted(self, ctx: Context, endpoint: Document[Endpoint]) -> Document[Endpoint] | None:
        """The endpoint as it is when it is called; None if it is held.

        When its hold has ended one caller takes it on, for the call that it makes.
        """
        state = EndpointState.of(endpoint.body).known_at(ctx.wall_clock)
        if state.held_until is None:
            return endpoint
        if endpoint.id in self.probed or ctx.wall_clock < state.held_until:
            return None
        self.probed.add(endpoint.id)
        taken = replace(state, held_until=ctx.wall_clock + PROBE_SECONDS).on(endpoint.body)
        try:
            ctx.store.put(replace(endpoint, body=taken))
        except Conflict:
            return None
        return replace(endpoint, body=taken, version=endpoint.version + 1)


def wait_for(endpoint: Endpoint, delivery_id: str, now: int) -> int:
    """How many seconds a delivery waits for an endpoint that is held."""
    state = EndpointState.of(endpoint)
    hold = max(0, (state.held_until or now) - now) or PROBE_SECONDS
    return wait_of(delivery_id, hold, state.failing_seconds)


def _disable(ctx: Context, endpoint: Document[Endpoint]) -> None:
    body: Endpoint = endpoint.body.copy()
    body["status"] = "disabled"
    if body["object"] == EVENT_DESTINATION:
        body["updated"] = ctx.wall_clock
        if body["type"] == "amazon_eventbridge":
            body["status_details"] = {"disabled": {"reason": "no_aws_event_source_exists"}}
    draft = EventDraft(DISABLED_EVENTS[endpoint.kind], body, before=endpoint.body)
    with suppress(Conflict):
        ctx.save(Change(puts=[replace(endpoint, body=body)]), [draft])


def _write(ctx: Context, endpoint: Document[Endpoint], state: EndpointState) -> None:
    with suppress(Conflict):
        ctx.store.put(replace(endpoint, body=state.on(endpoint.body)))
