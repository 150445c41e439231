"""Delivering events: from the outbox in the Billing table's stream to SNS, and to deliveries.

The events of a whole batch go ten to a call, in lanes side by side; those of an object stay in one
lane, in their order. The stream repeats records and SNS repeats messages: an event's id is always
the same, so consumers can drop what they have seen.
"""

import json
import time
from base64 import b64decode
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from meterline.core.base.frozen import frozen
from meterline.core.kinds.registry import event_kinds
from meterline.observability import log_scope, logger, record_metric
from meterline.services.base.parallel import in_parallel
from meterline.services.base.stream_workers import UNBOUNDED, Invocation, StreamWorker
from meterline.services.base.workers import BatchAnswer, Record, sequence_number
from meterline.services.events.endpoints import DISABLED_EVENTS
from meterline.services.events.event_log import is_thin_only
from meterline.services.events.event_text import EVENT_BYTES, event_text
from meterline.services.events.fan_out import Emitted, fan_out
from meterline.services.events.thin_events import thin_event
from meterline.store.base.batches import Throttled
from meterline.store.base.clients import sns
from meterline.store.base.packing import unpack
from meterline.store.base.settings import settings

if TYPE_CHECKING:
    from meterline.core.base.wire import Event
    from meterline.services.base.outbox import EventBatch


class Refused(Exception):  # noqa: N818 - an outcome to decide upon, not a defect
    """SNS takes an event at no time: it finds fault with it, not with itself."""


class Behind(Throttled):
    """An event waits for one of its object that was not taken, or for more time."""


@frozen
class _Commit:
    """The events of a commit, its place in the stream, until when they are kept, and when the
    usage that they tell of was accepted (microseconds of the wall clock).
    """

    sequence_number: str
    events: "list[Event]"
    expires_at: int | None = None
    accepted_at: int | None = None


@dataclass(slots=True)
class _Entry:
    """An event on its way, as SNS takes it; ``commit`` is the place of its commit in the batch."""

    commit: int
    subject: str
    event: "Event"
    message: dict[str, Any]
    error: BaseException | None = None


_ALERTS = ("billing.alert.triggered", "billing.alert.recovered")
_BATCH_ENTRIES = 10
_BATCH_BYTES = EVENT_BYTES
_LANES = 5


def outbox_batch(record: Record) -> "EventBatch | None":
    """The batch of events in a record of the Billing table's stream; none if it holds another
    change.

    The stream brings the function only documents of the kinds that hold events.
    """
    image = record["dynamodb"].get("NewImage", {})
    kind = image.get("kind", {}).get("S")
    is_outbox = record["eventName"] == "INSERT" and kind in event_kinds()
    if not is_outbox:
        return None
    batch: EventBatch = unpack(_binary(image["body"]["B"]))
    return batch


def _commit(record: Record) -> _Commit:
    number, batch = sequence_number(record), outbox_batch(record)
    if batch is None:
        return _Commit(number, [])
    return _Commit(number, batch["events"], _expires_at(record), batch.get("accepted_at"))


WORKER = StreamWorker(read=_commit, subject=lambda commit: commit.sequence_number)
"""Each commit's events are published, or fail, by themselves."""


def publish_batch(records: Sequence[Record], invocation: Invocation = UNBOUNDED) -> BatchAnswer:
    """Publish the events that a batch of the Billing stream brings; records that fail come again,
    or are set aside where they fail for too long.
    """
    return WORKER.do_together(records, _publish_commits, invocation)


def _publish_commits(
    commits: Sequence[_Commit], has_time: Callable[[], bool]
) -> list[BaseException | None]:
    """Publish the events of commits; why those of each were not all taken, or None.

    What is not taken holds back what follows of its object, and nothing else.
    """
    entries, failures = _entries(commits)
    lanes = _lanes(entries)
    in_parallel([partial(_publish_lane, lane, has_time) for lane in lanes])
    for entry in entries:
        if entry.error is not None:
            failures[entry.commit] = _weightier(failures[entry.commit], entry.error)
    for place, error in enumerate(_fan_out(commits, has_time)):
        if error is not None:
            failures[place] = _weightier(failures[place], error)
    for commit, failure in zip(commits, failures, strict=True):
        if failure is None:
            _log_published(commit.events)
            _record_delay(commit)
    return failures


def _fan_out(
    commits: Sequence[_Commit], has_time: Callable[[], bool]
) -> list[BaseException | None]:
    """Hand the events of commits to those who deliver them to endpoints; why one failed, or None.

    Topics and endpoints do not wait for each other: what fails with one comes again for both.
    """
    if not has_time():
        return [Behind("there is no time left") if commit.events else None for commit in commits]
    return fan_out([Emitted(commit.events, commit.expires_at) for commit in commits])


def _weightier(one: BaseException | None, other: BaseException) -> BaseException:
    """Which of two errors of a commit counts: a real one, and one that passes before others."""
    if one is None or isinstance(one, Behind):
        return other
    return other if not isinstance(other, Behind) and _passes(other) else one


def _entries(commits: Sequence[_Commit]) -> tuple[list[_Entry], list[BaseException | None]]:
    """The events of commits in the stream's order, and why a commit's cannot be written."""
    entries: list[_Entry] = []
    failures: list[BaseException | None] = []
    for place, commit in enumerate(commits):
        try:
            entries += [
                _Entry(place, _subject(event), event, _message_of(event)) for event in commit.events
            ]
            failures.append(None)
        except Exception as error:  # noqa: BLE001 - it takes no other commit with it
            failures.append(error)
    return entries, failures


