"""Events of any size to a busy topic: each arrives, and no call is larger than SNS takes.

The topic throttles, and takes parts of batches; what a worker hands back comes again. A failing
seed comes again with ``make test-runs ARGS=--run-seed=SEED``.
"""

from base64 import b64encode
from collections.abc import Callable
from dataclasses import replace
from random import Random
from typing import Any

import pytest
from botocore.exceptions import ClientError

from meterline.services.base.patience import Patience
from meterline.services.base.stream_workers import Invocation
from meterline.services.events import event_text, publishing
from meterline.store.base.packing import pack
from tests.faults.billing.seeds import seeds_of
from tests.faults.billing.world import World
from tests.faults.load import refusal
from tests.faults.mistakes.mistake import Mistake, by_name

MOST_BYTES = 256 * 1_024
MOST_ENTRIES = 10
MOST_DELIVERIES = 60
TROUBLE = 0.2


class Topic:
    """Takes what SNS takes; notes the ids of the events that arrived."""

    def __init__(self, chance: Random) -> None:
        self.chance = chance
        self.arrived: set[str] = set()

    def publish_batch(self, *, PublishBatchRequestEntries: Any, **_: Any) -> Any:  # noqa: N803 - SNS's
        entries = PublishBatchRequestEntries
        assert 0 < len(entries) <= MOST_ENTRIES
        assert sum(map(_bytes, entries)) <= MOST_BYTES, "too large for SNS"
        if self.chance.random() < TROUBLE:
            throttled: Any = refusal("Throttling")
            raise ClientError(throttled, "PublishBatch")
        failed = [entry for entry in entries if self.chance.random() < TROUBLE / len(entries)]
        taken = (entry["MessageAttributes"] for entry in entries if entry not in failed)
        self.arrived |= {told["id"]["StringValue"] for told in taken}
        details = {"Code": "InternalError", "SenderFault": False}
        return {"Failed": [{"Id": failure["Id"], **details} for failure in failed]}


def _bytes(entry: Any) -> int:
    attributes = entry["MessageAttributes"].items()
    told = [entry["Message"], *(f"{name}String{one['StringValue']}" for name, one in attributes)]
    return sum(len(text.encode()) for text in told)


def _commit(chance: Random, number: int) -> tuple[list[str], Any]:
    """The stream record of a commit's events; some are longer than a message."""
    events = [_event(chance, f"evt_{number:04d}{place:03d}") for place in range(_few(chance))]
    image = {"kind": {"S": "event"}, "body": {"B": b64encode(pack({"events": events})).decode()}}
    change = {"NewImage": image, "SequenceNumber": str(number)}
    return [event["id"] for event in events], {"eventName": "INSERT", "dynamodb": change}


def _few(chance: Random) -> int:
    return chance.choice((1, 2, 12))


def _event(chance: Random, event_id: str) -> dict[str, Any]:
    text = "ä" * chance.choice((10, 1_000, 7_000, 45_000))
    subject = {"id": "cus_1", "object": "customer", "description": text}
    data: dict[str, Any] = {"object": subject}
    if chance.random() < 0.5:
        data["previous_attributes"] = {"description": text}
    return {"id": event_id, "type": "customer.updated", "livemode": False, "data": data}


@pytest.fixture
def publish(memory_world: World, monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Publishes what a seed tells; a day goes by at each failure, and nothing is set aside."""
    assert memory_world.engine.environment

    def run(seed: int) -> None:
        chance = Random(seed)
        topic = Topic(chance)
        monkeypatch.setattr(publishing, "sns", lambda: topic)
        days = iter(range(0, 10**9, 86_400))
        worker = replace(publishing.WORKER, patience=Patience(clock=lambda: next(days)))
        monkeypatch.setattr(publishing, "WORKER", worker)
        # One after another, so that the same seed always meets the same trouble.
        monkeypatch.setattr(publishing, "in_parallel", lambda calls: [call() for call in calls])
        ids, records = zip(*(_commit(chance, number) for number in range(3)), strict=True)
        _deliver(list(records))
        assert topic.arrived == {one for some in ids for one in some}, "every event arrives"

    return run


def _deliver(records: list[Any]) -> None:
    """Lambda hands out what is left until nothing is."""
    for _ in range(MOST_DELIVERIES):
        answer = publishing.publish_batch(records, Invocation(function="publish_events"))
        left = {failure["itemIdentifier"] for failure in answer["batchItemFailures"]}
        records = [record for record in records if record["dynamodb"]["SequenceNumber"] in left]
        if not records:
            return
    raise AssertionError("it never ends")


def test_every_event_reaches_a_busy_topic_in_calls_that_it_takes(
    request: pytest.FixtureRequest, publish: Callable[[int], None]
) -> None:
    for seed in seeds_of(request, 0, 1):
        try:
            publish(seed)
        except BaseException as error:
            error.add_note(f"again with: make test-runs ARGS=--run-seed={seed}")
            raise


def batches_by_number_alone(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(publishing, "_BATCH_BYTES", 10**9)
    patch.setattr(event_text, "EVENT_BYTES", 10**9)


def a_part_of_a_batch_that_is_forgotten(patch: pytest.MonkeyPatch) -> None:
    publish_batch = Topic.publish_batch

    def hopeful(topic: Topic, **call: Any) -> Any:
        publish_batch(topic, **call)
        return {}

    patch.setattr(Topic, "publish_batch", hopeful)


MISTAKES = [
    Mistake(batches_by_number_alone, "every event arrives"),
    Mistake(a_part_of_a_batch_that_is_forgotten, "every event arrives"),
]


@pytest.mark.parametrize("mistake", MISTAKES, ids=by_name)
def test_publications_notice(
    publish: Callable[[int], None], monkeypatch: pytest.MonkeyPatch, mistake: Mistake
) -> None:
    mistake.must_be_noticed(monkeypatch, publish, 5)
