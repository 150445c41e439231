"""A customer whose usage comes late, for the tests of what becomes of it."""

from typing import Any

from meterline.services.account.settings_changes import update_settings
from tests.engines import Engine
from tests.factories.objects import (
    FROZEN,
    advance,
    clock,
    context,
    customer,
    listed,
    meter,
    metered,
    subscribe,
)
from tests.factories.streams import watch_usage
from tests.factories.usage import use
from tests.integration.runs.worlds import DAY, HOUR

WEEK = 7 * DAY


class Story:
    """A customer who pays three cents a token by the week, on a test clock.

    What the stream of the counters brings is looked at.
    """

    def __init__(self, engine: Engine, interval: str = "week", **terms: Any) -> None:
        self.engine = engine
        self.meter = meter("tokens")
        self.price = self.priced(3, interval)
        self.clock = clock()
        self.customer = customer(test_clock=self.clock)
        self.subscription = subscribe(self.customer, self.price, **terms)["id"]

    def priced(self, unit_amount: int, interval: str = "week") -> str:
        """A price of the meter."""
        return metered(self.meter, unit_amount, interval=interval)

    def use(self, quantity: int, at: int) -> None:
        use(self.meter, self.customer, at=at, quantity=quantity)
        self.watch()

    def watch(self) -> None:
        """Deliver every counter as the stream would."""
        watch_usage(self.engine)

    def advance(self, to: int) -> None:
        advance(self.clock, to)

    def lines(self) -> list[tuple[int, str, int]]:
        """Of the newest invoice: amount, quantity, and when the period of each line began."""
        return shown(listed("invoice")[0])


def shown(invoice: Any) -> list[tuple[int, str, int]]:
    return [
        (line["amount"], line["quantity_decimal"], line["period"]["start"])
        for line in invoice["lines"]["data"]
    ]


def billed_late(**settings: Any) -> None:
    update_settings(context(), {"late_usage": "next_invoice", **settings})


def late_story(story: Story) -> None:
    """A week of 100 tokens is billed; 40 more of it arrive when its invoice is final."""
    story.use(100, FROZEN + DAY)
    story.advance(FROZEN + WEEK + 2 * HOUR)
    assert story.lines() == [(300, "100", FROZEN)]
    story.use(40, FROZEN + 2 * DAY)
