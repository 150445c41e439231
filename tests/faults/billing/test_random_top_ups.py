"""Credits that are bought by rules, whose looks die, repeat themselves and cut in on each other.

Two meters are used, late and early, and usage is cancelled; a second subscription comes, prices
change, grants are made, ended and expire; invoices are paid, voided, given up and credited, and
rules are changed, paused, go on and are canceled. At any time a rule has one invoice at most that
is neither paid nor given up; each paid one has made one grant, and no other has. In the end no
balance of a rule that is active is too low. A failing seed comes again with ``make test-runs
ARGS=--run-seed=SEED``.
"""

import itertools
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pytest

from meterline.core.base.errors import BillingError
from meterline.services.billing import unit_of_work
from meterline.services.credit_notes.verbs import create_credit_note
from meterline.services.credits import top_ups as settling
from meterline.services.credits.grants import create_credit_grant, expire_credit_grant
from meterline.services.credits.top_up_bodies import idle_top_ups
from meterline.services.credits.top_ups import available_to
from meterline.services.invoices.manual import update_invoice
from meterline.services.invoices.pay_or_close import (
    mark_uncollectible,
    pay_invoice,
    void_invoice,
)
from meterline.services.previews.live_credits import all_billed
from meterline.services.subscriptions import threshold_rooms
from meterline.services.top_ups import buying, looks
from meterline.services.top_ups.rules import (
    cancel_credit_top_up,
    create_credit_top_up,
    update_credit_top_up,
)
from meterline.services.work import amount_watch
from meterline.store.base import keys
from meterline.store.base.documents import LIVE, Conflict
from meterline.store.base.models import billing_item
from meterline.store.billing import commit
from meterline.store.billing.repository import BillingStore
from tests.faults.billing.billed_life import Billed, begun
from tests.faults.billing.seeds import SHARES, live_alone, seeds_of
from tests.faults.billing.test_random_credits import ENTRY, GRANT
from tests.faults.billing.wire import Died, Moment
from tests.faults.billing.world import DAY, NOW, World
from tests.faults.mistakes.mistake import Mistake, by_name

RULE = "meterline.credit_top_up"
STEPS = 36


