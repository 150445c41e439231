"""A list reads the partitions that hold anything, and every entry stands in one that it reads."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from random import Random
from typing import Any

import pytest

from meterline.store.base import listing_notes, models
from meterline.store.base.documents import Change, Document
from meterline.store.base.index_keys import listing_key, listing_keys
from meterline.store.base.keys import Cursor, shard_of
from meterline.store.base.models import save
from meterline.store.billing import listing_directory
from meterline.store.billing.commit import item_of
from meterline.store.billing.listing_directory import BELIEVED_SECONDS, DOUBT_SECONDS
from meterline.store.billing.repository import BillingStore, Source, Span
from tests.engines import Engine

STORE = BillingStore(livemode=False)
HOUR = 3_600


@dataclass
class Clock:
    """Stands in for ``time``."""

    now: float = 1_800_000_000

    def time(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.now


@pytest.fixture(autouse=True)
def clock(dynamodb: Engine, monkeypatch: pytest.MonkeyPatch) -> Clock:  # noqa: ARG001 - tables
    clock = Clock()
    monkeypatch.setattr(listing_notes, "time", clock)
    monkeypatch.setattr(listing_directory, "time", clock)
    monkeypatch.setattr(listing_notes, "PROCESS", listing_notes.Process())
    return clock


def invoice(number: int, status: str = "draft") -> Document:
    body = {
        "id": f"in_{number:04}",
        "object": "invoice",
        "created": 1_700_000_000 + number,
        "status": status,
        "collection_method": "send_invoice",
        "currency": "usd",
        "customer": "cus_1",
        "metadata": {},
    }
    return Document("invoice", livemode=False, body=body)


def create(*numbers: int) -> None:
    STORE.commit(Change(puts=[invoice(number) for number in numbers]))


def write_as_before(number: int) -> None:
    """What a release without notes writes: the entry stands where the id says."""
    save(item_of(invoice(number)))


def listed(**facets: str) -> list[str]:
    source = Source(facets={name: [value] for name, value in facets.items()})
    return [document.id for document in STORE.each("invoice", source=source)]


def partitions() -> set[str]:
    """Where the entries of all invoices stand."""
    return {str(listing_key(document)) for document in STORE.each("invoice")}


def queries(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The partitions of the list that are read from now on."""
    read: list[str] = []
    query = models.listed

    def noting(partition: str, between: Any) -> Iterator[str]:
        read.append(partition)
        return query(partition, between)

    monkeypatch.setattr("meterline.store.billing.repository.listed", noting)
    return read


def test_a_few_objects_stand_in_one_partition_and_only_that_is_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for number in range(5):
        create(number)
    assert listed() == [f"in_{number:04}" for number in (4, 3, 2, 1, 0)]
    read = queries(monkeypatch)
    assert len(listed()) == 5
    assert read == ["t#invoice#draft.send_invoice#0"]


def test_many_at_once_are_spread_over_the_shards_of_their_part_and_all_are_listed() -> None:
    numbers = range(listing_notes.CALM_ENTRIES + 60)
    for number in numbers:
        create(number)
    assert partitions() == set(
        listing_keys(
            livemode=False,
            kind="invoice",
            only={
                "status": ["draft"],
                "collection_method": ["send_invoice"],
            },
        )
    )
    assert listed() == [f"in_{number:04}" for number in reversed(numbers)]


def test_the_first_shard_takes_so_many_at_once_and_so_many_a_second(clock: Clock) -> None:
    seconds, a_second = 100, 20
    first = 0
    for number in range(seconds * a_second):
        clock.now += 1 / a_second
        first += listing_notes.placed(invoice(number)).shard == 0
    bound = listing_notes.CALM_ENTRIES + seconds * listing_notes.CALM_ENTRIES_PER_SECOND
    assert bound - 1 <= first <= bound + 1


