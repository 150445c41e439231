"""Usage at random of customers with billing thresholds, watched by processes that die and cut in.

Two meters are used, late and early, and usage is cancelled; prices are per unit, graduated or by
volume; discounts come, end and go, prices, thresholds and pending items change. Whatever happens,
a change that is passed over has crossed nothing, and in the end nothing is crossed that is not
billed. A failing seed comes again with ``make test-runs ARGS=--run-seed=SEED``.
"""

import itertools
from collections.abc import Callable
from decimal import Decimal
from functools import partial
from typing import Any

import pytest

from meterline.services.credits.grants import create_credit_grant
from meterline.services.subscriptions import threshold_rooms
from meterline.services.subscriptions.threshold_terms import amount_threshold
from meterline.services.subscriptions.update import update_subscription
from meterline.services.work import amount_watch
from meterline.store.base.documents import Document
from meterline.store.base.notes import Place, note_of
from meterline.store.billing.repository import BillingStore
from meterline.store.metering.threshold_rooms import (
    NOTHING,
    RememberedRooms,
    forget_rooms,
    rooms_beside,
    save_rooms,
)
from tests.factories.objects import licence
from tests.faults.billing.billed_life import VOLUME, Billed, begun, crosses, subscribed
from tests.faults.billing.seeds import seeds_of
from tests.faults.billing.watched_life import HOUR, Once
from tests.faults.billing.wire import Moment
from tests.faults.billing.world import DAY, LONG_AGO, NOW, World
from tests.faults.mistakes.mistake import Mistake, by_name


def live(world: World, seed: int) -> None:
    """The life that a seed tells, and whether all was right in the end."""
    begun(world, seed, Billed).live()


def drip(world: World, seed: int) -> int:
    """Little usage, each time watched at once, and now and then another change of what is due.

    Nothing may be left that is crossed. Gives how many changes were passed over.
    """
    life = begun(world, seed, Billed, 10)
    looks = itertools.count()
    with pytest.MonkeyPatch.context() as patch:
        look = amount_watch.look_at_amounts

        def counted(*args: Any) -> list[str]:
            next(looks)
            return look(*args)

        patch.setattr(amount_watch, "look_at_amounts", counted)
        for _ in range(DRIPS):
            if life.chance.random() < 0.06:
                life.other()
            world.clock.now += life.chance.choice((60, 1_200))
            life.count(world.clock.now, life.chance.choice((1, 1, 1, 2, 3, 12)))
            assert life._watch(life.waiting, lambda *_: None)  # noqa: SLF001 - at once
            life.waiting = []
            assert not crosses(world, life.customer), "it was passed over"
    return DRIPS - next(looks)


DRIPS = 50
PEAK: dict[str, Any] = VOLUME | {
    "tiers": [
        {"up_to": 10, "unit_amount": 1},
        {"up_to": 14, "unit_amount": 1_000},
        {"up_to": "inf", "unit_amount": 1},
    ],
}


def over_a_peak(world: World) -> None:
    """Usage that costs more at a peak of its price than it would costs at any larger quantity."""
    life = subscribed(world, Billed, 10_000, **PEAK)
    life.count(NOW, 10, life.meter)
    life.watch_all(lambda *_: None)
    assert not crosses(world, life.customer), "it was passed over"


def at_each_moment(world: World) -> None:
    """Usage of 60, in the midst of whose look a little is used in each of many hours around.

    What was remembered earlier lets that pass. Then all records are delivered, and one more.
    """
    for call in itertools.count():
        world.clock.now = NOW
        life = subscribed(world, Billed, 1_000, unit_amount=10)
        world.clock.now += 8 * HOUR
        life.count(NOW, 60, life.meter)
        once = Once(Moment(call, after=True), partial(_in_many_hours, life))
        life.watch_all(once)
        if not once.is_over:
            assert call > 10, "the look was disturbed"
            return
        life.calm()


def _in_many_hours(life: Billed) -> None:
    for hours in (*range(-6, 0), *range(1, 9)):
        life.count(NOW + hours * HOUR, 3, life.meter)
        life.watch_next()


