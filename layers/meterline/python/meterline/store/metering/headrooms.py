"""What is remembered of how far a customer's usage of a meter is from its next threshold.

It is noted beside the customer, so whoever reads the customer has read it, and it counts for one
state of the customer (``store.base.notes``).
"""

from decimal import Decimal
from typing import Any, NamedTuple

from meterline.core.base.frozen import frozen
from meterline.core.base.money import format_decimal
from meterline.core.metering.aggregation import Formula
from meterline.core.metering.headroom import Headroom
from meterline.store.base.documents import Document
from meterline.store.base.notes import Place, forget_note, note_of, save_note

type Packed = dict[str, Any]


class UsageKey(NamedTuple):
    """Whose usage of which meter."""

    livemode: bool
    meter: str
    customer: str


@frozen
class Remembered:
    """A headroom as noted, None if it is forgotten; ``basis`` tells what it was decided on.

    ``place`` is where the next may be noted, None if there is no customer.
    """

    place: Place | None = None
    basis: str = ""
    headroom: Headroom | None = None


NOTHING = Remembered()


def headroom_beside(customer: Document | None, meter: str) -> Remembered:
    """What is remembered of a customer's usage of a meter, as it was read with the customer."""
    if customer is None:
        return NOTHING
    note = note_of(customer, _name(meter))
    if note.body is None:
        return Remembered(note.place)
    return Remembered(note.place, note.body["basis"], unpacked(note.body))


def forget_headroom(key: UsageKey) -> Remembered:
    """Forget what is remembered, before the usage is added up.

    From then on nobody who forgot before can remember what was added up meanwhile.
    """
    return Remembered(forget_note(key.livemode, key.customer, _name(key.meter)))


def save_headroom(key: UsageKey, forgotten: Remembered, basis: str, headroom: Headroom) -> None:
    """Remember a headroom, unless the customer, or another headroom, was written since."""
    if forgotten.place is not None:
        body = {"basis": basis, **packed(headroom)}
        save_note(key.livemode, key.customer, _name(key.meter), forgotten.place, body)


def packed(headroom: Headroom) -> Packed:
    """A headroom as it is noted."""
    body: Packed = {"formula": headroom.formula.value, "share": str(headroom.share)}
    if headroom.hours is not None:
        first = headroom.hours.start
        held = sorted(headroom.levels.items())
        levels = [f"{hour - first}:{format_decimal(level)}" for hour, level in held]
        body |= {"first": first, "stop": headroom.hours.stop, "levels": " ".join(levels)}
    if headroom.since is not None:
        body |= {"since": headroom.since, "ahead": str(headroom.ahead)}
    return body


def unpacked(body: Packed) -> Headroom:
    """The headroom that ``packed`` has made a note of."""
    hours, levels = None, {}
    if "first" in body:
        first = body["first"]
        hours = range(first, body["stop"])
        pairs = (pair.split(":") for pair in body["levels"].split())
        levels = {first + int(place): Decimal(level) for place, level in pairs}
    return Headroom(
        Formula(body["formula"]),
        Decimal(body["share"]),
        hours,
        levels,
        body.get("since"),
        Decimal(body.get("ahead", 0)),
    )


def _name(meter: str) -> str:
    return f"usage/{meter}"
