"""Events go to SNS ten to a call; a commit fails by itself, and an object's events keep order."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from meterline.services.base.stream_workers import Invocation
from meterline.services.events import publishing
from meterline.services.events.publishing import publish_batch
from meterline.store.base.packing import pack

type Commit = list[tuple[str, str]]
"""The events of a commit: their ids, and the objects that they are about."""


class Topic:
    """Takes every event but the ``refused``, and no call that has a ``spoiled`` one."""

    def __init__(self) -> None:
        self.calls: list[list[str]] = []
        self.refused: dict[str, bool] = {}
        self.spoiled: set[str] = set()

    def publish_batch(self, *, TopicArn: str, PublishBatchRequestEntries: Any) -> Any:  # noqa: N803 - SNS's
        told = {
            entry["Id"]: entry["MessageAttributes"]["id"]["StringValue"]
            for entry in PublishBatchRequestEntries
        }
        if self.spoiled & set(told.values()):
            raise ClientError({"Error": {"Code": "InvalidParameter"}}, "PublishBatch")
        if TopicArn == "events":
            self.calls.append([one for one in told.values() if one not in self.refused])
        return {
            "Failed": [
                {"Id": place, "Code": "Any", "SenderFault": self.refused[one]}
                for place, one in told.items()
                if one in self.refused
            ]
        }

    @property
    def arrived(self) -> list[str]:
        """The ids of the events that were taken."""
        return [event for call in self.calls for event in call]


@pytest.fixture
def topic(monkeypatch: pytest.MonkeyPatch) -> Topic:
    topic = Topic()
    arns = SimpleNamespace(
        events_topic_arn="events", alerts_topic_arn="alerts", operations_topic_arn="operations"
    )
    monkeypatch.setattr(publishing, "fan_out", lambda commits: [None] * len(commits))
    monkeypatch.setattr(publishing, "sns", lambda: topic)
    monkeypatch.setattr(publishing, "settings", lambda: arns)
    monkeypatch.setattr(publishing, "in_parallel", lambda calls: [call() for call in calls])
    return topic


def published(*commits: Commit, has_time: bool = True) -> list[int]:
    """Publish a batch of commits; the places of those that come again."""
    records = [_record(place, commit) for place, commit in enumerate(commits)]
    times = iter([9_000] if not has_time else [])
    answer = publish_batch(records, Invocation(None, lambda: next(times, 9_000 * has_time)))
    return [int(failure["itemIdentifier"]) for failure in answer["batchItemFailures"]]


def _record(place: int, commit: Commit) -> dict[str, Any]:
    events = [
        {
            "id": one,
            "type": "thing.changed",
            "livemode": False,
            "data": {"object": {"id": about, "object": "thing"}},
        }
        for one, about in commit
    ]
    image = {"kind": {"S": "event"}, "body": {"B": pack({"events": events})}}
    return {"eventName": "INSERT", "dynamodb": {"NewImage": image, "SequenceNumber": str(place)}}


def test_a_hundred_events_of_a_hundred_commits_go_in_ten_calls(topic: Topic) -> None:
    commits = [[(f"evt_{place}", f"obj_{place}")] for place in range(100)]
    assert published(*commits) == []
    assert len(topic.calls) == 10
    assert len(set(topic.arrived)) == 100


commits_of_few_objects = st.lists(
    st.lists(st.sampled_from("abcd"), min_size=1, max_size=4), min_size=1, max_size=30
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(commits_of_few_objects)
def test_events_of_an_object_are_published_in_their_order(
    topic: Topic, objects: list[list[str]]
) -> None:
    topic.calls.clear()
    commits = [
        [(f"{place:02}{number}{about}", about) for number, about in enumerate(some)]
        for place, some in enumerate(objects)
    ]
    assert published(*commits) == []
    for about in "abcd":
        told = [arrival for arrival in topic.arrived if arrival.endswith(about)]
        assert told == sorted(told)
    assert len(topic.arrived) == sum(map(len, objects))


def _refuse(topic: Topic) -> None:
    topic.refused["evt_1"] = False


def _spoil(topic: Topic) -> None:
    topic.spoiled.add("evt_1")


@pytest.mark.parametrize("fault", [_refuse, _spoil])
def test_an_event_that_is_not_taken_fails_its_commit_and_no_other(
    topic: Topic, fault: Callable[[Topic], None]
) -> None:
    fault(topic)
    commits: list[Commit] = [[(f"evt_{place}", f"obj_{place}")] for place in range(4)]
    assert published(*commits) == [1]
    assert sorted(topic.arrived) == ["evt_0", "evt_2", "evt_3"]


def test_what_follows_of_an_object_waits_for_the_event_that_was_not_taken(topic: Topic) -> None:
    _refuse(topic)
    others: list[Commit] = [[(f"evt_other{place}", f"obj_{place}")] for place in range(60)]
    same: list[Commit] = [[("evt_1", "obj")], *[[(f"evt_1{place}", "obj")] for place in range(12)]]
    again = published(*same, *others)
    assert 0 in again
    assert "evt_111" not in topic.arrived
    assert 12 in again
    assert all(place < len(same) for place in again)


def test_what_there_is_no_time_to_publish_comes_again(topic: Topic) -> None:
    assert published([("evt_1", "obj")], has_time=False) == [0]
    assert topic.calls == []
