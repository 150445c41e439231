"""Usage of an hour that is not over: nobody looks whether it is late, and so it costs nothing.

A renewal bills usage an hour after it has ended, so it has all that was counted while its last hour
ran. An invoice that is made final sooner is looked at again when the hour is over. Clocks may
differ by ``SLACK_SECONDS``. In test mode an hour of a test clock is over at any time: there, usage
is looked at when it is counted.
"""

from typing import TYPE_CHECKING

from meterline.services.billing.invoice_bodies import billed_period, invoice_lines
from meterline.services.billing.private_states import LineState
from meterline.store.metering.usage import HOUR_SECONDS, BucketKey

if TYPE_CHECKING:
    from meterline.core.base.wire import Invoice

SLACK_SECONDS = 60


def is_looked_at_later(bucket: BucketKey, *, now: int) -> bool:
    """Whether late usage of an hour is left to whoever makes an invoice final while it runs."""
    return bucket.livemode and now < bucket.start + HOUR_SECONDS - SLACK_SECONDS


def usage_look_at(draft: "Invoice", at: int) -> int | None:
    """When the usage of an invoice that becomes final at ``at`` is to be looked at once more.

    Counting writes drafts that it expects to be final soon, so that their commit fails and reads
    the usage again. A draft that it did not expect to be final, or that may bill usage of an hour
    that runs, is looked at again; None for all others.
    """
    ends = [billed_period(line).end for line in invoice_lines(draft) if LineState.of(line).meter]
    if not ends:
        return None
    foreseen_at = draft["automatically_finalizes_at"]
    is_foreseen = foreseen_at is not None and foreseen_at <= at
    if not draft["livemode"]:
        return None if is_foreseen else at
    if is_foreseen and max(ends) + HOUR_SECONDS <= at:
        return None
    return at - at % HOUR_SECONDS + HOUR_SECONDS
