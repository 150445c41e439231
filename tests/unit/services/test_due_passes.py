"""One pass of due work: what is done first, and that it must move its object on."""

from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meterline.core.base.frozen import frozen
from meterline.services.base.context import Context
from meterline.services.base.progress import DuePoint, NoProgress
from meterline.services.billing import invoice_bodies as invoices
from meterline.services.billing import subscription_bodies as subscriptions
from meterline.services.work import due_work
from meterline.services.work.due_passes import DueWork, do_pass, first_due
from meterline.store.base.documents import Body, Change, Document
from meterline.store.billing.repository import BillingStore

NOW = 100


@frozen
class Store(BillingStore):
    """Remembers what was committed."""

    livemode: bool = False
    changes: list[Change] = field(default_factory=list)

    def commit(self, change: Change) -> None:
        self.changes.append(change)


@dataclass
class World:
    """An object with three kinds of work; each pass replaces its body by the next one given."""

    store: Store = field(default_factory=Store)
    after: list[Body] = field(default_factory=list)
    due_at: int | None = None
    done: list[str] = field(default_factory=list)

    def works(self) -> list[DueWork[Any]]:
        return [
            DueWork(lambda body: body.get("a"), self._doing("a")),
            DueWork(lambda body: body.get("b"), self._doing("b")),
            DueWork(
                lambda body: body.get("c"),
                self._doing("c"),
                left=lambda body: tuple(body.get("left", ())),
            ),
        ]

    def _doing(self, name: str) -> Any:
        def do(ctx: Context, document: Document) -> list[Document]:
            self.done.append(name)
            written = [replace(document, body={"id": "x"} | body) for body in self.after]
            written = [replace(one, due_at=self._due_at(one.body)) for one in written]
            for one in written:
                ctx.save(Change(puts=[one]))
            return written

        return do

    def _due_at(self, body: Body) -> int | None:
        if self.due_at is not None:
            return self.due_at
        return min((body[name] for name in "abc" if name in body), default=None)

    def run(self, body: Body) -> list[Document]:
        ctx = Context(self.store, NOW, NOW)
        document = Document("x", livemode=False, body={"id": "x"} | body, version=1)
        return do_pass(ctx, document, self.works())


@pytest.mark.parametrize(
    ("body", "first"),
    [
        ({"a": 50, "b": 40}, "b"),
        ({"a": 50, "b": 50, "c": 50}, "a"),
        ({"b": 50, "c": 50}, "b"),
        ({"a": 200, "c": 100}, "c"),
    ],
)
def test_the_earliest_comes_first_and_of_several_at_once_the_first_in_order(
    body: Body, first: str
) -> None:
    world = World(after=[{}])
    world.run(body)
    assert world.done == [first]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"a": 50}, {}),
        ({"a": 50}, {"a": 51}),
        ({"a": 50}, {"b": 50}),
        ({"a": 50, "b": 50}, {"b": 50}),
        ({"b": 50, "a": 60}, {"a": 60, "b": 70}),
        ({"c": 50, "left": [3, "z"]}, {"c": 50, "left": [3, "y"]}),
        ({"c": 50, "left": [3]}, {"c": 60, "left": [9]}),
    ],
)
def test_a_pass_moves_its_object_on(before: Body, after: Body) -> None:
    world = World(after=[after])
    [written] = world.run(before)
    assert written.body == {"id": "x"} | after
    assert len(world.store.changes) == 1


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"a": 50}, {"a": 50}),
        ({"a": 50}, {"a": 49}),
        ({"a": 50, "b": 60}, {"a": 70, "b": 40}),
        ({"b": 50}, {"a": 50}),
        ({"a": 50, "b": 50}, {"a": 50}),
        ({"c": 50, "left": [3]}, {"c": 50, "left": [3]}),
        ({"c": 50, "left": [3]}, {"c": 50, "left": [4]}),
    ],
)
def test_a_pass_that_would_leave_its_object_due_as_before_writes_nothing(
    before: Body, after: Body
) -> None:
    world = World(after=[after])
    with pytest.raises(NoProgress):
        world.run(before)
    assert world.store.changes == []


def test_an_object_is_due_when_its_work_is() -> None:
    world = World(after=[{"a": 60}], due_at=70)
    with pytest.raises(NoProgress):
        world.run({"a": 50})
    assert world.store.changes == []


def test_a_pass_that_writes_nothing_of_its_object_has_failed() -> None:
    with pytest.raises(NoProgress, match="nothing was done"):
        World(after=[]).run({"a": 50})


@pytest.mark.parametrize("body", [{}, {"a": NOW + 1}])
def test_an_object_for_which_nothing_is_due_has_failed(body: Body) -> None:
    with pytest.raises(NoProgress, match="nothing to do"):
        World(after=[{}]).run(body)


PLACES = st.builds(
    DuePoint, st.integers(0, 3), st.integers(0, 2), st.tuples(st.integers(0, 2), st.integers(0, 2))
)


@given(PLACES, PLACES, PLACES)
def test_places_are_in_one_order_so_that_no_work_goes_round_in_circles(
    one: DuePoint, two: DuePoint, three: DuePoint
) -> None:
    assert not one.is_beyond(one)
    assert not (one.is_beyond(two) and two.is_beyond(one))
    if one.is_beyond(two) and two.is_beyond(three):
        assert one.is_beyond(three)


@pytest.mark.parametrize(
    ("kind", "instants"),
    [("subscription", subscriptions.DUE_INSTANTS), ("invoice", invoices.DUE_INSTANTS)],
)
def test_each_instant_that_an_object_is_due_at_has_its_work(kind: str, instants: object) -> None:
    assert tuple(work.at for work in due_work.WORK[kind]) == instants


def test_the_first_due_thing_of_nothing_is_none() -> None:
    assert first_due({}, []) is None
