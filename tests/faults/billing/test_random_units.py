"""Credits in units of a meter, beside credits of money: the lives of ``test_random_credits`` again.

Two subscriptions bill the same usage in two currencies, one by packages, and show the same units on
their drafts. What holds of ledgers, invoices and voids there holds here of both kinds of grants,
and no invoice pays more units than its lines bill.
"""

import itertools
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from random import Random
from typing import Any

import pytest

from meterline.core.credits import application
from meterline.core.credits.measures import parts_of
from meterline.services.billing import draft_credits, line_credits
from meterline.services.billing.private_states import LineState
from meterline.services.credits.grants import create_credit_grant
from meterline.services.invoices import credits as invoice_credits
from tests.factories.objects import licence, product
from tests.faults.billing.seeds import live_alone, seeds_of
from tests.faults.billing.test_random_credits import WEEK, Life
from tests.faults.billing.world import DAY, LONG_AGO, NOW, World
from tests.faults.mistakes.mistake import Mistake, by_name

BEGINNING = NOW - 3 * WEEK
UNITS = ("0.5", "20", "70.125", "300")


@dataclass
class UnitLife(Life):
    """Three weeks of one customer with grants of both kinds."""

    yen_price: str = ""

    def begin(self, price: str) -> None:
        """The same, with a subscription in yen for the same usage."""
        start = BEGINNING + self.chance.choice((0, 600))
        super().begin(price)
        self.world.subscribe(self.customer, [self.yen_price], at=start)

    def grant(self, value: int | None = None) -> None:
        """Make a grant, mostly one in units; with a value one of money that counts at once."""
        if value or self.chance.random() < 0.3:
            super().grant(value)
            return
        now = self.world.clock.now
        params: dict[str, Any] = {
            "customer": self.customer,
            "amount": {
                "type": "custom_pricing_unit",
                "custom_pricing_unit": {
                    "id": self.meter,
                    "value": Decimal(self.chance.choice(UNITS)),
                },
            },
            "applicability_config": {"scope": {"price_type": "metered"}},
            "effective_at": now + self.chance.choice((-WEEK, 0, DAY)),
            "priority": self.chance.choice((0, 50)),
        }
        if self.chance.random() < 0.2:
            again = {"interval": "week", "rollover_most": self.chance.choice((0, 50))}
            params["meterline"] = {"recurrence": again}
        elif self.chance.random() < 0.5:
            params["expires_at"] = now + self.chance.choice((2 * DAY, WEEK, 7 * DAY + 600))
        self._ask(
            lambda: self.grants.append(create_credit_grant(self.world.context(), params)["id"])
        )

    def request(self) -> None:
        """The same; no line takes more units than it bills, nor is paid more than it comes to."""
        super().request()
        for invoice in self.world.bodies("invoice"):
            for line in invoice["lines"]["data"]:
                taken = LineState.of(line).credits or ()
                parts = sum(part.get("parts", 0) for part in taken)
                assert parts <= parts_of(Decimal(line["quantity_decimal"])), "units not billed"
                assert sum(part["amount"] for part in taken) <= line["amount"], "paid too much"


_names = itertools.count()


def live(world: World, seed: int) -> None:
    """The life that a seed tells."""
    world.clock.now = BEGINNING
    meter = world.meter(f"units{next(_names)}")
    made: dict[str, Any] = {"at": LONG_AGO, "meter": meter, "interval": "week"}
    package = {"divide_by": 50, "round": "up"}
    yen_price = licence(
        400,
        **made,
        currency="jpy",
        product=product("Tokens", at=LONG_AGO),
        transform_quantity=package,
    )
    life = UnitLife(world, Random(seed), meter, yen_price=yen_price)
    life.begin(world.price(unit_amount=3, meter=meter, interval="week"))
    life.live()


EACH = 5
"""Of how many seeds one is lived."""


def test_units_are_taken_once_whatever_happens(
    request: pytest.FixtureRequest, memory_world: World
) -> None:
    for seed in list(seeds_of(request, 0, 1))[::EACH]:
        try:
            live_alone(memory_world, live, seed)
        except BaseException as error:
            error.add_note(f"again with: make test-runs ARGS=--run-seed={seed}")
            raise


def units_booked_as_money(patch: pytest.MonkeyPatch) -> None:
    def amount(part: Any) -> int:
        return int(part["amount"])

    patch.setattr(draft_credits, "from_grant", amount)
    patch.setattr(invoice_credits, "from_grant", amount)


def voids_that_give_money_for_units(patch: pytest.MonkeyPatch) -> None:
    give_back = invoice_credits._give_back  # noqa: SLF001 - the mutation is in there

    def less(uow: Any, grant: Any, amount: int, ref: Any) -> None:
        give_back(uow, grant, max(1, amount // 2), ref)

    patch.setattr(invoice_credits, "_give_back", less)


def units_of_all_that_is_granted(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(application._OpenLine, "_open_parts", lambda _: 10**30)  # noqa: SLF001 - see above


def lines_that_are_paid_twice(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(line_credits, "pretax_minor", lambda line: 2 * line["amount"])


MISTAKES = [
    Mistake(units_booked_as_money, "the ledger is not what invoices say"),
    Mistake(voids_that_give_money_for_units, "a void invoice keeps credits, or gives more"),
    Mistake(units_of_all_that_is_granted, "units not billed", first=10),
    Mistake(lines_that_are_paid_twice, "paid too much"),
]


@pytest.mark.parametrize("mistake", MISTAKES, ids=by_name)
def test_random_lives_notice(
    memory_world: World, monkeypatch: pytest.MonkeyPatch, mistake: Mistake
) -> None:
    mistake.must_be_noticed(monkeypatch, partial(live_alone, memory_world, live), 20)
