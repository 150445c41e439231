"""Changes of licensed items in the middle of a period: what they give back and what they charge.

The unused rest of what was paid in advance is credited and the rest of the period charged at the
new price, each to the second and rounded by itself. Classic mode credits the item's current price,
whatever was billed; flexible mode credits exactly what was billed, one credit for each debit.
Rules: Stripe, "Prorations" and "Compare billing modes" (contract section 5.5).
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from meterline.core.base.errors import BillingError
from meterline.core.base.frozen import frozen
from meterline.core.base.periods import Period
from meterline.core.base.proration import prorate
from meterline.core.billing.discounts import Discount, DiscountableLine, discount_lines
from meterline.core.billing.invoicing import BillingMode


@frozen
class Fee:
    """What an item costs in advance for a full period, in minor units."""

    gross_minor: int
    discount_minor: int = 0

    @property
    def net_minor(self) -> int:
        """The fee after discounts."""
        return self.gross_minor - self.discount_minor


@frozen
class BilledSpan:
    """An amount that was billed in advance for a span of time, and is not credited yet.

    ``source`` names what billed it, in the words of its owner.
    """

    fee: Fee
    period: Period
    source: str | None = None


@frozen
class ProrationLine:
    """One credit (negative) or debit, with the fraction it comes from.

    `amount_minor` is after discounts, which are inside it: `fee.net_minor * period / whole`, both
    in seconds, rounded. A credit of flexible mode names as `credited` what billed the debit.
    """

    amount_minor: int
    gross_minor: int
    period: Period
    fee: Fee
    whole: Period
    credited: str | None = None

    @property
    def is_credit(self) -> bool:
        """Whether the line gives something back."""
        return self.amount_minor < 0

    @property
    def discount_minor(self) -> int:
        """The discount inside the amount, shown apart if prorations are itemized."""
        return self.gross_minor - self.amount_minor

    @property
    def as_billed(self) -> BilledSpan:
        """What a debit leaves billed in advance, to be credited by a later change."""
        return BilledSpan(Fee(self.gross_minor, self.discount_minor), self.period)

    @property
    def explanation(self) -> str:
        """The arithmetic in words: 1000 x 445540 s / 2678400 s = 166."""
        parts = f"{self.period.seconds} s / {self.whole.seconds} s"
        return f"{self.fee.net_minor} x {parts} = {abs(self.amount_minor)}"


@frozen
class ItemChange:
    """A change of one licensed item at an instant of its current period.

    `old_fee` is None for an added item, `new_fee` for a removed one. `whole` is the full period
    that fees are for: the current period, or the imagined one of a stub. `billed` lists what was
    billed in advance and not credited yet; only flexible mode looks at it. ``uncharged`` is time
    that nothing charges any more, of which classic mode credits nothing.
    """

    at: int
    period: Period
    whole: Period
    old_fee: Fee | None
    new_fee: Fee | None
    billed: tuple[BilledSpan, ...] = ()
    uncharged: tuple[Period, ...] = ()


@frozen
class ProratedChange:
    """The lines of a change, credits first, and what stands billed in advance after it."""

    credits: tuple[ProrationLine, ...]
    debits: tuple[ProrationLine, ...]
    billed: tuple[BilledSpan, ...]

    @property
    def lines(self) -> tuple[ProrationLine, ...]:
        """All lines in the order of the invoice."""
        return self.credits + self.debits

    @property
    def net_minor(self) -> int:
        """What the change costs in sum; negative if it gives back more than it charges."""
        return sum(line.amount_minor for line in self.lines)


def prorate_change(change: ItemChange, mode: BillingMode) -> ProratedChange:
    """The credits and debits of a change.

    At or after the end of the period nothing is left to prorate.
    """
    if change.at >= change.period.end:
        return ProratedChange((), (), change.billed)
    if mode is BillingMode.FLEXIBLE:
        unused = credit_billed(change.billed, change.at)
    else:
        unused = _credit_current(change)
    debits = _debit_rest(change)
    return ProratedChange(unused, debits, tuple(line.as_billed for line in debits))


def credit_billed(billed: Iterable[BilledSpan], at: int) -> tuple[ProrationLine, ...]:
    """Credits for the unused rest of billed spans, one each, as flexible mode gives them."""
    return tuple(
        replace(
            _line(span.fee, span.period.remaining_from(at), span.period, sign=-1),
            credited=span.source,
        )
        for span in billed
        if span.period.end > at
    )


def check_proration_date(date: int, period: Period) -> None:
    """Refuse a `proration_date` outside the current period."""
    if not period.start <= date <= period.end:
        raise BillingError(
            "Cannot specify proration_date outside of current subscription period"
            f" ({period.start} - {period.end}).",
            param="proration_date",
        )


def fees_after_discounts(
    lines: Sequence[DiscountableLine], discounts: Sequence[Discount], mode: BillingMode
) -> list[Fee]:
    """The fees of a subscription's items with its discounts inside, as prorations use them.

    Flexible mode allocates an amount off in proportion, as on the invoice: 500 off 1000 and 2000
    takes 166 off the first. Classic mode takes all of it off whichever item changes, as in Stripe's
    published example, where half of 1000 less 500 is credited as 250.
    """
    if mode is BillingMode.FLEXIBLE:
        taken = discount_lines(lines, discounts)
    else:
        taken = [discount_lines([line], discounts)[0] for line in lines]
    return [
        Fee(line.amount_minor, sum(part.amount_minor for part in parts))
        for line, parts in zip(lines, taken, strict=True)
    ]


def _credit_current(change: ItemChange) -> tuple[ProrationLine, ...]:
    if change.old_fee is None:
        return ()
    unused = change.period.remaining_from(change.at).without(change.uncharged)
    return tuple(_line(change.old_fee, part, change.whole, sign=-1) for part in unused)


def _debit_rest(change: ItemChange) -> tuple[ProrationLine, ...]:
    if change.new_fee is None:
        return ()
    return (_line(change.new_fee, change.period.remaining_from(change.at), change.whole, sign=1),)


def _line(fee: Fee, remaining: Period, whole: Period, *, sign: int) -> ProrationLine:
    return ProrationLine(
        amount_minor=prorate(sign * fee.net_minor, remaining, whole),
        gross_minor=prorate(sign * fee.gross_minor, remaining, whole),
        period=remaining,
        fee=fee,
        whole=whole,
    )
