"""All kinds of objects, by name."""

from collections.abc import Iterator

from meterline.core.kinds import (
    accounts,
    billing_credits,
    catalog,
    customers,
    events,
    invoices,
    metering,
    subscriptions,
)
from meterline.core.kinds.kind import Boxing, Kind

_KINDS: dict[str, Kind] = {}


def register(kind: Kind) -> None:
    """Make a kind known; ValueError if one of its name is."""
    if kind.name in _KINDS:
        message = f"There are two records of {kind.name}"
        raise ValueError(message)
    _KINDS[kind.name] = kind


def forget(name: str) -> None:
    """Make a kind unknown again (for tests)."""
    del _KINDS[name]


def kind_of(name: str) -> Kind:
    """The record of a kind; KeyError if there is none."""
    return _KINDS[name]


def find_kind(name: str) -> Kind | None:
    """The same; None if there is none, as of what answers say that is no object of the account."""
    return _KINDS.get(name)


def kinds() -> Iterator[Kind]:
    """All kinds, in the order of their records."""
    return iter(_KINDS.values())


def boxing_of(object_id: str) -> Boxing | None:
    """How what has an id of this beginning stands in boxes, if it does."""
    return _BOXINGS.get(object_id.partition("_")[0])


def event_kinds() -> tuple[str, ...]:
    """The kinds of documents that hold events."""
    return tuple(kind.name for kind in kinds() if kind.holds_events)


_ROOMS = (
    accounts,
    catalog,
    customers,
    billing_credits,
    metering,
    invoices,
    subscriptions,
    events,
)

for _room in _ROOMS:
    for _kind in _room.KINDS:
        register(_kind)

_BOXINGS: dict[str, Boxing] = {
    kind.id_prefix.removesuffix("_"): kind.boxing for kind in kinds() if kind.boxing is not None
}
