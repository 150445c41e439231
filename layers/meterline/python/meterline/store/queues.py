"""The queues of due work: which one an object's work goes to, and sending it there."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import batched

from meterline.store.clients import sqs
from meterline.store.settings import Settings, settings

_BATCH = 10


@dataclass(frozen=True, slots=True)
class DueMessage:
    """Says that an object may have work to do; the worker decides again from stored state."""

    livemode: bool
    object_id: str

    @classmethod
    def parse(cls, text: str) -> "DueMessage":
        """The message from the body of an SQS record."""
        fields = json.loads(text)
        return cls(bool(fields["livemode"]), str(fields["id"]))

    def text(self) -> str:
        """The message as the body of an SQS record."""
        return json.dumps({"livemode": self.livemode, "id": self.object_id})


def enqueue(messages: Iterable[DueMessage]) -> int:
    """Send each message to the queue of its object's kind, ten to a call; returns how many.

    A message that SQS refuses raises, so that the caller is retried: repeating one is harmless.
    """
    sent = 0
    for url, group in _by_queue(messages).items():
        for batch in batched(group, _BATCH, strict=False):
            _send(url, batch)
            sent += len(batch)
    return sent


def _send(url: str, batch: tuple[DueMessage, ...]) -> None:
    entries = [
        {"Id": str(index), "MessageBody": message.text()} for index, message in enumerate(batch)
    ]
    answer = sqs().send_message_batch(QueueUrl=url, Entries=entries)
    if failed := answer.get("Failed"):
        error = f"{len(failed)} of {len(batch)} messages were refused: {failed[0]}"
        raise RuntimeError(error)


def _by_queue(messages: Iterable[DueMessage]) -> dict[str, list[DueMessage]]:
    queues: dict[str, list[DueMessage]] = {}
    for url, message in _addressed(messages):
        queues.setdefault(url, []).append(message)
    return queues


def _addressed(messages: Iterable[DueMessage]) -> Iterator[tuple[str, DueMessage]]:
    for message in messages:
        yield _queue_url(message.object_id, settings()), message


def _queue_url(object_id: str, config: Settings) -> str:
    prefix = object_id.split("_", 1)[0]
    urls = {
        "sub": config.renewals_queue_url,
        "in": config.invoices_queue_url,
        "clock": config.clocks_queue_url,
    }
    return urls[prefix]