def test_an_object_keeps_its_shard_when_its_part_changes() -> None:
    for number in range(listing_notes.CALM_ENTRIES):
        create(number)
    spread = next(number for number in range(100, 200) if shard_of(f"in_{number:04}", 8) == 6)
    create(spread)
    stored = STORE.get(f"in_{spread:04}")
    assert stored is not None
    assert stored.shard == 6
    STORE.commit(Change(puts=[replace(stored, body=stored.body | {"status": "paid"})]))
    paid = STORE.get(stored.id)
    assert paid is not None
    assert listing_key(paid) == "t#invoice#paid.send_invoice#2", "of four"
    assert listed(status="paid") == [stored.id]
    assert stored.id not in listed(status="draft")


def test_what_was_written_before_there_were_notes_is_listed(clock: Clock) -> None:
    for number in range(30):
        write_as_before(number)
    expected = [f"in_{number:04}" for number in reversed(range(30))]
    assert listed() == expected
    write_as_before(77)  # by a function of the release before that still runs
    assert listed() == ["in_0077", *expected]
    clock.now += DOUBT_SECONDS
    assert listed() == ["in_0077", *expected]
    create(78)
    assert listed() == ["in_0078", "in_0077", *expected]


def test_once_all_is_noted_only_what_holds_anything_is_read(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_as_before(1)
    listed()
    read = queries(monkeypatch)
    assert listed() == ["in_0001"]
    assert len(read) == 44, "in doubt, all are read"
    clock.now += DOUBT_SECONDS
    read.clear()
    assert listed() == ["in_0001"]
    assert read == [str(listing_key(invoice(1)))]


def test_what_is_written_by_a_release_gone_back_to_is_listed_within_an_hour(clock: Clock) -> None:
    create(0)
    listed()
    number = next(number for number in range(1, 50) if shard_of(f"in_{number:04}", 8) == 5)
    write_as_before(number)
    clock.now += BELIEVED_SECONDS
    assert listed() == [f"in_{number:04}", "in_0000"]


def test_what_is_committed_while_somebody_looks_raises_no_doubt(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    look = listing_directory._holds_anything  # noqa: SLF001 - the instant of a look
    committed: list[int] = []

    def looking(partition: str) -> bool:
        if not committed:
            committed.append(1)
            create(1)
        return look(partition)

    monkeypatch.setattr(listing_directory, "_READERS", 1)
    monkeypatch.setattr(listing_directory, "_holds_anything", looking)
    listed()
    read = queries(monkeypatch)
    assert listed() == ["in_0001"]
    assert len(read) == 1


def test_a_partition_is_noted_before_anything_stands_in_it(monkeypatch: pytest.MonkeyPatch) -> None:
    listed()

    def dying(*_: object, **__: object) -> None:
        raise ConnectionResetError

    monkeypatch.setattr(listing_notes, "batch_write", dying)
    with pytest.raises(ConnectionResetError):
        create(1)
    assert STORE.get("in_0001") is None
    monkeypatch.undo()
    create(1)
    assert listed() == ["in_0001"]


@pytest.mark.parametrize("seed", range(3))
def test_pages_of_whatever_was_written_hold_each_object_once_in_order(
    clock: Clock, seed: int
) -> None:
    random = Random(seed)
    numbers = random.sample(range(1_000), 60)
    for number in numbers:
        if random.random() < 0.3:
            write_as_before(number)
        else:
            create(number)
        clock.now += random.choice([0, 0, 1, HOUR])
    found: list[str] = []
    page = STORE.page("invoice", Span(), limit=7)
    found += [document.id for document in page.documents]
    while page.has_more:
        clock.now += random.choice([0, DOUBT_SECONDS])
        last = page.documents[-1]
        page = STORE.page("invoice", Span(older_than=Cursor(last.created, last.id)), limit=7)
        found += [document.id for document in page.documents]
    assert found == [f"in_{number:04}" for number in sorted(numbers, reverse=True)]
