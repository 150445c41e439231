"""What a customer remembers: private state of its own document, written with each decision."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NotRequired, TypedDict

from meterline.core.base.columns import Columns
from meterline.core.base.frozen import frozen
from meterline.core.base.private_state import PrivateState
from meterline.core.billing.entitlements import ItemGrant
from meterline.core.credits.grants import GrantBalance

if TYPE_CHECKING:
    from meterline.core.base.wire import Customer


class OpenBatch(TypedDict):
    """A pending-item batch that is open, and what it is for."""

    id: str
    currency: str
    subscription: str | None
    held_back: NotRequired[bool]


class Handover(TypedDict):
    """One second: which items began to count in it by meter, and which meters ended with a bill.

    ``billed`` has the items by meter that have billed it and go on. ``before`` has the meters that
    ended in seconds before it, by second.
    """

    at: int
    began: dict[str, list[str]]
    ended: list[str]
    billed: NotRequired[dict[str, list[str]]]
    before: NotRequired[dict[str, list[str]]]


class OwnTaxId(TypedDict):
    """A tax id of a customer, as its invoices show it, and the id of the object."""

    id: str
    type: str
    value: str


class InvoicesNoted(TypedDict):
    """When the latest invoice was created, and the next number as of then."""

    latest: int
    next: int


class DraftCredits(TypedDict):
    """What a draft would take from grants, as each is counted, and when it becomes final."""

    invoice: str
    finalizes_at: int | None
    taken: dict[str, int]


class StoredDraftCredits(TypedDict):
    """The same as it is stored: the records of ``taken`` have ``grant`` and ``amount``."""

    invoice: str
    finalizes_at: int | None
    taken: Columns | dict[str, int]


class CreditAlert(TypedDict):
    """An active alert on the balance of billing credits with a measure, in ``currency``, as that
    is counted (``core.credits.measures``).

    ``prices`` restrict it to grants that pay for each of them. ``is_below`` says that the balance
    was at ``lte`` or below when it changed last: what that crossed has been told.
    """

    alert: str
    currency: str
    is_below: bool
    lte: int
    prices: list[str] | None


class TopUpEntry(TypedDict):
    """A rule of automatic top-ups that is not canceled: the balance that it is about, minor units.

    ``is_idle`` says that the balance is watched: nothing is being bought, and nothing forbids it.
    """

    top_up: str
    currency: str
    is_idle: bool
    prices: list[str] | None
    threshold: int


@frozen
class CustomerState(PrivateState):
    """What a customer remembers; other rooms own the rules, and only the customer knows all.

    ``credits`` and what drafts take are columns; a former release stored them as they are shown.
    """

    credit_alerts: list[CreditAlert] | None = None
    credit_currencies: list[str] | None = None
    credit_grants: int | None = None
    credit_top_ups: list[TopUpEntry] | None = None
    credits: Columns | list[GrantBalance] | None = None
    draft_credits: list[StoredDraftCredits] | None = None
    grants: list[ItemGrant] | None = None
    handover: Handover | None = None
    invoices: InvoicesNoted | None = None
    running: list[str] | None = None
    scheduled: list[str] | None = None
    subscription_changes: int | None = None
    tabs: list[OpenBatch] | None = None
    tax_ids: list[OwnTaxId] | None = None
    taxed: bool | None = None
    threshold_subscriptions: list[str] | None = None


def with_subscriptions_changed[B: Mapping[str, Any]](customer: B) -> B:
    """The customer, for a commit that writes a subscription: who remembers its periods, by the
    customer's version, then knows that they may be others.
    """
    state = CustomerState.of(customer)
    return replace(state, subscription_changes=(state.subscription_changes or 0) + 1).on(customer)


def without_invoices[B: Mapping[str, Any]](customer: B) -> B:
    """A new customer, of whom all invoices will be noted."""
    return _noting(customer, 0)


def with_invoices[B: Mapping[str, Any]](
    customer: B, stored: Mapping[str, Any], created: Iterable[int]
) -> B:
    """The customer, for a commit that creates invoices at these instants (UTC seconds), or makes
    some final; ``stored`` is the customer before.

    Nothing is noted where some may not have been: of a customer from before invoices were noted.
    """
    latest = latest_invoice(stored)
    return customer if latest is None else _noting(customer, max([latest, *created]))


def may_have_invoices_since(customer: Mapping[str, Any], instant: int) -> bool:
    """Whether a customer may have an invoice that was created at an instant or later."""
    latest = latest_invoice(customer)
    return latest is None or latest >= instant


def latest_invoice(customer: Mapping[str, Any]) -> int | None:
    """When the latest invoice was created, 0 without any; None where it is not known.

    A release that knows no note leaves it behind the sequence of numbers that it has gone on with.
    """
    noted = CustomerState.of(customer).invoices
    is_known = noted is not None and noted["next"] == customer.get("next_invoice_sequence")
    return noted["latest"] if noted is not None and is_known else None


def _noting[B: Mapping[str, Any]](customer: B, latest: int) -> B:
    invoices: InvoicesNoted = {"latest": latest, "next": customer["next_invoice_sequence"]}
    return replace(CustomerState.of(customer), invoices=invoices).on(customer)


def remembered_when_deleted(customer: "Customer") -> dict[str, object]:
    """Of a customer's private state what goes on without it: the batches that ended subscriptions
    still drop, and what is left of its grants of credits, which invoices may give more back to.
    """
    state = CustomerState.of(customer)
    nothing: dict[str, object] = {}
    return CustomerState(
        credit_currencies=state.credit_currencies,
        credit_grants=state.credit_grants,
        credits=state.credits,
        draft_credits=state.draft_credits,
        tabs=state.tabs or None,
    ).on(nothing)
