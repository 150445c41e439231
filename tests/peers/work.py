"""The work that is the same for all: requests of usage, a month of hours, an invoice."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from tests.benchmarks.worlds import customer_id, events
from tests.faults.engine import seeded

EVENTS = 10_000
A_REQUEST = 100
CUSTOMERS = 1_000
REPEATED = EVENTS // 50
HOURS = 720
EVENTS_AN_HOUR = 10
OTHER_CUSTOMERS = 100
"""So many others have a month of usage too, where a query must find its customer."""
ROUNDS = 3
UNIT_AMOUNT, LICENCE_AMOUNT = 3, 1_500

HOUR = int(time.time()) // 3_600 - 1
"""The hour in which all events happened."""

KNOWN_CUSTOMERS = frozenset(customer_id(number) for number in range(CUSTOMERS))
METERS = ("tokens", "requests")


@dataclass(frozen=True, slots=True)
class Figure:
    """CPU of some work, without and with that of whatever stores the data."""

    own_seconds: float
    with_engine_seconds: float

    def over(self, number: int) -> "Figure":
        """That of each of so many."""
        return Figure(self.own_seconds / number, self.with_engine_seconds / number)


@dataclass(frozen=True, slots=True)
class Figures:
    """What one competitor takes; None: it was not asked."""

    accept: Figure | None
    month: Figure | None
    invoice: Figure | None


def requests() -> list[list[dict[str, object]]]:
    """All events by request; 2 of 100 were sent before."""
    sent = events(EVENTS, seconds=lambda place: HOUR * 3_600 + place % 3_600, customers=CUSTOMERS)
    chance = seeded(5)
    for place in chance.sample(range(EVENTS // 2, EVENTS), REPEATED):
        sent[place] = sent[chance.randrange(EVENTS // 2)]
    return [sent[start : start + A_REQUEST] for start in range(0, EVENTS, A_REQUEST)]


def least(measure: Callable[[], Figure], rounds: int = ROUNDS) -> Figure:
    """The smallest of some figures, each part by itself."""
    figures = [measure() for _ in range(rounds)]
    return Figure(
        min(one.own_seconds for one in figures), min(one.with_engine_seconds for one in figures)
    )
