"""The kinds of objects about events, and where they are sent."""

from collections.abc import Mapping
from typing import Any

from meterline.core.kinds.divisions import Division
from meterline.core.kinds.kind import Kind, Queue, Sizes, empty


def _is_undisturbed(delivery: Mapping[str, Any]) -> bool:
    """Whether a delivery has not failed so far, or is of no interest any more."""
    is_first = delivery["status"] == "pending" and not delivery["attempts"]
    return is_first or delivery["status"] in ("succeeded", "canceled")


def _endpoint_of(delivery_id: str) -> str:
    return delivery_id.rpartition(".")[2]


KINDS = (
    Kind(
        name="event",
        noun="event",
        id_prefix="evt_",
        collection="events",
        empty=empty(whole="data request"),
        division=Division(shards=8),
        holds_events=True,
        sizes=Sizes(is_own=True),
    ),
    Kind(name="v2.core.event", noun="event", division=Division(shards=8), holds_events=True),
    Kind(
        name="webhook_endpoint",
        noun="webhook endpoint",
        id_prefix="we_",
        collection="webhook_endpoints",
    ),
    Kind(
        name="meterline.webhook_delivery",
        noun="webhook delivery",
        id_prefix="whd_",
        permission="events",
        division=Division(shards=8, hides=_is_undisturbed),
        queue=Queue.WEBHOOKS,
        group_of=_endpoint_of,
        sizes=Sizes(is_own=True),
    ),
)
