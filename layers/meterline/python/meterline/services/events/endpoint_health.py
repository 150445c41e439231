"""Endpoints that take nothing: since when, and no more once that has been for too long.

An endpoint is written when it begins to fail and when it has recovered, not for each attempt. A
write that another one forestalls is left: the next attempt says the same again.
"""

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from meterline.core.events.retry_schedule import DISABLED_AFTER_SECONDS
from meterline.services.base.context import Context
from meterline.services.base.outbox import EventDraft
from meterline.services.events.webhook_endpoints import ENDPOINT_DISABLED, EndpointState
from meterline.store.base.documents import Change, Conflict, Document

if TYPE_CHECKING:
    from meterline.core.base.wire import WebhookEndpoint


def note_outcome(
    ctx: Context,
    endpoint: "Document[WebhookEndpoint]",
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


def _disable(ctx: Context, endpoint: "Document[WebhookEndpoint]") -> None:
    body: WebhookEndpoint = {**endpoint.body, "status": "disabled"}
    draft = EventDraft(ENDPOINT_DISABLED, body, before=endpoint.body)
    with suppress(Conflict):
        ctx.save(Change(puts=[replace(endpoint, body=body)]), [draft])


def _since(
    endpoint: "Document[WebhookEndpoint]", instant: int | None
) -> "Document[WebhookEndpoint]":
    state = replace(EndpointState.of(endpoint.body), failing_since=instant)
    return replace(endpoint, body=state.on(endpoint.body))


def _write(ctx: Context, endpoint: "Document[WebhookEndpoint]") -> None:
    with suppress(Conflict):
        ctx.store.put(endpoint)
