"""Billing credits of a customer whose invoices become final at once, die, and are repeated.

Two subscriptions bill the usage of one meter by the week, and show the same credits on drafts.
Processes die before and after any call; others cut in: they make the other draft final, void
invoices, and make, move, void and expire grants. After all that happens the ledger of each grant
adds up to what it has left, which is never below zero, and every final invoice has the entries that
pay for it, once. A failing seed comes again with ``make test-runs ARGS=--run-seed=SEED``.
"""

import itertools
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import partial
from random import Random
from typing import Any

import pytest

from meterline.core.base.errors import BillingError
from meterline.core.credits.boxes import KIND as BOX
from meterline.core.credits.measures import parts_of
from meterline.services.billing import unit_of_work
from meterline.services.billing.draft_credits import from_grant
from meterline.services.billing.private_states import LineState
from meterline.services.credits import alerts, expiry, grants, ledger
from meterline.services.credits.alerts import Crossings
from meterline.services.credits.balances import balance_of, balances_of, ledger_minor
from meterline.services.credits.credit_amounts import value_of
from meterline.services.credits.grant_states import account_of
from meterline.services.credits.grants import (
    create_credit_grant,
    expire_credit_grant,
    update_credit_grant,
    void_credit_grant,
)
from meterline.services.credits.ledger import debit
from meterline.services.customers.customer_state import CustomerState
from meterline.services.invoices import credits as invoice_credits
from meterline.services.invoices import finalize
from meterline.services.invoices.finalize import finalize_invoice
from meterline.services.invoices.pay_or_close import void_invoice
from meterline.services.metering.alerts import create_alert
from meterline.store.base import index_keys
from meterline.store.base.documents import Conflict
from meterline.store.base.models import billing_item
from meterline.store.billing import boxes, commit
from meterline.store.billing.repository import BillingStore
from tests.factories.boxes import objects_in
from tests.factories.usage import use
from tests.faults.billing.seeds import SHARES, live_alone, live_each
from tests.faults.billing.wire import Died, Moment
from tests.faults.billing.world import DAY, NOW, World
from tests.faults.mistakes.mistake import Mistake, by_name

HOUR = 3_600
WEEK = 7 * DAY
BEGINNING = NOW - 2 * WEEK
DEATHS = 0.05
CUTTING_IN = 0.12
ENTRY = "billing.credit_balance_transaction"
GRANT = "billing.credit_grant"
AMOUNTS = (1, 100, 700, 3_000)
TOLD = "billing.alert_triggered"


