"""The tax ids of customers: a list of their own, and a copy that invoices are made with.

Ids are the customer's data: they go with it when it is erased. A customer remembers its few ids, so
that drafting an invoice reads no list.
"""

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from meterline.core.base.errors import BillingError, no_such
from meterline.core.billing.tax_id_formats import country_of, known_type
from meterline.services.base.context import Context
from meterline.services.base.ids import new_object_id
from meterline.services.base.lookups import find, on_customers_time
from meterline.services.base.outbox import EventDraft
from meterline.services.customers.customer_state import CustomerState, OwnTaxId
from meterline.store.base.documents import Body, Change, Document

if TYPE_CHECKING:
    from collections.abc import Sequence

    from meterline.core.base.wire import Customer, Deleted, TaxId, TaxIdOwner

KIND: Final = "tax_id"
MOST_TAX_IDS = 5
"""How many tax ids a customer can have, as Stripe documents it."""


def create_tax_id(ctx: Context, customer_id: str, params: Body) -> "TaxId":
    """Give a customer a tax id; refused if it is not written as its type is."""
    document = find(ctx, "customer", customer_id)
    ctx = on_customers_time(ctx, document)
    (made,), customer = new_tax_ids(ctx, document.body, [params], at="")
    ctx.save(
        Change(puts=[made, replace(document, body=customer)]),
        [EventDraft("customer.tax_id.created", made.body)],
        result_id=made.id,
    )
    return made.body


def new_tax_ids(
    ctx: Context, customer: "Customer", requested: "Sequence[Body]", *, at: str = "tax_id_data"
) -> "tuple[list[Document[TaxId]], Customer]":
    """New tax ids of a customer, and the customer that remembers them; the caller commits both.

    ``at`` is the parameter that lists them, if one does.
    """
    known = list(CustomerState.of(customer).tax_ids or ())
    made = []
    for index, asked in enumerate(requested):
        place = f"{at}[{index}]" if at else ""
        if len(known) >= MOST_TAX_IDS:
            raise BillingError(
                f"A customer can have at most {MOST_TAX_IDS} tax IDs: delete one first.",
                param=place or None,
            )
        value = f"{place}[value]" if place else "value"
        body = new_tax_id(ctx, customer, asked, checked_country(asked, place))
        document = Document(kind=KIND, livemode=ctx.livemode, body=body, parent=customer["id"])
        if any(_is_same(own, asked) for own in known):
            raise BillingError(
                f"The customer has this {asked['type']} already.",
                code="resource_already_exists",
                param=value,
            )
        known.append({"id": document.id, "type": asked["type"], "value": asked["value"]})
        made.append(document)
    return made, replace(CustomerState.of(customer), tax_ids=known or None).on(customer)


def find_tax_id(ctx: Context, customer_id: str, tax_id: str, params: Body) -> "TaxId":  # noqa: ARG001 - route
    """A tax id of this customer."""
    return _find(ctx, customer_id, tax_id).body


def delete_tax_id(ctx: Context, customer_id: str, tax_id: str, params: Body) -> "Deleted":  # noqa: ARG001 - route
    """Take a tax id away from its customer; invoices that are final keep it."""
    document = _find(ctx, customer_id, tax_id)
    customer = find(ctx, "customer", customer_id)
    ctx = on_customers_time(ctx, customer)
    own = CustomerState.of(customer.body).tax_ids or []
    left = [one for one in own if one["id"] != tax_id]
    body = replace(CustomerState.of(customer.body), tax_ids=left or None).on(customer.body)
    remains: Deleted = {"id": tax_id, "object": KIND, "deleted": True}
    ctx.save(
        Change(puts=[replace(customer, body=body)], deletes=[document]),
        [EventDraft("customer.tax_id.deleted", document.body)],
        result_id=tax_id,
    )
    return remains


def _find(ctx: Context, customer_id: str, tax_id: str) -> "Document[TaxId]":
    document = find(ctx, KIND, tax_id)
    if document.body["customer"] != customer_id:
        raise no_such("tax ID", tax_id)
    return document


def _is_same(own: OwnTaxId, asked: Body) -> bool:
    return (own["type"], own["value"]) == (asked["type"], asked["value"])


def checked_country(asked: Body, place: str) -> str | None:
    """The country of a tax id that a request gives; refused if it is not written as its type is.

    ``place`` is the parameter that holds type and value, if one does.
    """
    known_type(asked["type"], f"{place}[type]" if place else "type")
    return country_of(asked["type"], asked["value"], f"{place}[value]" if place else "value")


def new_tax_id(
    ctx: Context, customer: "Customer | None", asked: Body, country: str | None
) -> "TaxId":
    """A new tax id of a customer, or of the account; nothing is stored."""
    customer_id = None if customer is None else customer["id"]
    owner: TaxIdOwner = {"customer_account": None, "type": "self"}
    if customer_id is not None:
        owner = {"customer": customer_id, "customer_account": None, "type": "customer"}
    return {
        "id": new_object_id(KIND),
        "object": KIND,
        "country": country,
        "created": ctx.now,
        "customer": customer_id,
        "customer_account": None,
        "livemode": ctx.livemode,
        "owner": owner,
        "type": asked["type"],
        "value": asked["value"],
        "verification": {
            "status": "unavailable",
            "verified_address": None,
            "verified_name": None,
        },
    }
