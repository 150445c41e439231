"""What a customer remembers: private state of its own document, written with each decision."""

from dataclasses import dataclass
from typing import NotRequired, TypedDict

from meterline.core.base.private_state import PrivateState


class OpenBatch(TypedDict):
    """A pending-item batch that is open, and what it is for."""

    id: str
    currency: str
    subscription: str | None
    held_back: NotRequired[bool]


class Handover(TypedDict):
    """One second: which items began to count in it by meter, and which meters ended with a bill.

    ``before`` has the meters that ended in seconds before it, by second.
    """

    at: int
    began: dict[str, list[str]]
    ended: list[str]
    before: NotRequired[dict[str, list[str]]]


@dataclass(frozen=True, slots=True)
class CustomerState(PrivateState):
    """What a customer remembers; other rooms own the rules, and only the customer knows all."""

    handover: Handover | None = None
    running: list[str] | None = None
    tabs: list[OpenBatch] | None = None
    threshold_subscriptions: list[str] | None = None
