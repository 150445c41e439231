"""A failing record comes again while that may help, and then makes way for others."""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from meterline.services.base import stream_workers
from meterline.services.base.patience import OWN_SECONDS, SHARED_SECONDS, Patience
from meterline.services.base.stream_workers import Invocation, StreamWorker
from meterline.store.base.batches import Throttled
from meterline.store.base.documents import Conflict

FUNCTION = "arn:aws:lambda:eu-central-1:123456789012:function:watch"
DEFECT = KeyError("a defect")
PASSING = [
    Conflict(),
    Throttled(),
    ClientError({"Error": {"Code": "ThrottlingException"}}, "PutItem"),
    ReadTimeoutError(endpoint_url="dynamodb"),
]


@dataclass(slots=True)
class Clock:
    """Seconds that pass when they are told to."""

    now: int = 0

    def __call__(self) -> int:
        return self.now


@dataclass(slots=True)
class Shard:
    """A stream's shard whose records name a customer; the work of some customers fails."""

    aside: list[Any]
    clock: Clock = field(default_factory=Clock)
    failing: dict[str, BaseException] = field(default_factory=dict)
    done: list[str] = field(default_factory=list)
    numbers: int = 0
    worker: StreamWorker[str] = field(init=False)

    def __post_init__(self) -> None:
        self.worker = StreamWorker(
            read=lambda record: record["dynamodb"]["Keys"]["customer"],
            subject=lambda customer: customer,
            patience=Patience(self.clock),
        )

    def records(self, *customers: str | None) -> list[dict[str, Any]]:
        """New records; one that names no customer cannot be read."""
        found = []
        for customer in customers:
            self.numbers += 1
            keys = {} if customer is None else {"customer": customer}
            found.append({"dynamodb": {"SequenceNumber": str(self.numbers), "Keys": keys}})
        return found

    def work(self, customer: str) -> None:
        if customer in self.failing:
            raise self.failing[customer]
        self.done.append(customer)

    def deliver(self, batch: list[Any], function: str | None = FUNCTION) -> list[str]:
        """The numbers of what must come again."""
        answer = self.worker.do(batch, self.work, Invocation(function))
        return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]

    def set_aside(self) -> list[str]:
        return [one["dynamodb"]["SequenceNumber"] for one in self.aside]


@pytest.fixture
def shard(monkeypatch: pytest.MonkeyPatch) -> Shard:
    aside: list[Any] = []

    def kept(records: list[Any], *, function: str) -> None:
        assert function == FUNCTION
        aside.extend(json.loads(json.dumps(records)))

    monkeypatch.setattr("meterline.store.work.failed_batches.set_aside", kept)
    return Shard(aside)


def test_a_failure_takes_nothing_else_of_its_batch_with_it(shard: Shard) -> None:
    shard.failing["bad"] = DEFECT
    assert shard.deliver(shard.records("a", "bad", "b")) == ["2"]
    assert (shard.done, shard.aside) == (["a", "b"], [])


def test_a_record_that_nobody_can_read_is_set_aside_at_once(shard: Shard) -> None:
    assert shard.deliver(shard.records("a", None, "b")) == []
    assert (shard.done, shard.set_aside()) == (["a", "b"], ["2"])


def test_a_customer_that_fails_alone_makes_way_after_a_minute(shard: Shard) -> None:
    shard.failing["bad"] = DEFECT
    batch = shard.records("bad", "a")
    assert shard.deliver(batch) == ["1"]
    shard.clock.now = OWN_SECONDS - 1
    assert shard.deliver(batch) == ["1"]
    shard.clock.now = OWN_SECONDS
    assert (shard.deliver(batch), shard.set_aside()) == ([], ["1"])


def test_what_fails_for_all_comes_again_for_an_hour(shard: Shard) -> None:
    shard.failing |= {"a": DEFECT, "b": DEFECT}
    batch = shard.records("a", "b")
    for now in (0, OWN_SECONDS, SHARED_SECONDS - 1):
        shard.clock.now = now
        assert (shard.deliver(batch), shard.aside) == (["1", "2"], [])
    shard.clock.now = SHARED_SECONDS
    assert (shard.deliver(batch), shard.set_aside()) == ([], ["1", "2"])


