"""Rules of automatic top-ups: what one says and remembers, and what its customer knows of it.

A rule is an object of our own. Its customer remembers what each rule watches, so that whoever has
read the customer knows whether there is any, and reads no rule for nothing.
"""

from dataclasses import replace
from typing import TYPE_CHECKING, Final, Literal, NotRequired, TypedDict

from meterline.core.base.frozen import frozen
from meterline.core.base.periods import Interval, IntervalUnit
from meterline.core.base.private_state import PrivateState
from meterline.services.customers.customer_state import CustomerState, TopUpEntry

if TYPE_CHECKING:
    from meterline.core.base.wire import CreditGrantApplicabilityConfig, Customer
    from meterline.core.credits.grants import Category
    from meterline.store.base.documents import Document

KIND: Final = "meterline.credit_top_up"
CREATED: Final = f"{KIND}.created"
UPDATED: Final = f"{KIND}.updated"
CANCELED: Final = f"{KIND}.canceled"

MOST: Final = 10
"""Rules of a customer that are not canceled."""

type Status = Literal["active", "awaiting_payment", "canceled", "limit_reached", "paused"]
type PauseReason = Literal[
    "invoice_credited", "invoice_deleted", "invoice_uncollectible", "invoice_voided", "requested"
]


class Every(TypedDict):
    """A calendar interval."""

    interval: Literal["day", "week", "month", "year"]
    interval_count: int


class TopUpGrant(TypedDict):
    """The credits that a payment brings, minor units; they last for an interval, or for good."""

    amount: int
    applicability_config: "CreditGrantApplicabilityConfig"
    category: "Category"
    expires_after: Every | None
    priority: int


class TopUpLimit(Every):
    """How many top-ups there are in an interval at most, counted from the rule's creation."""

    count: int


class TopUpPause(TypedDict):
    """Why a rule buys nothing, and what became of which invoice."""

    invoice: str | None
    reason: PauseReason


class TopUpTax(TypedDict):
    """Whether the deployment's engine computes the taxes of a rule's invoices."""

    enabled: bool


class TopUpTaxChanges(TypedDict, total=False):
    """What a request may say of it."""

    automatic_tax: TopUpTax


class CreditTopUp(TypedDict):
    """A rule: below ``threshold`` an invoice of ``amount`` is made (minor units), and its payment
    makes the grant.
    """

    id: str
    object: str
    amount: int
    automatic_tax: NotRequired[TopUpTax]
    collection_method: Literal["charge_automatically", "send_invoice"]
    created: int
    currency: str
    customer: str
    days_until_due: int | None
    default_tax_rates: list[str]
    grant: TopUpGrant
    latest_invoice: str | None
    limit: TopUpLimit | None
    livemode: bool
    metadata: dict[str, str]
    name: str | None
    pause: TopUpPause | None
    status: Status
    test_clock: str | None
    threshold: int


class BoughtCredits(TypedDict):
    """What the payment of an invoice grants, as the rule was when the invoice was made."""

    top_up: str
    grant: TopUpGrant
    name: str | None


class TopUpsMade(TypedDict):
    """How many invoices were made in the period of the limit that began at an instant."""

    start: int
    count: int


@frozen
class CreditTopUpState(PrivateState):
    """What a rule remembers: when to look at the balance by itself, and what it has bought."""

    looks_at: int | None = None
    made: TopUpsMade | None = None


def is_taxed_by_engine(rule: CreditTopUp) -> bool:
    """Whether the deployment's engine computes the taxes of a rule's invoices."""
    return rule.get("automatic_tax", {"enabled": False})["enabled"]


def looks_at(rule: CreditTopUp) -> int | None:
    """When the balance is to be looked at, though no usage was counted."""
    return CreditTopUpState.of(rule).looks_at


def rule_document(document: "Document[CreditTopUp]", rule: CreditTopUp) -> "Document[CreditTopUp]":
    """The document of a rule as it is now, due when its balance is to be looked at."""
    return replace(document, body=rule, due_at=looks_at(rule))


def to_be_looked_at(rule: CreditTopUp, at: int | None) -> CreditTopUp:
    """The rule, whose balance is to be looked at then; None: when usage was counted."""
    return replace(CreditTopUpState.of(rule), looks_at=at).on(rule)


def interval_of(every: Every) -> Interval:
    """The interval of a rule's limit, or of how long its credits last."""
    return Interval(IntervalUnit(every["interval"]), every["interval_count"])


def top_ups_of(customer: "Customer") -> list[TopUpEntry]:
    """What a customer knows of its rules that are not canceled."""
    return CustomerState.of(customer).credit_top_ups or []


def idle_top_ups(customer: "Customer") -> list[TopUpEntry]:
    """The rules whose balances are watched; of a deleted customer none is."""
    return [entry for entry in top_ups_of(customer) if entry["is_idle"]]


def with_rule(customer: "Customer", rule: CreditTopUp) -> "Customer":
    """The customer, who knows a rule as it is now, and none that is canceled."""
    state, known = CustomerState.of(customer), {one["top_up"]: one for one in top_ups_of(customer)}
    if rule["status"] == "canceled":
        known.pop(rule["id"], None)
    else:
        known[rule["id"]] = _entry(rule)
    return replace(state, credit_top_ups=list(known.values()) or None).on(customer)


def canceled(rule: CreditTopUp) -> CreditTopUp:
    """The rule, which buys nothing any more; what it has billed can still be paid."""
    ended: CreditTopUp = {**rule, "status": "canceled", "pause": None}
    return to_be_looked_at(ended, None)


def prices_of(config: "CreditGrantApplicabilityConfig") -> list[str] | None:
    """The only prices that credits pay for; None: all that are metered."""
    scoped = config["scope"].get("prices")
    return None if scoped is None else [price["id"] for price in scoped]


def _entry(rule: CreditTopUp) -> TopUpEntry:
    return {
        "top_up": rule["id"],
        "currency": rule["currency"],
        "is_idle": rule["status"] == "active",
        "prices": prices_of(rule["grant"]["applicability_config"]),
        "threshold": rule["threshold"],
    }