@dataclass
class Prepaid(Billed):
    """One customer, whose credits are topped up by rules."""

    rules: list[str] = field(default_factory=list)

    def begin(self) -> None:
        """Subscribe the customer, and have its credits topped up."""
        prices = [self.price(meter) for meter in (self.meter, self.other_meter)]
        start = NOW - self.chance.choice((3, 10)) * DAY
        self.subscription = self.world.subscribe(self.customer, prices, at=start)
        self.credit(self.chance.choice((500, 3_000)))
        self.rule()

    def credit(self, minor: int) -> None:
        """Grant credits that last."""
        params = {
            "customer": self.customer,
            "amount": {"type": "monetary", "monetary": {"currency": "usd", "value": minor}},
            "applicability_config": {"scope": {"price_type": "metered"}},
        }
        self._ask(lambda: create_credit_grant(self.world.context(), params))

    def live(self) -> None:
        """Whatever happens in some days."""
        for _ in range(STEPS):
            self.something()
            audit(self.world, self.customer)
        self.calm()

    def other(self) -> None:
        """Something that happens less often."""
        happening = self.chance.choice(
            [self.cancel, self.wait, self.reprice, self.discount, self.end, self.sweep]
            + [self.pay] * 4
            + [self.give_up, self.note, self.write, self.rule, self.change, self.change]
        )
        happening()

    def rule(self) -> None:
        """Make a rule."""
        params: dict[str, Any] = {
            "customer": self.customer,
            "amount": self.chance.choice((500, 2_000)),
            "currency": "usd",
            "threshold": self.chance.choice((1, 400, 1_500)),
        }
        if self.chance.random() < 0.3:
            params["limit"] = {"interval": "day", "count": 2}
        context = self.world.context()
        self._ask(lambda: self.rules.append(create_credit_top_up(context, params)["id"]))

    def change(self) -> None:
        """Change a rule, pause it or have it go on; seldom cancel it."""
        if not self.rules:
            return
        rule = self.chance.choice(self.rules)
        params = self.chance.choice(
            ({"status": "active"}, {"status": "active"}, {"status": "paused"}, {"threshold": 900})
        )
        verb = partial(update_credit_top_up, self.world.context(), rule, params)
        if self.chance.random() < 0.1:
            verb = partial(cancel_credit_top_up, self.world.context(), rule, {})
        self._ask(verb)

    def end(self) -> None:
        """Expire a grant."""
        if grants := self._ids(GRANT):
            self._ask(
                partial(expire_credit_grant, self.world.context(), self.chance.choice(grants), {})
            )

    def pay(self) -> None:
        """Record a payment, which may be the second of an invoice."""
        self._close(pay_invoice, {"paid_out_of_band": True})

    def give_up(self) -> None:
        """Void an invoice, or mark it uncollectible."""
        self._close(self.chance.choice((void_invoice, mark_uncollectible)), {})

    def note(self) -> None:
        """Credit a part of an invoice that is open, or all of it."""
        if invoices := self._open():
            params = {"invoice": self.chance.choice(invoices)["id"]}
            params["amount"] = self.chance.choice((100, 500))
            self._ask(partial(create_credit_note, self.world.context(), params))

    def write(self) -> None:
        """Store an invoice again as it is."""
        if invoices := self._ids("invoice"):
            params: dict[str, Any] = {"metadata": {"seen": str(len(self.used))}}
            invoice = self.chance.choice(invoices)
            self._ask(partial(update_invoice, self.world.context(), invoice, params))

    def sweep(self) -> None:
        """Do what is due, with all that can happen on the way."""
        self.depth += 1
        for kind, object_id in self._due():
            function = "roll_billing_cycles" if kind == "sub" else "produce_invoices"
            self._died(self.world.deliver(function, object_id))
        self.depth -= 1

    def calm(self) -> None:
        """Deliver all that waits, do all that is due, pay all; then no balance is too low."""
        self.depth = 2
        for _ in range(4):
            self.count(self.world.clock.now, 1, self.meter)
            batch, self.waiting = self.waiting, []
            assert self._watch(batch, lambda *_: None)
            self._do_due()
        with self._apart():
            for invoice in self._open():
                pay_invoice(self.world.context(), invoice["id"], {"paid_out_of_band": True})
        self._do_due()
        audit(self.world, self.customer)
        assert not lacks(self.world, self.customer), "a balance is too low, and nothing is bought"

    def _do_due(self) -> None:
        """Do what is due in the next seconds."""
        for _ in range(4):
            self.world.clock.now += 1
            with self._apart():
                for kind, object_id in self._due():
                    name = "roll_billing_cycles" if kind == "sub" else "produce_invoices"
                    self.world.deliver(name, object_id)()

    def _close(self, verb: Callable[..., Any], params: dict[str, Any]) -> None:
        if invoices := self._open():
            invoice = self.chance.choice(invoices)["id"]
            self._ask(partial(verb, self.world.context(), invoice, params))

    def _open(self) -> list[Any]:
        return [
            one
            for one in self.world.bodies("invoice")
            if one["status"] in ("open", "uncollectible")
        ]

    def _ids(self, kind: str) -> list[str]:
        return sorted(one["id"] for one in self.world.bodies(kind))

    def _ask(self, request: Callable[[], object]) -> None:
        """A request, which dies or is cut in on like any work, and is not made again."""
        if self.depth >= 2 or self.chance.random() < 0.5:
            super()._ask(request)
            return
        self._died(request)

    def _died(self, work: Callable[[], object]) -> None:
        """Work that may die and be cut in on."""
        self.depth += 1
        wire = self.world.wire
        outer, was_watching = wire.at, wire.watching
        wire.at, wire.watching = self._at, True
        try:
            with suppress(Died, Conflict, BillingError):
                work()
        finally:
            wire.at, wire.watching = outer, was_watching
            self.depth -= 1

    def _due(self) -> list[tuple[str, str]]:
        store, now = BillingStore(livemode=False), self.world.clock.now
        shards = keys.due_keys(livemode=False, timeline=LIVE)
        due = sorted(entry for shard in shards for entry in store.due(shard, now, limit=50))
        return [(object_id.partition("_")[0], object_id) for _, object_id in due]