@pytest.mark.parametrize("seed", range(2))
def test_a_change_that_is_passed_over_crosses_nothing(memory_world: World, seed: int) -> None:
    assert drip(memory_world, seed) > DRIPS // 10


def test_nothing_is_missed_whatever_happens(
    request: pytest.FixtureRequest, memory_world: World
) -> None:
    for seed in seeds_of(request, 0, 6):
        try:
            live(memory_world, seed)
        except BaseException as error:
            error.add_note(f"again with: make test-runs ARGS=--run-seed={seed}")
            raise


def decisions_that_leave_what_is_remembered(patch: pytest.MonkeyPatch) -> None:
    saved: dict[str, tuple[Place, RememberedRooms]] = {}

    def save(livemode: bool, customer: str, place: Place, known: RememberedRooms) -> None:  # noqa: FBT001 - as the function has it
        saved[customer] = place, known
        save_rooms(livemode, customer, place, known)

    def beside(customer: Document) -> RememberedRooms:
        place, known = saved.get(customer.id, (Place(customer.version), NOTHING))
        return known if customer.version > place.version else rooms_beside(customer)

    patch.setattr(amount_watch, "save_rooms", save)
    patch.setattr(amount_watch, "rooms_beside", beside)


def all_that_is_left_for_each_item(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(threshold_rooms, "divided", lambda left, amounts: [left] * len(amounts))


def usage_thresholds_of_items_that_do_not_count(patch: pytest.MonkeyPatch) -> None:
    rooms = threshold_rooms._rooms_of_amount  # noqa: SLF001 - the mutation is in there
    patch.setattr(
        threshold_rooms,
        "_rooms",
        lambda subscription, draft, usage: rooms(
            (amount_threshold(subscription) or 0) - draft["total"],
            [(subscription, used) for used in usage],
        ),
    )


MISTAKES = [
    Mistake(decisions_that_leave_what_is_remembered, "passed over"),
    Mistake(all_that_is_left_for_each_item, "passed over", first=20),
    Mistake(usage_thresholds_of_items_that_do_not_count, "passed over"),
]


@pytest.mark.parametrize("mistake", MISTAKES, ids=by_name)
def test_random_usage_notices(
    memory_world: World, monkeypatch: pytest.MonkeyPatch, mistake: Mistake
) -> None:
    mistake.must_be_noticed(monkeypatch, partial(drip, memory_world), 10)


def peaks_that_are_not_looked_at(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(threshold_rooms, "peaks_of", lambda _: ())


def test_usage_at_a_peak_of_a_volume_price_is_not_passed_over(
    memory_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    over_a_peak(memory_world)
    mistake = Mistake(peaks_that_are_not_looked_at, "passed over")
    mistake.must_be_noticed(monkeypatch, lambda _: over_a_peak(memory_world), 1)


def rooms_that_are_not_forgotten_first(patch: pytest.MonkeyPatch) -> None:
    def late(livemode: bool, customer: str) -> Place | None:  # noqa: FBT001 - as the function has it
        known = note_of(BillingStore(livemode).get_many([customer])[customer], "amounts").place
        return known if known.generation else forget_rooms(livemode, customer)

    patch.setattr(amount_watch, "forget_rooms", late)


def test_nothing_is_missed_wherever_a_look_is_disturbed(
    memory_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_each_moment(memory_world)
    mistake = Mistake(rooms_that_are_not_forgotten_first, "it was missed")
    mistake.must_be_noticed(monkeypatch, lambda _: at_each_moment(memory_world), 1)


def after_credits(world: World) -> None:
    """Usage that credits pay for, and a little more once they have expired."""
    life = subscribed(world, Billed, 1_000, unit_amount=10)
    life.credit(500)
    life.count(NOW, 100, life.meter)
    life.watch_all(lambda *_: None)
    assert not crosses(world, life.customer)
    world.clock.now += 21 * HOUR
    life.count(NOW, 1, life.meter)
    life.watch_all(lambda *_: None)
    assert not crosses(world, life.customer), "it was passed over"


def credits_that_never_expire(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(threshold_rooms, "first_expiry", lambda *_: None)


def test_usage_is_looked_at_once_credits_have_expired(
    memory_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    after_credits(memory_world)
    mistake = Mistake(credits_that_never_expire, "passed over")
    mistake.must_be_noticed(monkeypatch, lambda _: after_credits(memory_world), 1)


def billed_with_units(world: World, units: int, amount_gte: int, *prices: dict[str, Any]) -> Billed:
    """A customer with units, and a threshold of a subscription to some prices of their meter."""
    life = begun(world, 0, Billed, subscribes=False)
    granted = {"id": life.meter, "value": Decimal(units)}
    grant = {
        "customer": life.customer,
        "amount": {"type": "custom_pricing_unit", "custom_pricing_unit": granted},
        "applicability_config": {"scope": {"price_type": "metered"}},
    }
    create_credit_grant(world.context(), grant)
    sold = [licence(**one, at=LONG_AGO, meter=life.meter) for one in prices]
    terms = {"billing_thresholds": {"amount_gte": amount_gte}}
    life.subscription = world.subscribe(life.customer, sold, at=NOW - 3 * DAY, **terms)
    return life


def use_further(world: World, life: Billed, used: int, further: int) -> None:
    """Usage that crosses no threshold, and more, which a look is not to pass over."""
    life.count(NOW, used, life.meter)
    life.calm()
    assert life.customer not in [one["customer"] for one in world.bodies("invoice")]
    life.count(NOW, further, life.meter)
    life.watch_all(lambda *_: None)
    assert not crosses(world, life.customer), "it was passed over"


def beyond_units_of_a_package(world: World) -> None:
    """A package of 1,000 for 1,000, the half of it paid with units: more of it is worth less."""
    package = {"unit_amount": 1_000, "transform_quantity": {"divide_by": 1_000, "round": "up"}}
    use_further(world, billed_with_units(world, 500, 400, package), 500, 350)


def beyond_units_of_two_items(world: World) -> None:
    """Two items count the same: the cheap one takes the units that the dear one had."""
    cheap, dear = {"unit_amount": 1}, {"unit_amount": 100}
    use_further(world, billed_with_units(world, 100, 4_000, cheap, dear), 55, 15)


def units_that_pay_what_they_paid(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(threshold_rooms, "_paid_by_units", lambda *_: 0)


@pytest.mark.parametrize("beyond_units", [beyond_units_of_a_package, beyond_units_of_two_items])
def test_usage_is_looked_at_that_units_pay_less_and_less_of(
    memory_world: World, monkeypatch: pytest.MonkeyPatch, beyond_units: Callable[[World], None]
) -> None:
    beyond_units(memory_world)
    mistake = Mistake(units_that_pay_what_they_paid, "passed over")
    mistake.must_be_noticed(monkeypatch, lambda _: beyond_units(memory_world), 1)


def test_an_item_without_a_threshold_may_grow_beside_one_that_has_its_own(
    memory_world: World,
) -> None:
    life = begun(memory_world, 0, Billed, subscribes=False)
    prices = [life.price(meter) for meter in (life.meter, life.other_meter)]
    life.subscription = memory_world.subscribe(life.customer, prices, at=NOW - 3 * DAY)
    [item, _] = memory_world.stored(life.subscription)["items"]["data"]
    thresholds = {"id": item["id"], "billing_thresholds": {"usage_gte": 50}}
    update_subscription(memory_world.context(), life.subscription, {"items": [thresholds]})
    for quantity in (1, 1, 500):
        life.count(NOW, quantity, life.other_meter)
        life.watch_all(lambda *_: None)
        assert life.waiting == [], "it was looked at"
    customer = memory_world.context().store.get_many([life.customer])[life.customer]
    known = rooms_beside(customer)
    assert known.rooms[life.other_meter] is not None
    life.count(NOW, 60, life.meter)
    life.watch_all(lambda *_: None)
    assert memory_world.bodies("invoice") != []