@dataclass
class Life:
    """Some weeks of one customer."""

    world: World
    chance: Random
    meter: str
    customer: str = ""
    grants: list[str] = field(default_factory=list)
    worked_on: str = ""
    busy: bool = False
    audited: tuple[int, list[Any]] = (0, [])

    def begin(self, price: str) -> None:
        """Two subscriptions to the same usage, and some credits."""
        beginning = self.world.clock.now
        self.customer = self.world.customer(at=beginning)
        for _ in range(2):
            start = beginning + self.chance.choice((0, 0, 600))
            self.world.subscribe(self.customer, [price], at=start)
        for _ in range(3):
            self.grant()
        for lte in (0, 900, 3_000):
            create_alert(self.world.context(), self.alert(lte))
        self.grant(1)

    def alert(self, lte: int) -> dict[str, Any]:
        """What an alert on so much being left is made of."""
        money = {"currency": "usd", "value": lte}
        of_customer = {"type": "customer", "customer": self.customer}
        return {
            "alert_type": "credit_balance_threshold",
            "title": "Little",
            "credit_balance_threshold": {
                "filters": [of_customer],
                "lte": {"balance_type": "monetary", "monetary": money},
            },
        }

    def live(self) -> None:
        """Sweep now and then; usage, requests and faults come in between."""
        while self.world.clock.now < NOW:
            self.world.clock.now += self.chance.choice((HOUR, 9 * HOUR, 2 * DAY, 2 * DAY))
            at = self.world.clock.now - self.chance.choice((60, 3 * HOUR))
            use(self.meter, self.customer, at=at, quantity=self.chance.randrange(200))
            self.request()
            self.sweep()
        self.world.wire.at = lambda *_: None
        self.world.clock.now += DAY
        self.sweep()
        audit(self.world, self.customer)
        audit_list(self.world, self.customer)
        left = [one for one in self.world.shown("invoice")["invoice"] if one["status"] == "draft"]
        hours = [one["automatically_finalizes_at"] for one in left]
        assert all(hour > self.world.clock.now for hour in hours), hours

    def sweep(self) -> None:
        """Work on what is due until nothing is."""
        while due := self._due():
            for _, object_id in due:
                self.worked_on = object_id
                self.world.wire.at = self.disturb
                self.world.until_done(self._deliver(object_id))
                self.audit()

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
        self.audit()

    def audit(self) -> None:
        """Audit the ledger, unless nothing was written since that was done."""
        now, items = self.world.clock.now, list(self._items())
        if self.audited[0] != now or list(map(id, items)) != list(map(id, self.audited[1])):
            audit(self.world, self.customer)
            self.audited = now, items

    def grant(self, value: int | None = None) -> None:
        """Make a grant; with a value one that counts at once."""
        now = self.world.clock.now
        params: dict[str, Any] = {
            "customer": self.customer,
            "amount": {
                "type": "monetary",
                "monetary": {"currency": "usd", "value": value or self.chance.choice(AMOUNTS)},
            },
            "applicability_config": {"scope": {"price_type": "metered"}},
            "effective_at": now + (0 if value else self.chance.choice((-WEEK, 0, DAY))),
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
        found = self.world.shown("invoice")["invoice"]
        return sorted(one["id"] for one in found if one["status"] == status)

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
        """What the index of due work has by now: instants and ids."""
        due = (
            (int(item["due_at"]["N"]), item["pk"]["S"].partition("#")[2])
            for item in self._items()
            if "due_at" in item
        )
        return sorted(entry for entry in due if entry[0] <= self.world.clock.now)

    def _items(self) -> Iterable[Any]:
        """The items of the Billing table."""
        memory = self.world.engine.memory
        assert memory is not None
        return memory.table(self.world.engine.tables["billing"]).items.values()


def audit(world: World, customer: str) -> None:
    """The ledger is the balances, and what it says was applied is what final invoices say."""
    found = world.shown("customer", "invoice", BOX, ENTRY, GRANT, TOLD)
    entries = entries_of(found)
    held: Any = next(one for one in found["customer"] if one["id"] == customer)
    sums: Counter[str] = Counter()
    applied: dict[str, tuple[str, str, int]] = {}
    given_back: Counter[tuple[str, str, str]] = Counter()
    for entry in entries:
        sums[entry["credit_grant"]] += _signed(entry)
        debited, credited = entry["debit"] or {}, entry["credit"] or {}
        if ref := debited.get("credits_applied"):
            line = ref["invoice"], ref["invoice_line_item"]
            applied[entry["id"]] = (*line, counted(debited["amount"]))
        if ref := credited.get("credits_application_invoice_voided"):
            taken = ref["invoice"], ref["invoice_line_item"], entry["credit_grant"]
            given_back[taken] += counted(credited["amount"])
    for grant in found[GRANT]:
        left = balance_of(held, grant["id"])
        assert sums[grant["id"]] == (left["left"] if left else 0) >= 0, "the ledger is no balance"
    assert applied == _shown(found["invoice"]), "the ledger is not what invoices say"
    paid: Counter[tuple[str, str, str]] = Counter()
    grant_of = {entry["id"]: entry["credit_grant"] for entry in entries}
    void = {one["id"] for one in found["invoice"] if one["status"] == "void"}
    for entry_id, (invoice_id, line_id, amount) in applied.items():
        if invoice_id in void:
            paid[invoice_id, line_id, grant_of[entry_id]] += amount
    assert given_back == paid, "a void invoice keeps credits, or gives more back"
    audit_alerts(held, found[TOLD], world.clock.now)


def entries_of(found: dict[str, list[Any]]) -> list[Any]:
    """The entries of the ledger that stand alone, and those in boxes."""
    boxed = (entry for box in found[BOX] for entry in objects_in(BOX, box)[1])
    return [*found[ENTRY], *boxed]


def audit_list(world: World, customer: str) -> None:
    """The list of the ledger has each entry once, in order, whether it stands in a box or alone."""
    stored = world.shown(BOX, ENTRY)
    entries = entries_of(stored)
    ordered = sorted(((one["created"], one["id"]) for one in entries), reverse=True)
    listed = BillingStore(livemode=False).each(ENTRY, parent=customer)
    assert [(one.created, one.id) for one in listed] == ordered, "the list is not the ledger"


def audit_alerts(held: Any, records: list[Any], now: int) -> None:
    """Each alert is on the side on which the balance was at its latest change, and that was told.

    What became effective since may count or not.
    """
    balances = [one for one in balances_of(held) if one["currency"] == "usd"]
    begun = [(one["effective_at"], one.get("created", one["effective_at"])) for one in balances]
    instants = {now, *(at - 1 for at, created in begun if created < at <= now)}
    told = Counter((one["told"]["alert"]["id"], one["action"]) for one in records)
    for alert in CustomerState.of(held).credit_alerts or ():
        crossed = told[alert["alert"], "triggered"] - told[alert["alert"], "recovered"]
        assert crossed == alert["is_below"], "a crossing is told twice, or not"
        left = {sum(ledger_minor(one, at) for one in balances) for at in instants}
        sides = {balance <= alert["lte"] for balance in left}
        assert alert["is_below"] in sides, "a crossing was missed"


def _signed(entry: Any) -> int:
    side, sign = (entry["credit"], 1) if entry["type"] == "credit" else (entry["debit"], -1)
    return sign * counted(side["amount"])


def counted(amount: Any) -> int:
    """An amount as grants are counted: minor units, or parts of a meter's units."""
    if amount["type"] == "monetary":
        return int(amount["monetary"]["value"])
    return parts_of(Decimal(amount["custom_pricing_unit"]["value"]))


def _shown(invoices: list[Any]) -> dict[str, tuple[str, str, int]]:
    """What lines of final invoices say that they took from grants."""
    return {
        part["credit_balance_transaction"]: (invoice["id"], line["id"], from_grant(taken))
        for invoice in invoices
        if invoice["status"] != "draft"
        for line in invoice["lines"]["data"]
        for part, taken in zip(
            line["pretax_credit_amounts"], LineState.of(line).credits or (), strict=True
        )
    }


_names = itertools.count()


def live(world: World, seed: int) -> None:
    """The life that a seed tells."""
    world.clock.now = BEGINNING
    meter = world.meter(f"calls{next(_names)}")
    life = Life(world, Random(seed), meter)
    life.begin(world.price(unit_amount=3, meter=meter, interval="week"))
    life.live()


@pytest.fixture(autouse=True)
def _small_boxes(monkeypatch: pytest.MonkeyPatch) -> None:
    """An invoice then has several."""
    monkeypatch.setattr(ledger, "MOST", 2)


@pytest.mark.parametrize("share", range(SHARES))
def test_credits_are_taken_once_whatever_happens(
    request: pytest.FixtureRequest, memory_world: World, share: int
) -> None:
    live_each(request, memory_world, live, share)


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
        entry = debit(ctx, account_of(grant), type_, value_of(grant))
        return customer, [entry] if entries else []

    patch.setattr(expiry, "without_rest", whole)


def entries_that_are_lost(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(unit_of_work.UnitOfWork, "_add_entries", lambda *_: None)


def boxes_of_one_entry(patch: pytest.MonkeyPatch) -> None:
    documents = ledger.Boxes.documents

    def emptier(self: ledger.Boxes, ctx: Any, customer_id: str) -> list[Any]:
        made = documents(self, ctx, customer_id)
        return [replace(one, body=one.body | {"entries": one.body["entries"][:1]}) for one in made]

    patch.setattr(ledger.Boxes, "documents", emptier)


def lists_that_open_no_box(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(boxes, "contents", lambda _: None)


def boxes_in_a_list_of_their_own(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(index_keys, "_kind_listed", lambda document: document.kind)


def crossings_that_are_not_remembered(patch: pytest.MonkeyPatch) -> None:
    compared = alerts.compared

    def forgotten(ctx: Any, before: Any, after: Any) -> Crossings:
        crossings = compared(ctx, before, after)
        return Crossings(after, crossings.records, crossings.events)

    patch.setattr(unit_of_work, "compared", forgotten)


def invoices_that_cross_nothing(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(unit_of_work, "compared", lambda _ctx, _before, after: Crossings(after))


MISTAKES = [
    Mistake(commits_on_any_version, "the ledger is no balance"),
    Mistake(entries_without_their_balances, "the ledger is no balance"),
    Mistake(voids_that_give_nothing_back, "a void invoice keeps credits"),
    Mistake(expiries_of_all_that_was_granted, "the ledger is no balance"),
    Mistake(entries_that_are_lost, "the ledger is no balance"),
    Mistake(boxes_of_one_entry, "the ledger is no balance"),
    Mistake(lists_that_open_no_box, "the list is not the ledger"),
    Mistake(boxes_in_a_list_of_their_own, "the list is not the ledger"),
    Mistake(crossings_that_are_not_remembered, "a crossing is told twice"),
    Mistake(invoices_that_cross_nothing, "a crossing was missed"),
]


@pytest.mark.parametrize("mistake", MISTAKES, ids=by_name)
def test_random_lives_notice(
    memory_world: World, monkeypatch: pytest.MonkeyPatch, mistake: Mistake
) -> None:
    mistake.must_be_noticed(monkeypatch, partial(live_alone, memory_world, live), 20)
