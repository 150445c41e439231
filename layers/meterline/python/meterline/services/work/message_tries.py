"""What becomes of a message of due work, try by try.

A message that fails comes again, later each time. Before its last try the worker notes its object
as stuck. Should that try fail too, the message comes again soon until it is a dead letter, and the
sweep sends no other one until an operator has sent it again.

A message that fails for a passing reason is never given up: after its last try the worker sends it
afresh, without a note. A receive counts though no worker had room for it, so the last try may well
be the first.

A batch whose worker is killed comes again when that worker's time would have been over. Its queue
would wait six times as long, which is for batches that no worker has begun.
"""

from contextlib import suppress

from meterline.core.base.frozen import frozen
from meterline.observability import logger
from meterline.services.base.context import Context
from meterline.services.base.workers import Record, worker_context
from meterline.store.base.failures import UNANSWERED, passes
from meterline.store.work.queues import DueMessage, enqueue, hold, queue_of, wait_before_next_try
from meterline.store.work.stuck import Stuck, forget_stuck, note_stuck

MOST_TRIES = 5
"""After so many receives a message is given up. The template's queues let it come more often: while
the account is short of concurrency, messages are received and thrown back before a worker begins.
"""

_LATE_SECONDS = 15
"""After a worker's time, until which what it has done is taken off its queue."""


def hold_batch(records: list[Record], seconds_left: int | None) -> None:
    """Keep the messages of a batch from other workers only as long as this one can live."""
    handles = [record["receiptHandle"] for record in records if record.get("receiptHandle")]
    if seconds_left is None or not handles:
        return
    with suppress(ValueError, KeyError):  # what cannot be read fails by itself, and alone
        url = queue_of(DueMessage.parse(records[0]["body"]))
        hold(url, handles, seconds_left + _LATE_SECONDS)


@frozen
class MessageTry:
    """One try of a message; ``number`` counts its receives from 1."""

    message: DueMessage
    receipt_handle: str
    number: int

    @classmethod
    def of(cls, record: Record) -> "MessageTry":
        """The try that an SQS record is."""
        return cls(
            DueMessage.parse(record["body"]), record.get("receiptHandle", ""), receives(record)
        )

    @property
    def is_last(self) -> bool:
        """Whether the message is given up if it fails once more."""
        return self.number >= MOST_TRIES

    def context(self) -> Context:
        """The surroundings of its work, at the wall clock's time; log lines name its object."""
        logger.append_keys(object=self.message.object_id)
        if self.message.correlation_id:
            logger.set_correlation_id(self.message.correlation_id)
        return worker_context(livemode=self.message.livemode)

    def note_stuck(self, due_at: int, at: int, reason: str = "the function died") -> None:
        """Note its object as stuck, of the last try: for the instant at which it is due."""
        note_stuck(self.message.livemode, self.message.object_id, Stuck(due_at, at, reason))

    def forget_stuck(self) -> None:
        """Note that its object is not stuck."""
        forget_stuck(self.message.livemode, self.message.object_id)

    def is_settled_after(self, error: Exception) -> bool:
        """Whether nothing more is to be done for a message that failed: it was sent afresh.

        Else it waits the longer the more often it has failed. Once it is given up it waits no
        longer than at first.
        """
        if self.is_last and passes(error):
            self._send_afresh(error)
            return True
        wait_before_next_try(self.message, self.receipt_handle, 1 if self.is_last else self.number)
        return False

    def _send_afresh(self, error: Exception) -> None:
        """Send a message again, with all its tries, in place of the one that was received too
        often. Should its note as stuck stay, the message is under way all the same.
        """
        enqueue([self.message])
        logger.warning("sent afresh", error=type(error).__name__)
        with suppress(*UNANSWERED):
            self.forget_stuck()


def receives(record: Record) -> int:
    """How often a message was received, this time included."""
    return int(record.get("attributes", {}).get("ApproximateReceiveCount", 1))
