"""The queues of due work: which one an object's work goes to, and sending it there."""

import json
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from functools import partial
from itertools import batched

from botocore.exceptions import BotoCoreError, ClientError

from meterline.core.base.frozen import frozen
from meterline.core.kinds.registry import kind_of
from meterline.observability import logger
from meterline.store.base.batches import Throttled
from meterline.store.base.clients import sqs
from meterline.store.base.settings import settings
from meterline.store.work.stuck import forget_stuck

_BATCH = 10
_FEW_CALLS = 2
_SENDERS = 8
_FIRST_WAIT_SECONDS = 10
_LONGEST_WAIT_SECONDS = 720
_DEPTHS = (
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed",
)


@frozen
class DueMessage:
    """Says that an object may have work to do; the worker decides again from stored state.

    ``correlation_id`` leads from the worker's log lines to those of what sent it.
    """

    livemode: bool
    kind: str
    object_id: str
    correlation_id: str | None = None

    @property
    def group(self) -> str | None:
        """Whose share of a queue it takes: of messages that wait, those of the others come first
        when one group keeps the workers busy (fair queues).
        """
        group_of = kind_of(self.kind).group_of
        return None if group_of is None else group_of(self.object_id)

    @classmethod
    def parse(cls, text: str) -> "DueMessage":
        """The message from the body of an SQS record."""
        fields = json.loads(text)
        identity = bool(fields["livemode"]), str(fields["kind"]), str(fields["id"])
        return cls(*identity, fields.get("correlation_id"))

    def text(self) -> str:
        """The message as the body of an SQS record."""
        fields = {"livemode": self.livemode, "kind": self.kind, "id": self.object_id}
        if self.correlation_id:
            fields["correlation_id"] = self.correlation_id
        return json.dumps(fields)


def enqueue(messages: Iterable[DueMessage]) -> int:
    """Send each message to the queue of its object's kind, ten to a call; returns how many.

    Many calls go side by side. A message that SQS refuses raises, so that the caller is retried:
    repeating one is harmless. Messages carry the correlation id of the work that sends them.
    """
    groups: dict[str, list[DueMessage]] = {}
    correlation_id = logger.get_correlation_id()
    for message in messages:
        correlated = replace(message, correlation_id=correlation_id)
        groups.setdefault(queue_of(message), []).append(correlated)
    calls = [
        partial(_send, url, batch)
        for url, group in groups.items()
        for batch in batched(group, _BATCH, strict=False)
    ]
    if len(calls) <= _FEW_CALLS:
        return sum(call() for call in calls)
    sqs()  # made before the threads are: making clients is not safe among them
    with ThreadPoolExecutor(_SENDERS) as threads:
        return sum(threads.map(lambda call: call(), calls))


def queue_of(message: DueMessage) -> str:
    """The address of the queue that a message goes to: that of its object's kind."""
    queue = kind_of(message.kind).queue
    if queue is None:
        error = f"No work falls due for objects of the kind {message.kind}"
        raise ValueError(error)
    return str(getattr(settings(), f"{queue}_queue_url"))


def depth(url: str) -> int:
    """About how many messages a queue holds: waiting, being worked on, and delayed."""
    answer = sqs().get_queue_attributes(QueueUrl=url, AttributeNames=list(_DEPTHS))
    return sum(int(number) for number in answer["Attributes"].values())


def dead_letters(url: str) -> str | None:
    """The address of the queue that takes what failed too often in this one; None without one."""
    answer = sqs().get_queue_attributes(QueueUrl=url, AttributeNames=["RedrivePolicy"])
    policy = answer.get("Attributes", {}).get("RedrivePolicy")
    if policy is None:
        return None
    name = json.loads(policy)["deadLetterTargetArn"].rpartition(":")[2]
    return str(sqs().get_queue_url(QueueName=name)["QueueUrl"])


def wait_before_next_try(message: DueMessage, receipt_handle: str, tries: int) -> None:
    """Let a message that failed come again soon, and later each time that it fails.

    Of no consequence if it fails itself: then the message waits for its queue's own time.
    """
    if not receipt_handle:
        return
    with suppress(BotoCoreError, ClientError):
        sqs().change_message_visibility(
            QueueUrl=queue_of(message),
            ReceiptHandle=receipt_handle,
            VisibilityTimeout=seconds_before_next_try(tries),
        )


def seconds_before_next_try(tries: int) -> int:
    """How long a message waits that has failed so often, from 1."""
    return min(_FIRST_WAIT_SECONDS << (tries - 1), _LONGEST_WAIT_SECONDS)


def hold(url: str, receipt_handles: Sequence[str], seconds: int) -> None:
    """Let messages of one batch come again after ``seconds``, should their worker die meanwhile.

    Of no consequence if it fails itself: then they wait for their queue's own time.
    """
    for batch in batched(receipt_handles, _BATCH, strict=False):
        entries = [
            {"Id": str(index), "ReceiptHandle": handle, "VisibilityTimeout": seconds}
            for index, handle in enumerate(batch)
        ]
        with suppress(BotoCoreError, ClientError):
            sqs().change_message_visibility_batch(QueueUrl=url, Entries=entries)


def redrive(url: str, *, most: int) -> int:
    """Move up to ``most`` messages from a queue's dead letters back to it; returns how many.

    Each is sent before it is deleted: a death in between repeats it, which is harmless. What they
    are about is no longer stuck.
    """
    source = dead_letters(url)
    moved = 0
    while source is not None and moved < most:
        wanted = min(_BATCH, most - moved)
        messages = sqs().receive_message(
            QueueUrl=source, MaxNumberOfMessages=wanted, WaitTimeSeconds=1
        )
        batch = messages.get("Messages", [])
        if not batch:
            break
        letters = tuple(DueMessage.parse(message["Body"]) for message in batch)
        for letter in letters:
            forget_stuck(letter.livemode, letter.object_id)
        _send(url, letters)
        for message in batch:
            sqs().delete_message(QueueUrl=source, ReceiptHandle=message["ReceiptHandle"])
        moved += len(batch)
    return moved


def _send(url: str, batch: tuple[DueMessage, ...]) -> int:
    entries = [_entry(str(index), message) for index, message in enumerate(batch)]
    answer = sqs().send_message_batch(QueueUrl=url, Entries=entries)
    if failed := answer.get("Failed"):
        error = f"{len(failed)} of {len(batch)} messages were refused: {failed[0]}"
        raise (RuntimeError if any(entry["SenderFault"] for entry in failed) else Throttled)(error)
    return len(batch)


def _entry(entry_id: str, message: DueMessage) -> dict[str, str]:
    entry = {"Id": entry_id, "MessageBody": message.text()}
    return entry if message.group is None else entry | {"MessageGroupId": message.group}
