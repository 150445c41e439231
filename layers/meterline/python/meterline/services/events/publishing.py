"""Delivering events: from the outbox in the Billing table's stream to SNS.

The stream repeats records and SNS repeats messages: an event's id is always the same, so consumers
can drop what they have seen.
"""

import json
from base64 import b64decode
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from meterline.core.kinds.registry import event_kinds
from meterline.observability import log_scope, logger
from meterline.services.base.outbox import shorter_forms
from meterline.services.base.stream_workers import UNBOUNDED, Invocation, StreamWorker
from meterline.services.base.workers import BatchAnswer, Record, sequence_number
from meterline.store.base.batches import Throttled
from meterline.store.base.clients import sns
from meterline.store.base.packing import unpack
from meterline.store.base.settings import settings

if TYPE_CHECKING:
    from meterline.core.base.wire import (
        Event,
    )


class Refused(Exception):  # noqa: N818 - an outcome to decide upon, not a defect
    """SNS takes an event at no time: it finds fault with it, not with itself."""


@dataclass(frozen=True, slots=True)
class _Commit:
    """The events of a commit, and its place in the stream."""

    sequence_number: str
    events: "list[Event]"


_ALERT = "billing.alert.triggered"
_BATCH_ENTRIES = 10
_BATCH_BYTES = 250_000


def outbox_events(record: Record) -> list["Event"]:
    """The events in a record of the Billing table's stream; none if it holds another change.

    The stream brings the function only documents of the kinds that hold events.
    """
    image = record["dynamodb"].get("NewImage", {})
    kind = image.get("kind", {}).get("S")
    is_outbox = record["eventName"] == "INSERT" and kind in event_kinds()
    if not is_outbox:
        return []
    events: list[Event] = unpack(_binary(image["body"]["B"]))["events"]
    return events


WORKER = StreamWorker(
    read=lambda record: _Commit(sequence_number(record), outbox_events(record)),
    subject=lambda commit: commit.sequence_number,
)
"""Each commit's events are published, or fail, by themselves."""


def publish_batch(records: Sequence[Record], invocation: Invocation = UNBOUNDED) -> BatchAnswer:
    """Publish the events that a batch of the Billing stream brings; records that fail come again,
    or are set aside where they fail for too long.
    """
    return WORKER.do(records, lambda commit: publish(commit.events), invocation)


def publish(events: Iterable["Event"]) -> None:
    """Publish events to the events topic, and triggered alerts to the alerts topic as well."""
    published = list(events)
    alerts = [event for event in published if event["type"] == _ALERT]
    _publish(settings().events_topic_arn, published)
    _publish(settings().alerts_topic_arn, alerts)
    _log_published(published)


def _log_published(events: list["Event"]) -> None:
    """Lead from the request that caused the events of a commit, if one did, to their ids."""
    causes = (event.get("request") for event in events)
    requests = {request["id"] for request in causes if request} - {None}
    with log_scope(**({"correlation_id": requests.pop()} if requests else {})):
        logger.info("published", events=[event["id"] for event in events])


def _publish(topic_arn: str, events: list["Event"]) -> None:
    for batch in _batches(_entry(index, event) for index, event in enumerate(events)):
        answer = sns().publish_batch(TopicArn=topic_arn, PublishBatchRequestEntries=batch)
        if failed := answer.get("Failed"):
            message = f"{len(failed)} of {len(batch)} events were refused: {failed[0]}"
            raise (Refused if all(refusal["SenderFault"] for refusal in failed) else Throttled)(
                message
            )


def _entry(index: int, event: "Event") -> dict[str, Any]:
    return {
        "Id": str(index),
        "Message": _message(event),
        "MessageAttributes": {
            "id": _attribute(event["id"]),
            "type": _attribute(event["type"]),
            "livemode": _attribute(json.dumps(event["livemode"])),
        },
    }


def _message(event: "Event") -> str:
    """The event as JSON, in the longest of its forms that SNS takes."""
    for form in shorter_forms(event):
        text = json.dumps(form, separators=(",", ":"))
        if len(text.encode()) <= _BATCH_BYTES:
            break
    return text


def _batches(entries: Iterable[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """Entries in groups that one call takes: by number and by size."""
    batch: list[dict[str, Any]] = []
    size = 0
    for entry in entries:
        length = len(entry["Message"].encode())
        if batch and (len(batch) == _BATCH_ENTRIES or size + length > _BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(entry)
        size += length
    if batch:
        yield batch


def _attribute(value: str) -> dict[str, str]:
    return {"DataType": "String", "StringValue": value}


def _binary(value: str | bytes) -> bytes:
    """A binary attribute of a stream record: base64 in Lambda's JSON, bytes from boto3."""
    if isinstance(value, bytes):
        return value
    return b64decode(value)
