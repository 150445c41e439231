"""Notes beside an object: of one version of it, and of whoever forgot them last."""

from typing import Any

import pytest

from meterline.store.base import batches, notes
from meterline.store.base.documents import Change, Document
from meterline.store.base.notes import Note, Place, forget_note, note_of, save_note
from meterline.store.billing.repository import BillingStore
from meterline.store.metering import watch_list
from tests.engines import Engine

ADA = "cus_ada"


@pytest.fixture
def store(dynamodb: Engine) -> BillingStore:
    """A store with one customer."""
    assert dynamodb.tables
    store = BillingStore(livemode=False)
    store.commit(Change(puts=[Document("customer", livemode=False, body={"id": ADA})]))
    return store


def noted(store: BillingStore, name: str = "left") -> Note:
    """A note, as a batch reads it with the customer."""
    return note_of(store.get_many([ADA])[ADA], name)


def forget(object_id: str = ADA, name: str = "left") -> Place:
    """Where something may be noted."""
    place = forget_note(livemode=False, object_id=object_id, name=name)
    assert place is not None
    return place


def save(place: Place, value: int, name: str = "left") -> None:
    save_note(False, ADA, name, place, {"is": value})  # noqa: FBT003 - a part of the key


def commit(store: BillingStore) -> None:
    """Write the customer as it is."""
    store.commit(Change(puts=[store.get_many([ADA])[ADA]]))


def test_a_note_is_read_with_its_object(store: BillingStore) -> None:
    save(forget(), 5)
    assert noted(store).body == {"is": 5}
    assert noted(store, "other").body is None


def test_a_note_may_be_made_where_it_was_read_that_there_is_none(store: BillingStore) -> None:
    save(noted(store).place, 5)
    save(noted(store).place, 6)
    assert noted(store).body == {"is": 6}


def test_a_commit_of_the_object_takes_its_notes(store: BillingStore) -> None:
    save(forget(), 5)
    commit(store)
    assert noted(store) == Note(Place(version=2))


def test_who_forgot_before_another_notes_nothing(store: BillingStore) -> None:
    first, second = forget(), forget()
    save(first, 5)
    assert noted(store).body is None
    save(second, 6)
    save(second, 7)
    assert noted(store).body == {"is": 6}


def test_who_forgot_before_a_commit_notes_nothing_also_where_another_forgot_after_it(
    store: BillingStore,
) -> None:
    before = forget()
    commit(store)
    save(before, 5)
    assert noted(store).body is None
    after = forget()
    assert after.generation == before.generation
    save(before, 5)
    assert noted(store).body is None
    save(after, 6)
    assert noted(store).body == {"is": 6}


def test_notes_of_other_names_stay(store: BillingStore) -> None:
    save(forget(name="other"), 1, "other")
    save(forget(), 5)
    forget()
    assert noted(store).body is None
    assert noted(store, "other").body == {"is": 1}


def test_notes_do_not_hold_up_a_commit(store: BillingStore) -> None:
    read = store.get_many([ADA])[ADA]
    save(forget(), 5)
    store.commit(Change(puts=[read]))
    assert noted(store).place.version == 2


def test_where_there_is_no_object_nothing_is_noted(store: BillingStore) -> None:
    assert forget_note(livemode=False, object_id="cus_none", name="left") is None
    assert store.get("cus_none") is None


class Busy:
    """A client that is in the way of a commit for so many calls."""

    def __init__(self, client: Any, times: int) -> None:
        self.client = client
        self.exceptions = client.exceptions
        self.times = times

    def update_item(self, **asked: Any) -> Any:
        """The answer, once the commit is over."""
        if self.times:
            self.times -= 1
            details = {"Error": {"Code": "TransactionConflictException", "Message": "ongoing"}}
            raise self.exceptions.TransactionConflictException(details, "UpdateItem")
        return self.client.update_item(**asked)


def test_beside_a_commit_forgetting_is_tried_again_and_noting_is_let_be(
    store: BillingStore, dynamodb: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "sleep", lambda _: None)
    busy = Busy(dynamodb.client, times=2)
    monkeypatch.setattr(notes, "dynamodb", lambda: busy)
    place = forget()
    assert place == Place(version=1, generation=1)
    busy.times = 1
    save(place, 5)
    assert noted(store) == Note(place)


def test_forgetting_that_is_always_in_the_way_fails(
    store: BillingStore, dynamodb: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not store.livemode
    monkeypatch.setattr(batches, "sleep", lambda _: None)
    monkeypatch.setattr(notes, "dynamodb", lambda: Busy(dynamodb.client, times=100))
    with pytest.raises(dynamodb.client.exceptions.TransactionConflictException):
        forget()


def test_what_is_entered_beside_a_commit_that_counts_is_entered_again(
    dynamodb: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "sleep", lambda _: None)
    monkeypatch.setattr(watch_list, "dynamodb", lambda: Busy(dynamodb.client, times=2))
    watch_list.add_entry(False, "ac001")  # noqa: FBT003 - the mode
    monkeypatch.undo()
    assert watch_list.entries_in(watch_list.read_list(False)) == {"ac001"}  # noqa: FBT003 - as above
