"""The document of an invoice. Amounts are integer minor units of its currency; unit amounts are
``Decimal`` minor units, quantities ``Decimal``, instants UTC seconds. Texts are as they were typed.
"""

from decimal import Decimal
from typing import Literal

from meterline.core.base.frozen import frozen

type Status = Literal["draft", "open", "paid", "uncollectible", "void"]


@frozen
class PostalAddress:
    """Where somebody is; ``country`` is a code of two letters."""

    line1: str = ""
    line2: str = ""
    postal_code: str = ""
    city: str = ""
    state: str = ""
    country: str = ""

    def __bool__(self) -> bool:
        return any((self.line1, self.line2, self.postal_code, self.city, self.state, self.country))


@frozen
class TaxIdentity:
    """A tax id: ``type`` is Stripe's, such as ``eu_vat``."""

    type: str
    value: str


@frozen
class Seller:
    """Who is paid, as the account's settings said it when the invoice became final."""

    name: str
    address: PostalAddress
    tax_ids: tuple[TaxIdentity, ...]
    email: str
    phone: str
    url: str
    primary_color: str
    """``#rrggbb``, or empty."""


@frozen
class Buyer:
    """Who pays, as the invoice says it; without a name and an e-mail of one that was erased."""

    name: str
    email: str
    phone: str
    address: PostalAddress
    tax_ids: tuple[TaxIdentity, ...]
    locales: tuple[str, ...]
    """The languages that the customer prefers, the dearest first."""


@frozen
class Span:
    """From an instant until another."""

    start: int
    end: int


@frozen
class Step:
    """A part of a quantity, and what it costs: a tier (from 1), or all of it if that is None.

    ``counts`` says what ``quantity`` is of: ``quantity``, what is rated, or ``events``.
    """

    tier: int | None
    up_to: Decimal | None
    counts: str
    quantity: Decimal
    unit_amount: Decimal
    flat_amount: Decimal
    amount: Decimal


@frozen
class Bounds:
    """What a minimum and a maximum of a price made of an amount."""

    minimum: int | None
    maximum: int | None
    usage_amount: int
    reduction: int
    true_up: int


@frozen
class Workings:
    """How an amount came about: steps, then ``seconds`` of ``of_seconds`` of what they come to.

    ``discount`` is what was taken off ``full_amount`` when that was billed first.
    """

    steps: tuple[Step, ...]
    full_amount: int
    seconds: int | None
    of_seconds: int | None
    discount: int
    bounds: Bounds | None

    @property
    def is_share(self) -> bool:
        """Whether a part of a period is billed."""
        return bool(self.of_seconds) and self.seconds != self.of_seconds

    @property
    def says_something(self) -> bool:
        """Whether there is more to it than a quantity times an amount."""
        return bool(self.steps) or self.is_share or self.bounds is not None


@frozen
class LineTax:
    """What a tax comes to on a line."""

    tax_rate: str
    amount: int
    is_inclusive: bool


@frozen
class DocumentLine:
    """A line: ``amount`` is before what is taken off it, which is at least 0.

    ``credit_units`` are those of its meter that grants in units pay for.
    """

    id: str
    description: str
    quantity: Decimal
    unit_amount: Decimal | None
    amount: int
    period: Span
    discount_amount: int
    credit_amount: int
    credit_units: Decimal
    taxes: tuple[LineTax, ...]
    workings: Workings | None
    meter: str | None
    price: str | None
    product_name: str
    unit_label: str


@frozen
class Group:
    """Lines of one period, in the invoice's order."""

    period: Span
    lines: tuple[DocumentLine, ...]


@frozen
class Discount:
    """What a discount took off all lines, and by which terms: a percentage, or an amount."""

    amount: int
    percent_off: Decimal | None
    amount_off: int | None


@frozen
class TaxRow:
    """What a tax comes to on the whole invoice.

    ``percentage`` is None if nobody knows it. ``reason`` is Stripe's taxability reason:
    ``reverse_charge`` and ``customer_exempt`` say why the amount is 0.
    """

    tax_rate: str
    name: str
    jurisdiction: str
    percentage: Decimal | None
    is_inclusive: bool
    taxable_amount: int
    amount: int
    reason: str

    @property
    def is_owed(self) -> bool:
        """Whether the buyer pays it to the seller."""
        return self.reason not in ("customer_exempt", "reverse_charge")


@frozen
class BalanceChange:
    """What an invoice and the customer's balance do to each other, one by one.

    ``used`` is what was on the balance and counts here: negative if it pays. ``put_on`` is what the
    invoice gives back that is not paid out, ``left_owed`` what is too little to be charged: it is
    due with a later invoice. They come to ``used + put_on - left_owed``.
    """

    used: int
    put_on: int
    left_owed: int


@frozen
class Totals:
    """From the lines to what is left to pay.

    ``lines - discounts - credits + exclusive taxes = total``, and
    ``total + balance - notes_before_payment = amount_due``.
    """

    lines: int
    discounts: tuple[Discount, ...]
    credits: int
    taxes: tuple[TaxRow, ...]
    total_excluding_tax: int
    total: int
    balance: BalanceChange
    notes_before_payment: int
    amount_due: int
    amount_paid: int
    amount_remaining: int


@frozen
class IssuedNote:
    """A credit note of the invoice."""

    number: str
    issued_at: int
    total: int
    status: Literal["issued", "void"]
    reason: str | None
    memo: str
    is_after_payment: bool


@frozen
class InvoiceDocument:
    """All that an invoice says to who pays it."""

    id: str
    livemode: bool
    number: str
    status: Status
    currency: str
    issued_at: int
    due_at: int | None
    paid_at: int | None
    is_charged_automatically: bool
    seller: Seller
    buyer: Buyer
    period: Span
    description: str
    custom_fields: tuple[tuple[str, str], ...]
    groups: tuple[Group, ...]
    totals: Totals
    tax_exempt: str
    """``none``, ``exempt`` or ``reverse``."""
    notes: tuple[IssuedNote, ...]
    footer: str
    payment_instructions: str

    @property
    def lines(self) -> tuple[DocumentLine, ...]:
        """All lines, in order."""
        return tuple(line for group in self.groups for line in group.lines)

    @property
    def is_reverse_charge(self) -> bool:
        """Whether the buyer owes the tax instead of the seller."""
        return any(tax.reason == "reverse_charge" for tax in self.totals.taxes) or (
            self.tax_exempt == "reverse"
        )