def audit(world: World, customer: str) -> None:
    """One invoice of a rule waits at most, and each that is paid has made one grant, no other."""

    def of_customer(kind: str) -> list[Any]:
        return [one for one in world.bodies(kind) if one["customer"] == customer]

    grants = of_customer(GRANT)
    invoices = [one for one in of_customer("invoice") if "credit_top_up" in one["metadata"]]
    waiting = Counter(
        one["metadata"]["credit_top_up"] for one in invoices if one["status"] in ("draft", "open")
    )
    assert not [rule for rule, number in waiting.items() if number > 1], "bought twice"
    made = Counter(one["metadata"]["invoice"] for one in grants if "invoice" in one["metadata"])
    paid = {one["id"] for one in invoices if one["status"] == "paid" and _is_granted(one)}
    assert made == Counter(dict.fromkeys(paid, 1)), "granted twice, never, or without a payment"
    entries = [one.body for one in BillingStore(livemode=False).each(ENTRY, parent=customer)]
    granted = [one["credit_grant"] for one in entries if one["credit"]]
    assert len(granted) == len(grants), "the ledger knows another grant"
    for rule in of_customer(RULE):
        if rule["status"] == "awaiting_payment":
            assert waiting[rule["id"]] == 1, "it waits for nothing"


def _is_granted(invoice: Any) -> bool:
    return bool(invoice["pre_payment_credit_notes_amount"] < invoice["total"])


def lacks(world: World, customer: str) -> bool:
    """Whether the balance of a rule that is active is too low; nothing is written."""
    context = world.context()
    document = context.store.get(customer)
    assert document is not None
    after = all_billed(context, document).customer
    return any(
        available_to(after, entry, context.now) < entry["threshold"]
        for entry in idle_top_ups(document.body)
    )


def live(world: World, seed: int) -> None:
    """The life that a seed tells, and whether all was right in the end."""
    begun(world, seed, Prepaid).live()


def drip(world: World, seed: int) -> int:
    """Little usage, each time watched at once, and now and then something else.

    No balance may be left too low. Gives how many changes were passed over.
    """
    life = begun(world, seed, Prepaid)
    life.depth = 2
    looks = itertools.count()
    with pytest.MonkeyPatch.context() as patch:
        look = amount_watch.look_at_amounts

        def counted(*args: Any) -> list[str]:
            next(looks)
            return look(*args)

        patch.setattr(amount_watch, "look_at_amounts", counted)
        for _ in range(DRIPS):
            if life.chance.random() < 0.3:
                life.chance.choice((life.pay, life.pay, life.pay, life.discount, life.cancel))()
            life._do_due()  # noqa: SLF001 - nothing is disturbed here
            world.clock.now += life.chance.choice((60, 1_200))
            life.count(world.clock.now, life.chance.choice((1, 1, 5, 20, 60)))
            assert life._watch(life.waiting, lambda *_: None)  # noqa: SLF001 - at once
            life.waiting = []
            assert not lacks(world, life.customer), "it was passed over"
    return DRIPS - next(looks)


DRIPS = 40


@pytest.mark.parametrize("seed", range(2))
def test_usage_that_is_passed_over_leaves_enough(memory_world: World, seed: int) -> None:
    assert drip(memory_world, seed) > DRIPS // 10


EACH = 10
"""Of how many seeds one is lived."""


@pytest.mark.parametrize("share", range(SHARES))
def test_each_fall_is_topped_up_once_whatever_happens(
    request: pytest.FixtureRequest, memory_world: World, share: int
) -> None:
    for seed in list(seeds_of(request, share, SHARES))[::EACH]:
        try:
            live_alone(memory_world, live, seed)
        except BaseException as error:
            error.add_note(f"again with: make test-runs ARGS=--run-seed={seed}")
            raise


def at_each_moment(world: World) -> None:
    """Looks and payments that die at each moment, and come again: one invoice, one grant."""
    for function in ("look", "pay"):
        for call in itertools.count():
            is_over = [_died_at(world, function, Moment(call, after)) for after in (False, True)]
            if all(is_over):
                assert call > 2, "it was disturbed"
                break