def _subject(event: Mapping[str, Any]) -> str:
    """What an event is about: the events of one subject are published in their order."""
    subject = event.get("data", {}).get("object") or event.get("related_object") or {}
    return str(subject.get("id") or subject.get("customer") or event["id"])


def _lanes(entries: Sequence[_Entry]) -> list[list[_Entry]]:
    """The entries in a few lanes of much the same length; those of a subject are in one of them."""
    number = min(_LANES, -(-len(entries) // _BATCH_ENTRIES))
    lanes: list[list[_Entry]] = [[] for _ in range(number)]
    taken: dict[str, list[_Entry]] = {}
    for entry in entries:
        taken.setdefault(entry.subject, min(lanes, key=len)).append(entry)
    return lanes


def _publish_lane(entries: Sequence[_Entry], has_time: Callable[[], bool]) -> None:
    """Publish one lane; notes at each entry why it was not taken."""
    stopped: set[str] = set()
    for batch in _batches(entries):
        going = [entry for entry in batch if entry.subject not in stopped]
        for entry in batch:
            if entry.subject in stopped:
                entry.error = Behind(entry.subject)
        if not has_time():
            _fail(going, Behind("there is no time left"))
        else:
            _send(settings().events_topic_arn, going)
            _send(settings().alerts_topic_arn, _taken(going, *_ALERTS))
            _send(settings().operations_topic_arn, _taken(going, *DISABLED_EVENTS.values()))
        stopped |= {entry.subject for entry in batch if entry.error is not None}


def _taken(entries: Sequence[_Entry], *types: str) -> list[_Entry]:
    """The entries of some types that the topic of all events has taken."""
    return [entry for entry in entries if entry.event["type"] in types and entry.error is None]


def _send(topic_arn: str, entries: Sequence[_Entry]) -> None:
    """Publish entries in one call. If the whole call is refused for what is in it, one by one."""
    if not entries:
        return
    messages = [entry.message | {"Id": str(place)} for place, entry in enumerate(entries)]
    try:
        answer = sns().publish_batch(TopicArn=topic_arn, PublishBatchRequestEntries=messages)
    except Exception as error:  # noqa: BLE001 - noted at the entries
        if len(entries) == 1 or _passes(error):
            _fail(entries, error)
        else:
            for entry in entries:
                _send(topic_arn, [entry])
        return
    for refusal in answer.get("Failed", ()):
        outcome = Refused if refusal["SenderFault"] else Throttled
        _fail([entries[int(refusal["Id"])]], outcome(f"an event was refused: {refusal}"))


def _fail(entries: Iterable[_Entry], error: BaseException) -> None:
    for entry in entries:
        entry.error = error


def _passes(error: BaseException) -> bool:
    from meterline.store.base.failures import passes  # noqa: PLC0415 - only what fails needs it

    return passes(error)


def _log_published(events: list["Event"]) -> None:
    """Lead from the request that caused the events of a commit, if one did, to their ids."""
    causes = (event.get("request") for event in events)
    requests = {request["id"] for request in causes if request} - {None}
    with log_scope(**({"correlation_id": requests.pop()} if requests else {})):
        logger.info("published", events=[event["id"] for event in events])


def _record_delay(commit: _Commit) -> None:
    """Tell how long after the acceptance of its usage an alert has reached the topics."""
    if commit.accepted_at is not None:
        delay = (time.time_ns() // 1_000 - commit.accepted_at) // 1_000
        record_metric("Milliseconds", AlertDelay=max(0, delay))


def _message_of(event: "Event") -> dict[str, Any]:
    """An event as the topics have it: as v1 shows it, or v2 where v1 does not."""
    shown: Mapping[str, Any] = thin_event(event) if is_thin_only(event) else event
    attributes = {
        "id": _attribute(shown["id"]),
        "type": _attribute(shown["type"]),
        "livemode": _attribute(json.dumps(event["livemode"])),
    }
    if event["type"] in _ALERTS:
        attributes |= _of_alert(event["data"]["object"])
    return {"Message": event_text(shown), "MessageAttributes": attributes}


def _of_alert(told: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """What subscribers of alerts filter by."""
    from meterline.services.metering.alert_types import terms_of, type_of  # noqa: PLC0415 - seldom needed

    alert = told["alert"]
    type_, terms = type_of(alert), terms_of(alert)
    meter = type_.meter(terms)
    return {
        "alert": _attribute(alert["id"]),
        "alert_type": _attribute(type_.name),
        "customer": _attribute(told["customer"]),
        **({} if meter is None else {"meter": _attribute(meter)}),
        "threshold": {"DataType": "Number", "StringValue": str(type_.threshold(terms))},
    }


def _batches(entries: Iterable[_Entry]) -> Iterator[list[_Entry]]:
    """Entries in groups that one call takes: by number and by size."""
    batch: list[_Entry] = []
    size = 0
    for entry in entries:
        length = len(entry.message["Message"].encode())
        if batch and (len(batch) == _BATCH_ENTRIES or size + length > _BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(entry)
        size += length
    if batch:
        yield batch


def _attribute(value: str) -> dict[str, str]:
    return {"DataType": "String", "StringValue": value}


def _expires_at(record: Record) -> int | None:
    """Until when a commit's events are kept, UTC seconds."""
    number = record["dynamodb"].get("NewImage", {}).get("expires_at", {}).get("N")
    return None if number is None else int(number)


def _binary(value: str | bytes) -> bytes:
    """A binary attribute of a stream record: base64 in Lambda's JSON, bytes from boto3."""
    if isinstance(value, bytes):
        return value
    return b64decode(value)
