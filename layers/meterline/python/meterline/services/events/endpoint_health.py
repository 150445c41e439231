"""Endpoints that take nothing: since when, and no more once that has been for too long.

An endpoint is written when it begins to fail and when it has recovered, not for each attempt. A
write that another one forestalls is left: the next attempt says the same again.
"""

from contextlib import suppress
from dataclasses import replace

from meterline.core.events.retry_schedule import DISABLED_AFTER_SECONDS
from meterline.services.base.context import Context
from meterline.services.base.outbox import EventDraft
from meterline.services.events.endpoints import (
    DISABLED_EVENTS,
    EVENT_DESTINATION,
    Endpoint,
    EndpointState,
)
from meterline.store.base.documents import Change, Conflict, Document


def note_outcome(
    ctx: Context,
    endpoint: Document[Endpoint],
    *,
    has_taken: bool,
) -> None:
    """Note that an endpoint has taken an event, or that it has not, by ``ctx.wall_clock``.

    Disables it, and emits that, when it has taken none for the whole of three days.
    """
    state = EndpointState.of(endpoint.body)
    if has_taken:
        if state.failing_since is not None:
            _write(ctx, _since(endpoint, None))
    elif state.failing_since is None:
        _write(ctx, _since(endpoint, ctx.wall_clock))
    elif ctx.wall_clock - state.failing_since >= DISABLED_AFTER_SECONDS:
        _disable(ctx, endpoint)


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


def _since(endpoint: Document[Endpoint], instant: int | None) -> Document[Endpoint]:
    state = replace(EndpointState.of(endpoint.body), failing_since=instant)
    return replace(endpoint, body=state.on(endpoint.body))


def _write(ctx: Context, endpoint: Document[Endpoint]) -> None:
    with suppress(Conflict):
        ctx.store.put(endpoint)
