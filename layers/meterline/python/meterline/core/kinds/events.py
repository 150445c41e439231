"""The kinds of objects about events, and where they are sent."""

from collections.abc import Mapping, MutableMapping
from typing import Any, Final

from meterline.core.base.timestamps import rfc3339
from meterline.core.kinds.divisions import Division
from meterline.core.kinds.kind import Body, Kind, Queue, Sizes, empty

ENTITLEMENT_ADDED: Final = "entitlements.active_entitlement_summary.entitlement_added"
ENTITLEMENT_REMOVED: Final = "entitlements.active_entitlement_summary.entitlement_removed"
THIN_ONLY_TYPES: Final = frozenset({ENTITLEMENT_ADDED, ENTITLEMENT_REMOVED})
"""Types of events that v2 alone has, stored with those of their commit; v2 calls them ``v1.…``."""


def _is_undisturbed(delivery: Mapping[str, Any]) -> bool:
    """Whether a delivery has not failed so far, or is of no interest any more."""
    is_first = delivery["status"] == "pending" and not delivery["attempts"]
    return is_first or delivery["status"] in ("succeeded", "canceled")


def _endpoint_of(delivery_id: str) -> str:
    return delivery_id.rpartition(".")[2]


def _as_answered(destination: MutableMapping[str, Any], _: int) -> None:
    """Give a stored destination the form of v2. Its URL is shown only to those who ask for it."""
    for name in ("created", "updated"):
        destination[name] = rfc3339(destination[name] * 1_000)
    if destination.pop("url", None) is not None:
        destination["webhook_endpoint"] = {}


def _as_emitted(destination: Body) -> Body:
    """A destination as events show it."""
    shown = {**destination}
    _as_answered(shown, 0)
    return shown


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
        name="v2.core.event_destination",
        noun="event destination",
        id_prefix="ed_",
        api="v2",
        collection="core/event_destinations",
        permission="webhook_endpoints",
        empty=empty(
            whole="amazon_eventbridge status_details status_details.disabled webhook_endpoint",
            null="azure_event_grid",
        ),
        answered=_as_answered,
        emitted=_as_emitted,
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
