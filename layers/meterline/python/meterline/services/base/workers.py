"""What the functions without an HTTP caller share: batches of records that fail one by one."""

import time
from collections.abc import Callable, Iterable
from typing import Any

from meterline.services.base.context import Context
from meterline.services.base.logs import frames, log
from meterline.store.billing.repository import BillingStore

_MILLISECONDS = 1_000

type Record = dict[str, Any]
type BatchAnswer = dict[str, list[dict[str, str]]]


def wall_clock() -> int:
    """The wall clock's time in UTC seconds."""
    return int(time.time())


def worker_context(*, livemode: bool) -> Context:
    """The context of work that no request asked for, at the wall clock's time."""
    now = wall_clock()
    return Context(store=BillingStore(livemode), now=now, wall_clock=now)


def seconds_left(context: Any) -> int | None:  # noqa: ANN401 - Lambda's
    """How long an invocation can go on, in whole seconds; None where there is no limit."""
    if context is None:
        return None
    return int(context.get_remaining_time_in_millis()) // _MILLISECONDS


def each_record(
    records: Iterable[Record], work: Callable[[Record], object], identity: Callable[[Record], str]
) -> BatchAnswer:
    """Do ``work`` for each record; those that failed are handed back, to be tried again.

    The answer is Lambda's partial batch response. A failure is logged without the record, which
    may hold personal data.
    """
    failures = []
    done = 0
    for record in records:
        try:
            work(record)
            done += 1
        except Exception as error:  # noqa: BLE001 - whatever it is, only this record is retried
            log(
                "ERROR",
                "record failed",
                record=identity(record),
                exception=type(error).__name__,
                frames=frames(error),
            )
            failures.append({"itemIdentifier": identity(record)})
    log("INFO", "batch", done=done, failed=len(failures))
    return {"batchItemFailures": failures}


def message_id(record: Record) -> str:
    """The identity of an SQS record."""
    return str(record["messageId"])


def sequence_number(record: Record) -> str:
    """The identity of a stream record."""
    return str(record["dynamodb"]["SequenceNumber"])
