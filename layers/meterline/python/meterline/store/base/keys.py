"""How objects are keyed: livemode is part of every key, and busy index partitions are sharded."""

import zlib

from meterline.core.base.frozen import frozen
from meterline.store.base.documents import LIVE

DUE_SHARDS = 8
END_OF_TIME = 99_999_999_998
"""A second that comes after all others, UTC; test clocks reach the year 2999."""

_TIME_DIGITS = 11
_MAX_VALUE_BYTES = 1_000
_JOINT = "#"
"""Stands between the parts of keys, and in no id."""


@frozen
class Cursor:
    """A place in a list: just after (or before) the object that was created then, with that id."""

    created: int
    id: str

    @property
    def sort_key(self) -> str:
        """The place as an index sort key."""
        return f"{self.created:0{_TIME_DIGITS}d}#{self.id}"


def mode(livemode: bool) -> str:  # noqa: FBT001 - the value itself, not a switch
    """The key prefix that keeps live and test data apart."""
    return "l" if livemode else "t"


def can_be_stored(value: str) -> bool:
    """Whether ``value`` can be an object's id; what cannot be was never stored.

    It fits into a key and does not lead to a part of another one.
    """
    return _JOINT not in value and fits(value)


def fits(value: str) -> bool:
    """Whether ``value`` fits into a key (DynamoDB: 2,048 bytes)."""
    return len(value.encode("utf-8", "surrogatepass")) <= _MAX_VALUE_BYTES


def object_key(livemode: bool, object_id: str) -> str:  # noqa: FBT001 - a part of the key
    """The partition key of an object."""
    return f"{mode(livemode)}#{object_id}"


def claim_key(livemode: bool, kind: str, value: str) -> str:  # noqa: FBT001 - a part of the key
    """The partition key of a claim on a value that one object of a kind holds."""
    return f"{mode(livemode)}#claim#{kind}#{value}"


def term_key(livemode: bool, kind: str, term: str) -> str:  # noqa: FBT001 - a part of the key
    """The partition of the objects of a kind that a search term finds."""
    return f"{mode(livemode)}#term#{kind}#{term}"


def parent_key(livemode: bool, kind: str, parent: str) -> str:  # noqa: FBT001 - a part of the key
    """The partition of the list of the objects of a kind that belong to ``parent``."""
    return f"{mode(livemode)}#{kind}#{parent}"


def due_keys(livemode: bool, timeline: str) -> list[str]:  # noqa: FBT001 - a part of the key
    """The partitions of what falls due on a timeline."""
    shards = DUE_SHARDS if timeline == LIVE else 1
    return [f"{mode(livemode)}#{timeline}#{shard}" for shard in range(shards)]


def parent_of_key(key: str | None) -> str | None:
    """The ``parent`` that ``parent_key`` made a key of."""
    return None if key is None else key.split("#", 2)[2]


def shard_of(object_id: str, shards: int) -> int:
    """Which of so many shards an object belongs to."""
    return zlib.crc32(object_id.encode()) % shards