def _died_at(world: World, function: str, moment: Moment) -> bool:
    """Whether the work is over before the moment; it dies there, and is done again."""
    life = begun(world, 0, Prepaid, subscribes=False)
    prices = [life.world.price(unit_amount=10, meter=life.meter)]
    life.subscription = world.subscribe(life.customer, prices, at=NOW - 3 * DAY)
    life.credit(1_000)
    params = {"customer": life.customer, "amount": 500, "currency": "usd", "threshold": 400}
    create_credit_top_up(world.context(), params)
    life.count(NOW, 70, life.meter)
    left = [moment]

    def die(reached: Moment, _operation: str) -> None:
        if left and reached == left[0]:
            left.clear()
            raise Died(reached)

    if function == "look":
        life.watch_all(die)
        life.watch_all(lambda *_: None)
    else:
        life.watch_all(lambda *_: None)
        [invoice] = [one for one in life._open() if one["customer"] == life.customer]  # noqa: SLF001 - its own
        pay = partial(pay_invoice, world.context(), invoice["id"], {"paid_out_of_band": True})
        world.wire.at = die
        with suppress(Died):
            world.wire.watch(pay)
        world.wire.at = lambda *_: None
        with suppress(BillingError):
            pay()
    audit(world, life.customer)
    made = [one for one in world.bodies("invoice") if one["customer"] == life.customer]
    assert len(made) == 1, "one invoice for one fall"
    assert (made[0]["status"] == "paid") == (function == "pay")
    return bool(left)


def test_wherever_a_look_or_a_payment_dies_there_is_one_invoice_and_one_grant(
    memory_world: World,
) -> None:
    at_each_moment(memory_world)


def commits_on_any_version(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(commit, "has_version", lambda _: billing_item().pk.exists())


def invoices_that_grant_whenever_they_are_stored(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(unit_of_work, "can_still_be_paid", lambda _: True)


def payments_that_grant_nothing(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(unit_of_work, "is_settled", lambda invoice: invoice["status"] == "void")


def void_invoices_that_grant(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(settling, "_value", lambda _, bought: bought["grant"]["amount"])


def rules_that_wait_for_nothing(patch: pytest.MonkeyPatch) -> None:
    bought = buying.bought

    def active(uow: Any, rule: Any) -> Any:
        return {**bought(uow, rule), "status": "active"}

    patch.setattr(looks, "bought", active)


def payments_after_which_nobody_looks(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(settling, "to_be_looked_at", lambda rule, _: rule)


IN_LIVES = [
    Mistake(commits_on_any_version, "bought twice", first=15),
    Mistake(invoices_that_grant_whenever_they_are_stored, "granted twice", first=34),
    Mistake(payments_that_grant_nothing, "granted twice, never"),
    Mistake(void_invoices_that_grant, "or without a payment"),
    Mistake(rules_that_wait_for_nothing, "bought twice"),
    Mistake(payments_after_which_nobody_looks, "a balance is too low"),
]


@pytest.mark.parametrize("mistake", IN_LIVES, ids=by_name)
def test_random_lives_notice(
    memory_world: World, monkeypatch: pytest.MonkeyPatch, mistake: Mistake
) -> None:
    mistake.must_be_noticed(monkeypatch, partial(live_alone, memory_world, live), 20)


def balances_that_nobody_watches(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(threshold_rooms.Rooms, "add_balance", lambda *_: None)


def twice_what_is_left_for_each_item(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(threshold_rooms, "divided", lambda left, amounts: [2 * left] * len(amounts))


IN_DRIPS = [
    Mistake(balances_that_nobody_watches, "passed over"),
    Mistake(twice_what_is_left_for_each_item, "passed over"),
]


@pytest.mark.parametrize("mistake", IN_DRIPS, ids=by_name)
def test_dripping_usage_notices(
    memory_world: World, monkeypatch: pytest.MonkeyPatch, mistake: Mistake
) -> None:
    mistake.must_be_noticed(monkeypatch, partial(drip, memory_world), 10)
