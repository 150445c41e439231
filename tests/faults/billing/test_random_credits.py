"""Billing credits of a customer whose invoices become final at once, die, and are repeated.

Two subscriptions bill the usage of one meter by the week, and show the same credits on drafts.
Processes die before and after any call; others cut in: they make the other draft final, void
invoices, and make, move, void and expire grants. After all that happens the ledger of each grant
adds up to what it has left, which is never below zero, and every final invoice has the entries that
pay for it, once. A failing seed comes again with ``make test-runs ARGS=--run-seed=SEED``.
"""

import itertools
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random
from typing import Any

import pytest

from meterline.core.base.errors import BillingError
from meterline.services.billing import unit_of_work
from meterline.services.credits import expiry, grants
from meterline.services.credits.balances import balance_of
from meterline.services.credits.grant_states import account_of
from meterline.services.credits.grants import (
    create_credit_grant,
    expire_credit_grant,
    update_credit_grant,
    void_credit_grant,
)
from meterline.services.credits.ledger import debit
from meterline.services.invoices import credits as invoice_credits
from meterline.services.invoices import finalize
from meterline.services.invoices.finalize import finalize_invoice
from meterline.services.invoices.pay_or_close import void_invoice
from meterline.store.base import keys
from meterline.store.base.documents import LIVE, Conflict
from meterline.store.base.models import billing_item
from meterline.store.billing import commit
from meterline.store.billing.repository import BillingStore
from tests.factories.usage import use
from tests.faults.billing.seeds import seeds_of
from tests.faults.billing.wire import Died, Moment
from tests.faults.billing.world import DAY, NOW, World

HOUR = 3_600
WEEK = 7 * DAY
BEGINNING = NOW - 3 * WEEK
DEATHS = 0.05
CUTTING_IN = 0.12
ENTRY = "billing.credit_balance_transaction"
GRANT = "billing.credit_grant"


