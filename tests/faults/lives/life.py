"""A life: a customer or two on a test clock, and what they and their seller do, from a seed.

A life is a list of steps, each with a seed of its own: any of them can be left out, and the others
still do the same kind of thing. So a life that fails can be made shorter until what is left is the
fault (``shrunk``).
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Protocol

from meterline.store.base.documents import Body
from tests.faults.billing.world import NOW
from tests.faults.broken import BrokenRuleError
from tests.faults.lives.catalogue import Catalogue
from tests.faults.lives.shop import Shop

STEPS = (6, 16)


@dataclass(frozen=True, slots=True)
class Step:
    """Something that is done, by its name; the seed gives the details."""

    verb: str
    seed: int


class Watcher(Protocol):
    """Who looks at a life after each step."""

    def look(self) -> None:
        """Check what has come since the last look."""


@dataclass(slots=True)
class Life:
    """A life under way."""

    shop: Shop
    catalogue: Catalogue
    clock: str = ""
    customers: list[str] = field(default_factory=list)
    codes: list[str] = field(default_factory=list)
    """The promotion codes that there are."""
    currency: str = "usd"
    look: Callable[[], None] = lambda: None
    """Has what was done so far judged; also called whenever time has passed."""
    bills_late: bool = False
    """Whether late usage is billed by the next invoice."""
    usage: list[tuple[str, str, int, int]] = field(default_factory=list)
    """Customer, event name, timestamp, value of each event that was accepted, all counted."""

    @property
    def now(self) -> int:
        """The clock's time."""
        return self.shop.now

    def subscriptions(self, *, ended: bool = False) -> list[Body]:
        """The subscriptions of this life."""
        return [
            subscription
            for subscription in self.shop.record.latest("subscription")
            if (subscription["status"] in ("canceled", "incomplete_expired")) is ended
        ]

    def invoices(self, *statuses: str) -> list[Body]:
        """The invoices with one of these statuses."""
        return [
            invoice
            for invoice in self.shop.record.latest("invoice")
            if invoice["status"] in statuses
        ]


type Verb = Callable[[Life, Random], None]


@dataclass(slots=True)
class Lives:
    """Lives lived one after another in one shop."""

    shop: Shop
    catalogue: Catalogue
    random_ids: Random

    def live(
        self, steps: list[Step], verbs: dict[str, Verb], watch: Callable[[Life], Watcher]
    ) -> None:
        """Live a life of these steps; what ``watch`` makes is asked after each of them.

        Raises ``BrokenRuleError`` for the first rule that does not hold.
        """
        self.shop.open()
        self.shop.wall.now = NOW
        self.random_ids.seed(0)
        life = Life(self.shop, self.catalogue)
        life.look = watch(life).look
        for step in steps:
            try:
                verbs[step.verb](life, Random(step.seed))
            except BrokenRuleError:
                raise
            except Exception as error:
                raise BrokenRuleError(
                    f"no work fails ({type(error).__name__})", self.shop.say(str(error))
                ) from error
            life.look()

    def drawn(self, seed: int, weights: dict[str, int]) -> list[Step]:
        """The steps of the life of a seed; one with offers begins with them."""
        chance = Random(seed)
        drawn = chance.choices(list(weights), list(weights.values()), k=chance.randrange(*STEPS))
        begin = "begin_with_offers" if "grant" in weights else "begin"
        verbs = [begin, "subscribe", *drawn, "see_out"]
        return [Step(verb, chance.getrandbits(32)) for verb in verbs]

    def shrunk(self, steps: list[Step], fails: Callable[[list[Step]], bool]) -> list[Step]:
        """The steps without those that a failure does not need."""
        size = len(steps) // 2
        while size:
            start = 1
            while start < len(steps):
                fewer = steps[:start] + steps[start + size :]
                if fails(fewer):
                    steps = fewer
                else:
                    start += size
            size //= 2
        return steps


def items_of(subscription: Body) -> list[Body]:
    """The items of a subscription."""
    items: list[Body] = subscription["items"]["data"]
    return items
