"""The periods that a subscription lives through: its first one, and each one that follows.

A period starts where the one before it ended and runs to the next boundary of the anchor. It is a
full one if it starts on a boundary, else a stub that is charged a share of a full one (contract
sections 5.2 and 5.4).
"""

from meterline.core.base.frozen import frozen
from meterline.core.base.periods import Interval, Period, next_boundary, stub_denominator
from meterline.core.billing.anchors import (
    AnchorConfig,
    check_explicit_anchor,
    check_trial_end,
    first_full_invoice_at,
    resolve_anchor,
)


@frozen
class CyclePeriod:
    """A period, and the full period whose price it is charged a share of (itself, if full)."""

    period: Period
    whole: Period

    @property
    def is_stub(self) -> bool:
        """Whether it is only a part of a full period."""
        return self.period.seconds < self.whole.seconds

    @property
    def at_full_price(self) -> "CyclePeriod":
        """The same period, charged as if it were a full one."""
        return CyclePeriod(self.period, self.period)

    def until(self, end: int | None) -> "CyclePeriod":
        """The part of it before an end of the subscription, if that lies within it."""
        return CyclePeriod(self.period.until(end), self.whole)


@frozen
class AnchorChoice:
    """What a request says about the anchor: a timestamp, a config, or nothing (both None)."""

    timestamp: int | None = None
    config: AnchorConfig | None = None


@frozen
class Opening:
    """How a subscription starts: its anchor and first period; a trial if ``trial_end`` is set."""

    anchor: int
    first: CyclePeriod
    trial_end: int | None


def open_cycle(
    start: int, interval: Interval, choice: AnchorChoice, trial_end: int | None
) -> Opening:
    """The opening of a subscription that starts at ``start``.

    The anchor follows from the choice, by default from the start or the end of the trial. With a
    trial the first period is the trial.
    """
    origin = start if trial_end is None else trial_end
    anchor = _anchor(origin, interval, choice)
    if trial_end is None:
        return Opening(anchor, period_from(anchor, interval, start), None)
    check_trial_end(trial_end, start)
    trial = Period(start, trial_end)
    return Opening(anchor, CyclePeriod(trial, trial), trial_end)


def period_from(anchor: int, interval: Interval, start: int) -> CyclePeriod:
    """The period that starts at ``start`` and ends at the anchor's next boundary."""
    if first_full_invoice_at(anchor, interval, start) == start:
        full = Period(start, next_boundary(anchor, interval, start))
        return CyclePeriod(full, full)
    stub = Period(start, first_full_invoice_at(anchor, interval, start))
    return CyclePeriod(stub, stub_denominator(stub, interval))


def _anchor(origin: int, interval: Interval, choice: AnchorChoice) -> int:
    if choice.timestamp is not None:
        check_explicit_anchor(choice.timestamp, origin, interval)
        return choice.timestamp
    if choice.config is not None:
        return resolve_anchor(choice.config, origin, interval)
    return origin