@dataclass
class Life:
    """Three weeks of one customer."""

    world: World
    chance: Random
    meter: str
    customer: str = ""
    grants: list[str] = field(default_factory=list)
    worked_on: str = ""
    busy: bool = False

    def begin(self, price: str) -> None:
        """Two subscriptions to the same usage, and some credits."""
        self.customer = self.world.customer(at=BEGINNING)
        for _ in range(2):
            start = BEGINNING + self.chance.choice((0, 0, 600))
            self.world.subscribe(self.customer, [price], at=start)
        for _ in range(3):
            self.grant()

    def live(self) -> None:
        """Sweep now and then; usage, requests and faults come in between."""
        while self.world.clock.now < NOW:
            self.world.clock.now += self.chance.choice((HOUR, 9 * HOUR, 2 * DAY))
            at = self.world.clock.now - self.chance.choice((60, 3 * HOUR))
            use(self.meter, self.customer, at=at, quantity=self.chance.randrange(200))
            self.request()
            self.sweep()
        self.world.wire.at = lambda *_: None
        self.world.clock.now += DAY
        self.sweep()
        audit(self.world, self.customer)
        left = [one for one in self.world.bodies("invoice") if one["status"] == "draft"]
        hours = [one["automatically_finalizes_at"] for one in left]
        assert all(hour > self.world.clock.now for hour in hours), hours

    def sweep(self) -> None:
        """Work on what is due until nothing is."""
        while due := self._due():
            for _, object_id in due:
                self.worked_on = object_id
                self.world.wire.at = self.disturb
                self.world.until_done(self._deliver(object_id))
                audit(self.world, self.customer)

    def disturb(self, moment: Moment, _operation: str) -> None:
        """Die, or let others do something."""
        if self.busy:
            return
        if self.chance.random() < CUTTING_IN:
            self._meanwhile(self.request)
        if self.chance.random() < DEATHS:
            raise Died(moment)

    def request(self) -> None:
        """Something that the API is asked, or a second worker does."""
        self.chance.choice(
            [self.grant, self.move, self.end, self.end, self.void, self.finalise, self.repeat]
        )()
        audit(self.world, self.customer)

    def grant(self) -> None:
        """Make a grant."""
        now = self.world.clock.now
        params: dict[str, Any] = {
            "customer": self.customer,
            "amount": {
                "type": "monetary",
                "monetary": {"currency": "usd", "value": self.chance.choice((1, 100, 700, 3_000))},
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

    def move(self) -> None:
        """Change the expiry of a grant."""
        grant_id = self.chance.choice(self.grants)
        expires_at = self.world.clock.now + self.chance.choice((HOUR, WEEK))
        self._ask(
            lambda: update_credit_grant(self.world.context(), grant_id, {"expires_at": expires_at})
        )

    def end(self) -> None:
        """Void or expire a grant."""
        grant_id = self.chance.choice(self.grants)
        verb = self.chance.choice((void_credit_grant, expire_credit_grant))
        self._ask(lambda: verb(self.world.context(), grant_id, {}))

    def void(self) -> None:
        """Void an invoice that is open."""
        if invoices := self._invoices("open"):
            invoice_id = self.chance.choice(invoices)
            self._ask(lambda: void_invoice(self.world.context(), invoice_id, {}))

    def finalise(self) -> None:
        """Make a draft final before its hour."""
        if drafts := self._invoices("draft"):
            invoice_id = self.chance.choice(drafts)
            self._ask(lambda: finalize_invoice(self.world.context(), invoice_id, {}))

    def repeat(self) -> None:
        """A second worker has the message of the first."""
        if self.worked_on:
            self._deliver(self.worked_on)()

    def _invoices(self, status: str) -> list[str]:
        return sorted(one["id"] for one in self.world.bodies("invoice") if one["status"] == status)

    def _ask(self, call: Callable[[], object]) -> None:
        """An API call, which decides again when it loses a race."""
        for _ in range(3):
            with suppress(Conflict, BillingError):
                call()
                return

    def _meanwhile(self, call: Callable[[], object]) -> None:
        self.busy = True
        try:
            call()
        finally:
            self.busy = False

    def _deliver(self, object_id: str) -> Callable[[], object]:
        function = "roll_billing_cycles" if object_id.startswith("sub_") else "produce_invoices"
        return self.world.deliver(function, object_id)

    def _due(self) -> list[tuple[int, str]]:
        store, now = BillingStore(livemode=False), self.world.clock.now
        shards = keys.due_keys(livemode=False, timeline=LIVE)
        return sorted(entry for shard in shards for entry in store.due(shard, now, limit=50))


def audit(world: World, customer: str) -> None:
    """The ledger is the balances, and what it says was applied is what final invoices say."""
    entries = [one.body for one in BillingStore(livemode=False).each(ENTRY, parent=customer)]
    held: Any = world.stored(customer)
    sums: Counter[str] = Counter()
    applied: dict[str, tuple[str, str, int]] = {}
    given_back: Counter[tuple[str, str]] = Counter()
    for entry in entries:
        sums[entry["credit_grant"]] += _signed(entry)
        debited, credited = entry["debit"] or {}, entry["credit"] or {}
        if ref := debited.get("credits_applied"):
            line = ref["invoice"], ref["invoice_line_item"]
            applied[entry["id"]] = (*line, debited["amount"]["monetary"]["value"])
        if ref := credited.get("credits_application_invoice_voided"):
            line = ref["invoice"], ref["invoice_line_item"]
            given_back[line] += credited["amount"]["monetary"]["value"]
    for grant in world.bodies(GRANT):
        left = balance_of(held, grant["id"])
        assert sums[grant["id"]] == (left["left"] if left else 0) >= 0, "the ledger is no balance"
    assert applied == _shown(world), "the ledger is not what invoices say"
    paid: Counter[tuple[str, str]] = Counter()
    for invoice_id, line_id, amount in applied.values():
        if world.stored(invoice_id)["status"] == "void":
            paid[invoice_id, line_id] += amount
    assert given_back == paid, "a void invoice keeps credits, or gives more back"


def _signed(entry: Any) -> int:
    side, sign = (entry["credit"], 1) if entry["type"] == "credit" else (entry["debit"], -1)
    return sign * int(side["amount"]["monetary"]["value"])


def _shown(world: World) -> dict[str, tuple[str, str, int]]:
    """What lines of final invoices say that credits paid."""
    return {
        part["credit_balance_transaction"]: (invoice["id"], line["id"], part["amount"])
        for invoice in world.bodies("invoice")
        if invoice["status"] != "draft"
        for line in invoice["lines"]["data"]
        for part in line["pretax_credit_amounts"]
    }


_names = itertools.count()


def live(world: World, seed: int) -> None:
    """The life that a seed tells."""
    world.clock.now = BEGINNING
    meter = world.meter(f"calls{next(_names)}")
    life = Life(world, Random(seed), meter)
    life.begin(world.price(unit_amount=3, meter=meter, interval="week"))
    life.live()


SHARES = 2
EACH = 4
"""Of how many seeds one is lived: a life takes as long as four of the other runs."""


@pytest.mark.parametrize("share", range(SHARES))
def test_credits_are_taken_once_whatever_happens(
    request: pytest.FixtureRequest, memory_world: World, share: int
) -> None:
    nothing = memory_world.state()
    for seed in list(seeds_of(request, share, SHARES))[::EACH]:
        memory_world.restore(nothing)
        try:
            live(memory_world, seed)
        except BaseException as error:
            error.add_note(f"again with: make test-runs ARGS=--run-seed={seed}")
            raise


type Break = Callable[[pytest.MonkeyPatch], None]


def commits_on_any_version(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(commit, "has_version", lambda _: billing_item().pk.exists())


def entries_without_their_balances(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(invoice_credits, "less", lambda customer, _: customer)


def voids_that_give_nothing_back(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(finalize, "give_credits_back", lambda *_: None)


def expiries_of_all_that_was_granted(patch: pytest.MonkeyPatch) -> None:
    rest = grants.without_rest

    def whole(ctx: Any, customer: Any, grant: Any, type_: Any) -> Any:
        customer, entries = rest(ctx, customer, grant, type_)
        value = grant["amount"]["monetary"]["value"]
        account = account_of(grant)
        return customer, [debit(ctx, account, type_, value)] if entries else []

    patch.setattr(expiry, "without_rest", whole)


def entries_that_are_lost(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(unit_of_work.UnitOfWork, "_add_entries", lambda *_: None)


MISTAKES: list[Break] = [
    commits_on_any_version,
    entries_without_their_balances,
    voids_that_give_nothing_back,
    expiries_of_all_that_was_granted,
    entries_that_are_lost,
]


@pytest.mark.parametrize("mistake", MISTAKES)
def test_random_lives_notice(
    memory_world: World, monkeypatch: pytest.MonkeyPatch, mistake: Break
) -> None:
    mistake(monkeypatch)
    nothing = memory_world.state()
    for seed in range(20):
        memory_world.restore(nothing)
        try:
            live(memory_world, seed)
        except AssertionError:
            return
    pytest.fail(f"{mistake.__name__} went unnoticed")
