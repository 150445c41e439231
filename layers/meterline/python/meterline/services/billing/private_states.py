"""What subscriptions, their items, invoices, lines and invoice items remember and never show."""

from typing import TYPE_CHECKING, Any, ClassVar, NotRequired, TypedDict

from meterline.core.base.frozen import frozen
from meterline.core.base.private_state import PrivateState
from meterline.services.credits.top_up_bodies import BoughtCredits

if TYPE_CHECKING:
    from meterline.core.base.wire import InvoiceItemParent, InvoiceItemProrationDetails


class DiscountTerms(TypedDict):
    """A discount as it counts on what it stands on: its id, and what its coupon takes off."""

    id: str
    created: int
    amount_off: int | None
    currency: str | None
    duration: str
    percent_off: str | None
    products: list[str] | None


class TaxTerms(TypedDict):
    """A tax rate as it counts on a line: its id, and what never changes about it."""

    id: str
    percentage: str
    inclusive: bool


class TaxWords(TypedDict):
    """What a tax rate is called, and where it is due."""

    display_name: str
    jurisdiction: str | None


class GivenTax(TypedDict):
    """A tax of a line that somebody else has computed, minor units, and why it is what it is."""

    amount: int
    rate: TaxTerms
    reason: str
    taxable_amount: int


class TaxShares(TypedDict):
    """What the taxes of a line came to that somebody else has computed, rate by rate, what they
    were on, and what the line came to before taxes; minor units.
    """

    amounts: list[int]
    taxable: list[int]
    of: int


class Taxed(TypedDict):
    """By which rates a line was taxed, and of a customer who owes no tax which way it is exempt."""

    rates: list[TaxTerms]
    exempt: NotRequired[str]
    shares: NotRequired[TaxShares]


class TaxCalculation(TypedDict):
    """What became of the taxes that an engine is to compute of an invoice.

    ``basis`` is what it computed them on, a digest. Where it failed: how, how often by due work,
    and when it is asked again, if it is.
    """

    basis: NotRequired[str]
    failure: NotRequired[str]
    tries: NotRequired[int]
    at: NotRequired[int | None]


class TimeSpan(TypedDict):
    """From an instant until another, UTC seconds."""

    start: int
    end: int


class UsageBilled(TypedDict):
    """What invoices of the running period billed of its usage, and the last of them."""

    amount: int
    quantity: str
    invoice: NotRequired[str]


class CreditedPortions(TypedDict):
    """What credit notes took back of a line: its amount, and its reductions and taxes in order."""

    amount: int
    pretax: list[int]
    taxes: list[int]


class GivesBack(TypedDict):
    """An amount that was billed before, pairs of a discount's id and what it took off, and what
    billing credits paid of it.
    """

    amount: int
    discounts: list[list[Any]]
    credits: NotRequired[int]


class LineCredit(TypedDict):
    """What a grant of billing credits pays of a line, minor units, and the parts of units that
    this takes from one in units of a meter.
    """

    grant: str
    amount: int
    parts: NotRequired[int]


class ExplainedStep(TypedDict):
    """A step of a rating: so much of a quantity in a tier, and what it costs; decimals as text."""

    tier: int | None
    up_to: str | None
    counts: str
    quantity: str
    unit_amount: str
    flat_amount: str
    amount: str


class ExplainedBounds(TypedDict):
    """What a minimum and a maximum made of an amount, minor units, and their share of a period."""

    minimum_amount: int | None
    maximum_amount: int | None
    seconds: int
    of_seconds: int
    usage_amount: int
    reduction: int
    true_up: int


class LineExplanation(TypedDict):
    """How an amount came about: the steps that rated it, and the share of a full period.

    Prorations have their discount and their arithmetic in words; corrections the steps of now.
    """

    steps: list[ExplainedStep]
    full_amount: int
    seconds: NotRequired[int]
    of_seconds: NotRequired[int]
    bounds: NotRequired[ExplainedBounds | None]
    discount: NotRequired[int]
    arithmetic: NotRequired[str]
    rated_again: NotRequired[list[ExplainedStep]]


class BilledBefore(UsageBilled):
    """What was billed of the usage of a period, and what may come back of it."""

    gives_back: GivesBack
    taxed: NotRequired[Taxed | None]


class BilledInAdvance(TypedDict):
    """A fee and its discount in minor units, the period they are for, and what billed them."""

    gross: int
    discount: int
    start: int
    end: int
    source: NotRequired[str | None]


class BilledPrice(TypedDict):
    """The price that something was billed at, as a credit names it."""

    id: str
    product: str


