"""What the functions without an HTTP caller share."""

import time
from collections.abc import Mapping
from typing import Any

from meterline.services.base.context import Context
from meterline.store.base.documents import Document
from meterline.store.billing.repository import BillingStore

_MILLISECONDS = 1_000

type Record = dict[str, Any]
type BatchAnswer = dict[str, list[dict[str, str]]]


def wall_clock() -> int:
    """The wall clock's time in UTC seconds."""
    return int(time.time())


def worker_context(
    *, livemode: bool, known: Mapping[str, Document | None] | None = None
) -> Context:
    """The context of work that no request asked for, at the wall clock's time; ``known`` is what
    was read ahead for it.
    """
    now = wall_clock()
    return Context(store=BillingStore(livemode, known or {}), now=now, wall_clock=now)


def seconds_left(context: Any) -> int | None:  # noqa: ANN401 - Lambda's
    """How long an invocation can go on, in whole seconds; None where there is no limit."""
    if context is None:
        return None
    return int(context.get_remaining_time_in_millis()) // _MILLISECONDS


def sequence_number(record: Record) -> str:
    """The identity of a stream record."""
    return str(record["dynamodb"]["SequenceNumber"])
