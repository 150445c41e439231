"""Dunning: when an invoice that is not paid counts against its subscription.

An invoice that is sent is late once its due date has passed. One that is charged automatically is
late after a window that the account sets, as nobody but a payment processor, which is not part of
this library, could tell that its payment failed. A second window leads from late to given up.
"""

from meterline.core.base.frozen import frozen


@frozen
class DunningPolicy:
    """How long an account waits, in seconds; None is forever.

    ``late_seconds`` is for invoices without a due date.
    """

    late_seconds: int | None = None
    give_up_seconds: int | None = None


@frozen
class Deadlines:
    """When an open invoice is late and when it is given up, UTC seconds; None is never."""

    late_at: int | None
    given_up_at: int | None


def deadlines_of(finalized_at: int, due_date: int | None, policy: DunningPolicy) -> Deadlines:
    """The deadlines of an invoice that is finalised with this due date, if it has one.

    It cannot be late before it is final, even if its due date has passed by then.
    """
    late_at = None if due_date is None else max(due_date, finalized_at)
    if late_at is None and policy.late_seconds is not None:
        late_at = finalized_at + policy.late_seconds
    if late_at is None or policy.give_up_seconds is None:
        return Deadlines(late_at, None)
    return Deadlines(late_at, late_at + policy.give_up_seconds)