@pytest.mark.parametrize("error", PASSING, ids=lambda one: type(one).__name__)
def test_what_fails_for_a_passing_reason_comes_again_however_long(
    shard: Shard, error: BaseException
) -> None:
    shard.failing["unlucky"] = error
    batch = shard.records("unlucky", "a")
    for now in (0, OWN_SECONDS, 2 * SHARED_SECONDS):
        shard.clock.now = now
        assert (shard.deliver(batch), shard.aside) == (["1"], [])
    del shard.failing["unlucky"]
    assert shard.deliver(batch) == []


def test_age_alone_sets_nothing_aside(shard: Shard) -> None:
    shard.failing["bad"] = DEFECT
    old, young = shard.records("bad", "a")
    old["dynamodb"]["ApproximateCreationDateTime"] = 0
    assert (shard.deliver([old, young]), shard.aside) == (["1"], [])


def test_later_records_of_a_customer_that_made_way_do_not_wait_again(shard: Shard) -> None:
    shard.failing["bad"] = DEFECT
    shard.deliver(shard.records("bad", "a"))
    shard.clock.now = OWN_SECONDS
    assert shard.deliver(shard.records("a", "bad", "bad")) == []
    assert shard.deliver(shard.records("bad")) == []
    assert shard.set_aside() == ["4", "5", "6"]


def test_a_customer_that_is_mended_has_patience_again(shard: Shard) -> None:
    shard.failing["bad"] = DEFECT
    shard.deliver(shard.records("bad", "a"))
    del shard.failing["bad"]
    shard.clock.now = OWN_SECONDS
    assert shard.deliver(shard.records("bad", "a")) == []
    shard.failing["bad"] = DEFECT
    assert (shard.deliver(shard.records("bad", "a")), shard.aside) == (["5"], [])


def test_what_a_person_redrives_is_never_set_aside(shard: Shard) -> None:
    shard.failing["bad"] = DEFECT
    batch = shard.records("bad", None, "a")
    for now in (0, 2 * SHARED_SECONDS):
        shard.clock.now = now
        assert sorted(shard.deliver(batch, function=None)) == ["1", "2"]
    assert shard.aside == []


def test_a_failing_customer_is_tried_once_in_a_batch_and_last(shard: Shard) -> None:
    tried: list[str] = []

    def work(customer: str) -> None:
        tried.append(customer)
        shard.work(customer)

    shard.failing["bad"] = DEFECT
    batch = shard.records("bad", "a", "bad", "b")
    for _ in range(2):
        shard.worker.do(batch, work, Invocation(FUNCTION))
    assert tried == ["bad", "a", "b", "a", "b", "bad"]


@dataclass(slots=True)
class Countdown:
    """The time that an invocation has left, on the real clock."""

    until: float

    def __call__(self) -> int:
        return round((self.until - time.monotonic()) * 1_000)


@pytest.fixture
def little_reserve(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(stream_workers, "_RESERVE_MILLISECONDS", 20)
    return iter(())


@pytest.mark.usefixtures("little_reserve")
def test_a_customer_that_takes_all_the_time_makes_way_too(shard: Shard) -> None:
    def work(customer: str) -> None:
        while customer == "slow":
            time.sleep(0.01)
        shard.work(customer)

    batch = shard.records("slow", "a")
    numbers = []
    for now in (0, 1, OWN_SECONDS):
        shard.clock.now = now
        left = Countdown(time.monotonic() + 0.9)
        answer = shard.worker.do(batch, work, Invocation(FUNCTION, left))
        numbers.append([failure["itemIdentifier"] for failure in answer["batchItemFailures"]])
    assert numbers == [["1", "2"], ["1"], []], "first there was no time for the other one"
    assert (shard.done, shard.set_aside()) == (["a", "a"], ["1"])


@pytest.mark.usefixtures("little_reserve")
def test_work_for_which_there_is_no_time_is_not_begun_and_is_no_failure(shard: Shard) -> None:
    left = iter([900, 900, 299, 299])
    invocation = Invocation(FUNCTION, lambda: next(left))
    answer = shard.worker.do(shard.records("a", "b", "c"), shard.work, invocation)
    assert [failure["itemIdentifier"] for failure in answer["batchItemFailures"]] == ["2", "3"]
    assert shard.done == ["a"]
    assert not shard.worker.patience.is_failing("b")
