"""Fanning events out: a delivery, and a message about it, for each endpoint that asks for an event.

Each delivery is stored once, whatever the stream repeats; its message may be sent several times,
which is harmless. The endpoints of a mode are read again after a few seconds: a new one hears of
what happens from then on. One that was deleted or disabled gets nothing more, whatever is
remembered here: whoever delivers reads it again.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial

from meterline.core.base.frozen import frozen
from meterline.services.base.limits import members
from meterline.services.base.outbox import RETENTION_SECONDS
from meterline.services.base.parallel import in_parallel
from meterline.services.base.workers import worker_context
from meterline.services.events.deliveries import KIND, WebhookDelivery, new_delivery
from meterline.services.events.endpoints import MEMBERS, Endpoint
from meterline.services.events.payloads import AnyEvent, asks_for
from meterline.store.base.documents import Conflict, Document
from meterline.store.billing.repository import BillingStore
from meterline.store.work.queues import DueMessage, enqueue

REMEMBERED_SECONDS = 5
"""How long the endpoints of a mode are remembered."""


@frozen
class Emitted:
    """Events of one commit, and until when they are kept (UTC seconds), if that is known."""

    events: Sequence[AnyEvent]
    expires_at: int | None = None


@dataclass(slots=True)
class Endpoints:
    """The enabled endpoints of each mode, as they were a few seconds ago. Seconds are monotonic."""

    clock: Callable[[], float] = time.monotonic
    _read: dict[bool, tuple[float, list[Endpoint]]] = field(default_factory=dict)

    def of_mode(self, livemode: bool) -> list[Endpoint]:  # noqa: FBT001 - a part of the key
        """The enabled endpoints of a mode."""
        known = self._read.get(livemode)
        if known is None or self.clock() - known[0] > REMEMBERED_SECONDS:
            known = self._read[livemode] = (self.clock(), enabled_endpoints(livemode))
        return known[1]

    def forget(self) -> None:
        """Read all again when next asked."""
        self._read.clear()


ENDPOINTS = Endpoints()


def enabled_endpoints(livemode: bool) -> list[Endpoint]:  # noqa: FBT001 - a part of the key
    """The endpoints of a mode that events are sent to, as last committed."""
    ctx = worker_context(livemode=livemode)
    found = ctx.store.get_many(members(ctx, MEMBERS)).values()
    return [document.body for document in found if document.body["status"] == "enabled"]


def fan_out(commits: Sequence[Emitted]) -> list[BaseException | None]:
    """Store the deliveries of commits and send messages about them; why one failed, or None.

    Nothing is read or written for a mode without endpoints but the list of them.
    """
    failures: list[BaseException | None] = [None] * len(commits)
    planned: list[tuple[int, Document[WebhookDelivery]]] = []
    for place, commit in enumerate(commits):
        try:
            planned += [(place, delivery) for delivery in _deliveries(commit)]
        except Exception as error:  # noqa: BLE001 - it takes no other commit with it
            failures[place] = error
    stored = in_parallel([partial(_store, delivery) for _, delivery in planned])
    for (place, _), failure in zip(planned, stored, strict=True):
        failures[place] = failures[place] or failure
    ready = [(place, delivery) for place, delivery in planned if failures[place] is None]
    try:
        send(delivery for _, delivery in ready)
    except Exception as error:  # noqa: BLE001 - noted at its commits
        for place, _ in ready:
            failures[place] = error
    return failures


def send(deliveries: Iterable[Document[WebhookDelivery]]) -> int:
    """Send a message about each delivery; returns how many."""
    return enqueue(DueMessage(delivery.livemode, KIND, delivery.id) for delivery in deliveries)


def _deliveries(commit: Emitted) -> list[Document[WebhookDelivery]]:
    """The deliveries of a commit's events, as new ones."""
    return [delivery for event in commit.events for delivery in _deliveries_of(event, commit)]


def _deliveries_of(event: AnyEvent, commit: Emitted) -> list[Document[WebhookDelivery]]:
    asking = [
        endpoint["id"]
        for endpoint in ENDPOINTS.of_mode(event["livemode"])
        if asks_for(endpoint, event) and not _is_older(commit, endpoint)
    ]
    now = worker_context(livemode=event["livemode"]).wall_clock
    return [
        new_delivery(
            event, endpoint_id, endpoints=len(asking), now=now, expires_at=commit.expires_at
        )
        for endpoint_id in asking
    ]


def _is_older(commit: Emitted, endpoint: Endpoint) -> bool:
    """Whether a commit was made before an endpoint was, as when a stream is replayed."""
    if commit.expires_at is None:
        return False
    return commit.expires_at - RETENTION_SECONDS < endpoint["created"]


def _store(delivery: Document[WebhookDelivery]) -> BaseException | None:
    """Store a delivery unless it is there already; why it could not be, if so."""
    try:
        with suppress(Conflict):
            BillingStore(delivery.livemode).put(delivery)
    except Exception as error:  # noqa: BLE001 - noted at its commit
        return error
    return None
