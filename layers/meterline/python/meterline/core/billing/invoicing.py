"""Invoice lines: what a subscription's items cost at the start and the end of a period.

Licensed items are billed in advance, metered items in arrears, together on one invoice (contract
section 5.6). Each line is rated, prorated if its period is a part of a full one, and rounded by
itself; an invoice adds rounded lines (contract section 4), and `balances` settles their sum. At a
price with tiers an invoice has a line for each tier reached and for each flat amount. Usage is
never prorated, but the bounds that a price may set to its amount for a period are.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from decimal import Decimal
from enum import StrEnum

from meterline.core.base.frozen import frozen
from meterline.core.base.money import ZERO
from meterline.core.base.periods import Period
from meterline.core.base.proration import prorate
from meterline.core.billing.cycles import CyclePeriod
from meterline.core.catalog.commitments import UNBOUNDED, Commitment, SpendBounds, commitment_of
from meterline.core.catalog.price_models import NO_USAGE, PriceModel, Usage, rate_usage
from meterline.core.catalog.rating import Rated


class UsageType(StrEnum):
    """LICENSED prices bill the item's quantity in advance; METERED ones bill usage in arrears."""

    LICENSED = "licensed"
    METERED = "metered"


class BillingMode(StrEnum):
    """How a subscription's changes and first invoice are computed (contract section 1.8)."""

    CLASSIC = "classic"
    FLEXIBLE = "flexible"


@frozen
class BilledItem:
    """What invoicing needs of a subscription item; ``quantity`` is ignored if it is metered.

    ``bounds`` are those of a full period's usage; licences have none.
    """

    id: str
    usage_type: UsageType
    plan: PriceModel
    quantity: Decimal = ZERO
    bounds: SpendBounds = UNBOUNDED

    @property
    def is_metered(self) -> bool:
        """Whether the item bills usage."""
        return self.usage_type is UsageType.METERED

    @property
    def is_free(self) -> bool:
        """Whether its price can never cost anything; a quantity of zero does not make it free."""
        return self.plan.is_free and not self.bounds.minimum_minor


@frozen
class Line:
    """One line: the amount in minor units, and how it came about.

    ``rated`` is the price of the whole quantity over ``whole``; the line's ``amount_minor`` is the
    share of it that falls on ``period``, which is all of it unless ``period`` is a stub. Where the
    price has bounds, ``commitment`` says what they made of the amount. At a price with tiers the
    line stands for those that an invoice shows, ``by_tier``.
    """

    item_id: str
    amount_minor: int
    quantity: Decimal
    period: Period
    whole: Period
    rated: Rated | None
    trial: BillingMode | None = None
    commitment: Commitment | None = None

    @property
    def is_trial(self) -> bool:
        """Whether the line is free because of a trial; ``trial`` is then the mode that words it."""
        return self.trial is not None

    @property
    def is_stub(self) -> bool:
        """Whether the line charges only a part of a full period."""
        return self.period.seconds < self.whole.seconds

    @property
    def by_tier(self) -> "list[Line]":
        """The lines of its tiers and flat amounts, which add up to it; itself without tiers.

        More usage only adds lines to those of less. An amount within bounds is not one of tiers.
        """
        if self.commitment is not None or self.rated is None or not self.rated.by_tier:
            return [self]
        return [
            replace(
                self,
                amount_minor=prorate(tier.amount_minor, self.period, self.whole),
                quantity=tier.steps[0].quantity,
                rated=tier,
            )
            for tier in self.rated.by_tier
        ]


def opening_lines(items: Iterable[BilledItem], first: CyclePeriod, mode: BillingMode) -> list[Line]:
    """The lines of a subscription's first invoice, for its ``first`` period.

    Flexible mode leaves metered items out; classic mode shows them with nothing used.
    """
    lines = []
    for item in items:
        if not item.is_metered:
            lines.append(licensed_line(item, first))
        elif mode is BillingMode.CLASSIC:
            lines.append(Line(item.id, 0, ZERO, first.period, first.period, None))
    return lines


def trial_lines(items: Iterable[BilledItem], trial: Period, mode: BillingMode) -> list[Line]:
    """The lines of the invoice at the start of a trial: every item for nothing."""
    return [
        Line(item.id, 0, _licences(item), trial, trial, None, trial=mode)
        for item in items
        if not item.is_metered or mode is BillingMode.CLASSIC
    ]


def renewal_lines(
    items: Iterable[BilledItem],
    usage: Mapping[str, Usage],
    ended: CyclePeriod,
    coming: CyclePeriod | None,
) -> list[Line]:
    """The lines at a period's end: usage of the ``ended`` one, licences for the ``coming`` one.

    ``usage`` is that of each metered item by its id; others used nothing. ``coming`` is None when
    the subscription ends.
    """
    lines = []
    for item in items:
        if item.is_metered:
            lines.append(metered_line(item, usage.get(item.id, NO_USAGE), ended))
        elif coming is not None:
            lines.append(licensed_line(item, coming))
    return lines


def _licences(item: BilledItem) -> Decimal:
    return ZERO if item.is_metered else item.quantity


def licensed_line(item: BilledItem, span: CyclePeriod) -> Line:
    """The line of a licensed item for a period: its share of the price of the whole period."""
    rated = rate_usage(item.plan, Usage(item.quantity))
    amount_minor = prorate(rated.amount_minor, span.period, span.whole)
    line = Line(item.id, amount_minor, item.quantity, span.period, span.whole, rated)
    return replace(line, amount_minor=sum(tier.amount_minor for tier in line.by_tier))


def metered_line(item: BilledItem, usage: Usage, span: CyclePeriod) -> Line:
    """The line of a metered item for the usage of a period; usage below zero bills as zero.

    All of the usage is billed, however short the period; the price's bounds have its share.
    """
    return _usage_line(item, usage, span.period, item.bounds, span)


def interim_line(item: BilledItem, usage: Usage, so_far: Period, span: CyclePeriod) -> Line:
    """The line of a metered item for the usage of a period ``so_far``, in the middle of it.

    The maximum is that of the whole period, and the minimum waits for its end: only the last
    invoice of a period makes it up.
    """
    ceiling = SpendBounds(maximum_minor=item.bounds.maximum_minor)
    return _usage_line(item, usage, so_far, ceiling, span)


def _usage_line(
    item: BilledItem, usage: Usage, period: Period, bounds: SpendBounds, span: CyclePeriod
) -> Line:
    """The usage of a period, kept within the share of the bounds that ``span`` has."""
    billed = usage.billable
    rated = rate_usage(item.plan, billed)
    line = Line(item.id, rated.amount_minor, billed.quantity, period, period, rated)
    if bounds == UNBOUNDED:
        return line
    commitment = commitment_of(rated.amount_minor, bounds, span.period, span.whole)
    return replace(line, amount_minor=commitment.bounded.amount_minor, commitment=commitment)
