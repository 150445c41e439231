"""How much usage a request may read: so that it is refused in time, and not cut off."""

from dataclasses import dataclass, field

from meterline.core.base.errors import BillingError

MOST_PARTS = 50_000
"""Counters of hours and totals of days: those of a year of days of 100 cells, or of some months of
hours of 20 meters. A core takes 25 to 60 microseconds for each.
"""

DIVIDED_HOUR_PARTS = 25
"""An hour that windows divide counts as so many: its seconds or its events are read by themselves.
"""


@dataclass(slots=True)
class Allowance:
    """What a request has left to read, all meters and cells together.

    Threads that take of it at once may take some more: it bounds time, and no amounts.
    """

    left: int = field(default_factory=lambda: MOST_PARTS)

    def take(self, parts: int = 1) -> None:
        """Read so many more; raises BillingError where that is too much."""
        self.left -= parts
        if self.left < 0:
            message = (
                "This is more usage than can be read at once: ask for a shorter range, for fewer"
                " meters or values of dimensions, or for whole hours or days of UTC."
            )
            raise BillingError(message, param="ends_at")
