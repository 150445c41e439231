"""The workers behind the streams of counters and of commits: a record fails by itself.

A failed record comes again, and in time makes way for others (``patience``). A record that cannot
be read is set aside at once.
"""

import signal
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import field
from functools import partial
from types import FrameType
from typing import Any

from meterline.core.base.frozen import frozen
from meterline.observability import log_failure, logger
from meterline.services.base.patience import Patience, function_to_redrive, set_aside
from meterline.services.base.workers import BatchAnswer, Record, sequence_number

_RESERVE_MILLISECONDS = 5_000
"""What is left of an invocation's time to hand back what was not done."""

_SHARES = 3
"""Work is begun while a third of the time is left, so what then takes too long is slow itself."""

_ENDLESS_MILLISECONDS = 86_400_000
"""The time left where there is no limit: more than any invocation has."""


class TookTooLong(BaseException):
    """The work of one record took the rest of the invocation's time.

    No Exception: clients of AWS take those for failures of the network, which pass.
    """


@frozen
class Invocation:
    """The function that records set aside are redriven to, and how long there is time.

    Without a function nothing is set aside.
    """

    function: str | None = None
    milliseconds_left: Callable[[], int] = lambda: _ENDLESS_MILLISECONDS


UNBOUNDED = Invocation()
"""An invocation outside Lambda, without a limit."""


@frozen
class StreamWorker[T]:
    """What a function does with the records of its stream.

    ``read`` gives what a record says, or None if that is nothing to work on; ``subject`` is what
    fails as a whole when its work fails.
    """

    read: Callable[[Record], T | None]
    subject: Callable[[T], Hashable]
    patience: Patience = field(default_factory=Patience)

    def do(
        self,
        records: Sequence[Record],
        work: Callable[[T], object],
        invocation: Invocation = UNBOUNDED,
        *,
        before: Callable[[Sequence[T]], object] = lambda _: None,
    ) -> BatchAnswer:
        """Work on each record; Lambda's partial batch response with those that must come again.

        ``before`` gets what all of them say before work on the first begins.

        Without a function to redrive to, all that fails comes again. A failing subject is tried
        once. Subjects that were failing come last, so they take no time from others. A record that
        there is no time to begin comes again.
        """
        readable, aside = self._sorted_out(records)
        before([said for _, said in readable])
        again: list[Record] = []
        failed: dict[Hashable, BaseException] = {}
        least = invocation.milliseconds_left() // _SHARES
        for record, message in sorted(readable, key=lambda pair: self._is_failing(pair[1])):
            subject, left = self.subject(message), invocation.milliseconds_left()
            if subject not in failed:
                if left < least:
                    again.append(record)
                    continue
                error = _failure(record, partial(work, message), left - _RESERVE_MILLISECONDS)
                if error is None:
                    self.patience.succeeded(subject)
                    continue
                failed[subject] = error
            has_run_out = self.patience.has_run_out(subject, failed[subject])
            (aside if has_run_out else again).append(record)
        return _answer(records, again, aside, invocation)

    def do_together(
        self,
        records: Sequence[Record],
        work: Callable[[Sequence[T], Callable[[], bool]], Sequence[BaseException | None]],
        invocation: Invocation = UNBOUNDED,
    ) -> BatchAnswer:
        """Work on all records at once: ``work`` gives for each why it failed, or None.

        It also learns whether there is time to begin anything. What failed comes again, or is set
        aside, as with ``do``.
        """
        readable, aside = self._sorted_out(records)
        least = invocation.milliseconds_left() // _SHARES
        outcomes = work(
            [message for _, message in readable], lambda: invocation.milliseconds_left() >= least
        )
        again: list[Record] = []
        for (record, message), error in zip(readable, outcomes, strict=True):
            if error is None:
                self.patience.succeeded(self.subject(message))
                continue
            log_failure("record failed", error, record=sequence_number(record))
            has_run_out = self.patience.has_run_out(self.subject(message), error)
            (aside if has_run_out else again).append(record)
        return _answer(records, again, aside, invocation)

    def _is_failing(self, message: T) -> bool:
        return self.patience.is_failing(self.subject(message))

    def _sorted_out(self, records: Sequence[Record]) -> tuple[list[tuple[Record, T]], list[Record]]:
        """The records with what they say, and those that cannot be read."""
        readable: list[tuple[Record, T]] = []
        unreadable: list[Record] = []
        for record in records:
            try:
                message = self.read(record)
            except Exception:  # noqa: BLE001 - reading calls no service, so it fails whenever it is tried
                unreadable.append(record)
                continue
            if message is not None:
                readable.append((record, message))
        return readable, unreadable


def invocation_of(event: Mapping[str, Any], context: object) -> Invocation:
    """The invocation that Lambda hands to a handler."""
    function = function_to_redrive(event, context)
    return Invocation(function, getattr(context, "get_remaining_time_in_millis", _uncounted))


def _uncounted() -> int:
    return _ENDLESS_MILLISECONDS


def _answer(
    records: Sequence[Record], again: list[Record], aside: list[Record], invocation: Invocation
) -> BatchAnswer:
    """Set aside what is to be, and hand back what must come again."""
    if invocation.function is None:
        again = again + aside
    else:
        set_aside(aside, invocation.function)
    logger.info("batch", done=len(records) - len(again), failed=len(again))
    return {"batchItemFailures": [{"itemIdentifier": sequence_number(record)} for record in again]}


def _failure(record: Record, work: Callable[[], object], milliseconds: int) -> BaseException | None:
    """Why the work of a record failed, if it did. It is logged without the record, which may hold
    personal data.
    """
    try:
        with _time_limit(milliseconds):
            work()
    except (Exception, TookTooLong) as error:  # noqa: BLE001 - it takes nothing else with it
        log_failure("record failed", error, record=sequence_number(record))
        return error
    return None


@contextmanager
def _time_limit(milliseconds: int) -> Iterator[None]:
    """Raise TookTooLong in the body once these have passed.

    Works in the main thread only, where Lambda calls its handlers.
    """
    before = signal.signal(signal.SIGALRM, _end)
    signal.setitimer(signal.ITIMER_REAL, milliseconds / 1_000)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _end(_number: int, _frame: FrameType | None) -> None:
    raise TookTooLong
