"""For how long a failing record of a stream comes again before it makes way for others.

A stream stands still while a record of it comes again. What fails for a passing reason (capacity,
the network, a lost race) comes again until Lambda gives it up for its age. What fails for a reason
of its own comes again while it may still be mended, then it is set aside whole, to be redriven.
"""

import time
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from meterline.observability import logger, record_metric
from meterline.store.work import failed_batches

OWN_SECONDS = 60
"""How long a subject may fail alone, while the same code does the work of others."""

SHARED_SECONDS = 3_600
"""How long all may fail: a deployment without a right or with a defect can be mended meanwhile."""

_FORGET_SECONDS = 86_400
"""A stream holds its records for a day."""


def _monotonic_seconds() -> int:
    return int(time.monotonic())


@dataclass(slots=True)
class Patience:
    """How long subjects have been failing, as this process has seen it. Seconds are monotonic.

    A subject is whatever fails as a whole: a customer's usage, a counter. Another process that
    meets it starts from the beginning, so patience may last longer, never shorter. A subject that
    has lost it has none for its next records, until its work succeeds again.
    """

    clock: Callable[[], int] = _monotonic_seconds
    _failing_since: dict[Hashable, int] = field(default_factory=dict)
    _latest_success: int = -1

    def is_failing(self, subject: Hashable) -> bool:
        """Whether the subject failed for a reason of its own when it was last met."""
        return subject in self._failing_since

    def succeeded(self, subject: Hashable) -> None:
        """Note that the work of a subject was done."""
        self._failing_since.pop(subject, None)
        self._latest_success = self.clock()

    def has_run_out(self, subject: Hashable, error: BaseException) -> bool:
        """Note a failure; whether the subject has failed for too long to come again.

        Never for a passing reason, however old a record is.
        """
        from meterline.store.base.failures import passes  # noqa: PLC0415 - only what fails needs it

        if passes(error):
            return False
        now = self.clock()
        since = self._failing_since.setdefault(subject, now)
        self._forget_before(now - _FORGET_SECONDS)
        others_succeed = self._latest_success >= since
        return now - since >= (OWN_SECONDS if others_succeed else SHARED_SECONDS)

    def _forget_before(self, instant: int) -> None:
        expired = [subject for subject, since in self._failing_since.items() if since < instant]
        for subject in expired:
            del self._failing_since[subject]


def set_aside(records: Sequence[Mapping[str, Any]], function: str) -> None:
    """Keep records whole until an operator redrives them to ``function``; none is no work."""
    if records:
        logger.error("records set aside", number=len(records))
        failed_batches.set_aside(records, function=function)
        record_metric("Count", RecordsSetAside=len(records))


def function_to_redrive(event: Mapping[str, Any], context: object) -> str | None:
    """The function that is given again what is set aside of its records.

    None where an operator has redriven them: the command reports what fails again.
    """
    return None if event.get("redriven") else getattr(context, "function_name", None)