class BilledAs(TypedDict):
    """What an item was when something billed it: its price and quantity."""

    price: BilledPrice
    quantity: int


class Credited(TypedDict):
    """What a credit gives back of what was billed in advance, and at which terms that was."""

    billed: BilledInAdvance
    billed_as: BilledAs


class WorkLeft(TypedDict):
    """How much due work is left, and since when it is due."""

    at: int
    left: int


class StopsFrom(TypedDict):
    """The invoice after which stopping invoices goes on, and since when that is due."""

    created: int
    id: str
    at: int


class ScheduledChange(TypedDict):
    """When the schedule of a subscription changes it next, when it expires, and when to announce
    that; None of what is done already, or is no work of its own.
    """

    changes_at: int | None
    expires_at: int
    notice_at: int | None


class StoredDeadlines(TypedDict):
    """When an open invoice becomes late, and when it is given up."""

    late_at: int | None
    given_up_at: int | None


@frozen
class PhaseState(PrivateState):
    """What a phase of a schedule remembers: that its subscription inherits no discount."""

    undiscounted: bool | None = None


@frozen
class SubscriptionState(PrivateState):
    """What a subscription remembers."""

    drops: WorkLeft | None = None
    schedule: ScheduledChange | None = None
    stops_from: StopsFrom | None = None
    trial_end_told: int | None = None
    undiscounted: bool | None = None


@frozen
class SubscriptionItemState(PrivateState):
    """What a subscription's item remembers; all but the discounts is about its running period."""

    billed: list[BilledInAdvance] | None = None
    billed_as: dict[str, BilledAs] | None = None
    discounts_used: list[DiscountTerms] | None = None
    uncharged: list[TimeSpan] | None = None
    usage_billed: UsageBilled | None = None
    usage_from: int | None = None
    usage_owed: TimeSpan | None = None

    @property
    def in_new_period(self) -> "SubscriptionItemState":
        """What of it is still so in the next period."""
        return SubscriptionItemState(discounts_used=self.discounts_used)


@frozen
class InvoiceState(PrivateState):
    """What an invoice remembers; ``credited`` by the ids of its lines, ``credit_notes`` counted.

    Of a final one, what it says for good: ``preferred_locales``, the languages that its customer
    preferred, ``seller_since``, since when the settings had said of the seller what it says, and
    ``tax_words``, what its tax rates were called, by their ids.
    """

    arrears: StoredDeadlines | None = None
    credit_notes: int | None = None
    credited: dict[str, CreditedPortions] | None = None
    discounts: list[DiscountTerms] | None = None
    late: WorkLeft | None = None
    pause: str | None = None
    preferred_locales: list[str] | None = None
    seller_since: int | None = None
    tax_calculation: TaxCalculation | None = None
    tax_words: dict[str, TaxWords] | None = None
    top_up: BoughtCredits | None = None
    usage_due_at: int | None = None


@frozen
class LineState(PrivateState):
    """What a line of an invoice remembers of how it came about.

    ``untaxed`` of a line that goes on from earlier invoices, or takes back what they billed: what
    of its amount discounts and credits took off there, so that it was never taxed.
    """

    STORED_AS_NULL: ClassVar = frozenset({"meter", "product_name", "explanation"})

    billed_before: int | None = None
    billed_period: TimeSpan | None = None
    corrects: str | None = None
    created: int | None = None
    credits: list[LineCredit] | None = None
    described: str | None = None
    discounts: list[DiscountTerms] | None = None
    engine_taxes: list[GivenTax] | None = None
    explanation: LineExplanation | None = None
    gives_back: GivesBack | None = None
    line_ids: list[str] | None = None
    meter: str | None = None
    of_period: TimeSpan | None = None
    product_name: str | None = None
    quantity_before: str | None = None
    tax_amounts: list[GivenTax] | None = None
    tax_exempt: str | None = None
    tax_rates: list[TaxTerms] | None = None
    tax_shares: TaxShares | None = None
    taxed: Taxed | None = None
    tier_of: str | None = None
    untaxed: int | None = None
    unit_label: str | None = None
    usage_of: str | None = None

    @property
    def usage_meter(self) -> str | None:
        """The meter whose usage the line bills, whether or not it is rated again."""
        return self.meter or self.usage_of


@frozen
class InvoiceItemState(LineState):
    """What an invoice item remembers: what its line will, and what is its own."""

    STORED_AS_NULL: ClassVar = frozenset()

    credited: Credited | None = None
    credited_by: list[str] | None = None
    parent: "InvoiceItemParent | None" = None
    proration_details: "InvoiceItemProrationDetails | None" = None
    tab: str | None = None
