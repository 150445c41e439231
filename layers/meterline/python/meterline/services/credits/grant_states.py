"""What a grant of billing credits remembers, and the documents that store it."""

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from meterline.core.base.frozen import frozen
from meterline.core.base.private_state import PrivateState
from meterline.services.base.ids import numbered_id
from meterline.services.credits.credit_amounts import amount_in, measure_of
from meterline.services.credits.ledger import Account
from meterline.services.customers.customer_state import CustomerState

if TYPE_CHECKING:
    from meterline.core.base.wire import CreditGrant, CreditGrantApplicabilityConfig, Customer
    from meterline.core.credits.grants import Category
    from meterline.services.base.context import Context
    from meterline.services.credits.alerts import Crossings
    from meterline.store.base.documents import Document

KIND: Final = "billing.credit_grant"


@frozen(kw_only=True)
class GrantTerms:
    """What is granted, as it is counted, and on which terms."""

    value: int
    measure: str
    category: "Category"
    config: "CreditGrantApplicabilityConfig"
    effective_at: int
    expires_at: int | None
    metadata: dict[str, str]
    name: str | None
    priority: int


@frozen
class CreditGrantState(PrivateState):
    """What a grant remembers: when what is left of it is to be expired, None once it was; and of
    one that recurs the number of its period, and when the next one is to be made.
    """

    expiry_due_at: int | None = None
    number: int | None = None
    recurs_at: int | None = None


def new_grant(ctx: "Context", customer: "Customer", terms: GrantTerms) -> "CreditGrant":
    """A new grant of a customer, without private state."""
    return {
        "id": next_grant_id(ctx, customer),
        "object": KIND,
        "amount": amount_in(terms.measure, terms.value),
        "applicability_config": terms.config,
        "category": terms.category,
        "created": ctx.now,
        "customer": customer["id"],
        "customer_account": None,
        "effective_at": terms.effective_at,
        "expires_at": terms.expires_at,
        "livemode": ctx.livemode,
        "metadata": terms.metadata,
        "name": terms.name,
        "priority": terms.priority,
        "test_clock": customer.get("test_clock"),
        "updated": ctx.now,
        "voided_at": None,
    }


def next_grant_id(ctx: "Context", customer: "Customer") -> str:
    """The id of the next grant of a customer, which counts those that it was given.

    A commit stores a new grant with the customer, so no two are given the same.
    """
    number = (CustomerState.of(customer).credit_grants or 0) + 1
    prefix = "credgr_" if ctx.livemode else "credgr_test_"
    return numbered_id(prefix, number, KIND, customer["id"])


def with_grant_counted(customer: "Customer") -> "Customer":
    """The customer, who has been given one more grant."""
    state = CustomerState.of(customer)
    return replace(state, credit_grants=(state.credit_grants or 0) + 1).on(customer)


def account_of(grant: "CreditGrant") -> Account:
    """What the ledger has of a grant."""
    return Account(grant["id"], measure_of(grant), grant["customer"], grant["test_clock"])


def expiry_due_at(grant: "CreditGrant") -> int | None:
    """When what is left of a grant is to be expired."""
    return CreditGrantState.of(grant).expiry_due_at


def recurs_at(grant: "CreditGrant") -> int | None:
    """When the grant of the next period is to be made."""
    return CreditGrantState.of(grant).recurs_at


def grant_document(
    document: "Document[CreditGrant]", grant: "CreditGrant"
) -> "Document[CreditGrant]":
    """The document of a grant as it is now, due at the earliest of its instants."""
    instants = [at for at in (expiry_due_at(grant), recurs_at(grant)) if at is not None]
    return replace(document, body=grant, due_at=min(instants, default=None))


def written_after(customer: "Document[Customer]", crossings: "Crossings") -> "list[Document]":
    """The customer after a change of its credits, and the records of what that crossed."""
    return [replace(customer, body=crossings.customer), *crossings.records]
