"""What is remembered of how far a customer's usage is from billing thresholds.

One note beside the customer holds it for all its meters: what is left to a threshold is divided
among them, so they are remembered together. It is forgotten and remembered by the rules of
``store.base.notes``.
"""

from collections.abc import Mapping
from dataclasses import field

from meterline.core.base.frozen import frozen
from meterline.core.metering.headroom import Headroom
from meterline.store.base.documents import Document
from meterline.store.base.notes import Place, forget_note, note_of, save_note
from meterline.store.metering.headrooms import packed, unpacked

_NAME = "amounts"


@frozen
class RememberedRooms:
    """The headrooms of meters as noted, and what they count for; None of a meter that may not
    change at all. Other meters have nothing to do with the thresholds. ``may_recover`` says that no
    meter of them may fall. Without a ``basis`` nothing is remembered.
    """

    basis: str = ""
    until: int = 0
    may_recover: bool = False
    rooms: Mapping[str, Headroom | None] = field(default_factory=dict)


NOTHING = RememberedRooms()


def rooms_beside(customer: Document) -> RememberedRooms:
    """What is remembered of a customer, as it was read with it."""
    body = note_of(customer, _NAME).body
    if body is None:
        return NOTHING
    rooms = {
        meter: None if room is None else unpacked(room) for meter, room in body["rooms"].items()
    }
    return RememberedRooms(body["basis"], body["until"], body["may_recover"], rooms)


def forget_rooms(livemode: bool, customer: str) -> Place | None:  # noqa: FBT001 - a part of the key
    """Forget what is remembered, before anything is read; gives where the next may be noted."""
    return forget_note(livemode, customer, _NAME)


def save_rooms(livemode: bool, customer: str, place: Place, remembered: RememberedRooms) -> None:  # noqa: FBT001 - a part of the key
    """Remember headrooms, unless the customer, or other headrooms, were written since."""
    rooms = {
        meter: None if room is None else packed(room) for meter, room in remembered.rooms.items()
    }
    body = {
        "basis": remembered.basis,
        "until": remembered.until,
        "may_recover": remembered.may_recover,
        "rooms": rooms,
    }
    save_note(livemode, customer, _NAME, place, body)
