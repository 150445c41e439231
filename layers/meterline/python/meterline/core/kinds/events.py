"""The kinds of objects about events, and where they are sent."""

from meterline.core.kinds.divisions import Division
from meterline.core.kinds.kind import Body, Kind, Sizes, empty


def _say_undelivered(endpoint: Body, _now: int) -> None:
    """Say that nothing is sent to it yet, whatever its ``status`` asks for."""
    endpoint["meterline"] = {"delivers": False}


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
        answered=_say_undelivered,
    ),
)
