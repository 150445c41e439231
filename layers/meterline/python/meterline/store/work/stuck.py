"""What is stuck: objects whose due work has failed as often as its queue lets it.

The note is written before the last try, so that a function that dies in it leaves one too. It is
about one due instant of the object: when that is past, the note means nothing any more.
"""

from collections.abc import Iterable

from meterline.core.base.frozen import frozen
from meterline.store.base import keys
from meterline.store.base.models import billing_item, delete, read_many, save

KEPT_SECONDS = 14 * 86_400
"""As long as the dead letter itself; then the work is sent again, and may leave another one."""


@frozen
class Stuck:
    """An object's work is stuck: for which due instant, since when (UTC seconds), and why."""

    due_at: int
    since: int
    reason: str


def note_stuck(livemode: bool, object_id: str, stuck: Stuck) -> None:  # noqa: FBT001 - a key
    """Note that an object's work is stuck."""
    body = {"due_at": stuck.due_at, "since": stuck.since, "reason": stuck.reason}
    expires_at = stuck.since + KEPT_SECONDS
    save(billing_item()(_partition(livemode), object_id, body=body, expires_at=expires_at))


def forget_stuck(livemode: bool, object_id: str) -> None:  # noqa: FBT001 - a part of the key
    """Note that an object's work may be sent again."""
    delete(billing_item()(_partition(livemode), object_id))


def read_stuck(livemode: bool, object_ids: Iterable[str]) -> dict[str, Stuck]:  # noqa: FBT001 - a key
    """Which of these objects are stuck."""
    partition = _partition(livemode)
    places = [(partition, object_id) for object_id in dict.fromkeys(object_ids)]
    return {item.sk: Stuck(**(item.body or {})) for item in read_many(places)}


def _partition(livemode: bool) -> str:  # noqa: FBT001 - a part of the key
    return f"{keys.mode(livemode)}#stuck"
