"""Customers: they pay; a test customer may live on a test clock (contract section 9)."""

import re
import secrets
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, Literal

from meterline.core.base.errors import BillingError
from meterline.core.base.frozen import frozen
from meterline.core.base.unset import UNSET, merged_metadata, or_none
from meterline.services.base.context import Context
from meterline.services.base.ids import new_object_id
from meterline.services.base.limits import MembersSet, with_member
from meterline.services.base.lookups import find, on_customers_time
from meterline.services.base.outbox import EventDraft
from meterline.services.base.patch import save_update
from meterline.services.customers.balances import DEFAULT_CURRENCY, Booking, adjust
from meterline.services.customers.customer_state import with_invoices, without_invoices
from meterline.services.customers.tax_ids import new_tax_ids
from meterline.store.base.documents import LIVE, Body, Change, Claim, ClaimTaken, Document

if TYPE_CHECKING:
    from meterline.core.base.wire import (
        Address,
        Customer,
        CustomerBalanceTransaction,
        CustomerInvoiceSettings,
        CustomerShipping,
        TestClock,
    )

KIND: Final = "customer"
INVOICE_PREFIX = "invoice_prefix"
"""The claim that keeps invoice numbers of different customers apart. It is never given up: the
numbers of final invoices begin with it, whatever prefix their customer has now."""

MOST_PER_TEST_CLOCK = 3
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+")
_PLAIN = ("description", "email", "name", "phone", "next_invoice_sequence", "invoice_prefix")
_NEVER_NULL: tuple[Literal["business_name", "individual_name"], ...] = (
    "business_name",
    "individual_name",
)


@frozen
class NewCustomer:
    """A customer that is to be stored, at its own time, with what the same commit stores."""

    ctx: Context
    document: "Document[Customer]"
    change: Change
    events: list[EventDraft]

    def refusal(self) -> BillingError:
        """What is said if the prefix of its numbers is another one's."""
        return _prefix_taken(self.ctx, self.document.body)


def create_customer(ctx: Context, params: Body) -> "Customer":
    """Create a customer; on a test clock it is created at the clock's time."""
    new = new_customer(ctx, params)
    change = replace(new.change, puts=[new.document, *new.change.puts])
    try:
        new.ctx.save(change, new.events, result_id=new.document.id)
    except ClaimTaken:
        raise new.refusal() from None
    return new.document.body


def new_customer(ctx: Context, params: Body) -> NewCustomer:
    """The customer that a request asks for; the change lacks its own document."""
    clock = _clock(ctx, params.get("test_clock"))
    if clock is not None:
        ctx = ctx.at(clock.body["frozen_time"])
    body = with_details(without_invoices(_new_customer(ctx, params)), params)
    document = Document(
        kind=KIND,
        livemode=ctx.livemode,
        body=body,
        timeline=clock.id if clock else LIVE,
        parent=clock.id if clock else None,
    )
    adjustments = _adjustments(ctx, body, params)
    tax_ids, remembering = new_tax_ids(ctx, body, params.get("tax_id_data", ()))
    document = replace(document, body=remembering)
    members_set = [_on_clock(ctx, clock.id, document.id)] if clock else []
    change = Change(
        puts=[*adjustments, *tax_ids, *members_set],
        checks=[clock] if clock else [],
        claims=[prefix_claim(body)],
    )
    events = [EventDraft("customer.created", body)]
    events += [EventDraft("customer.tax_id.created", made.body) for made in tax_ids]
    return NewCustomer(ctx, document, change, events)


def update_customer(ctx: Context, customer_id: str, params: Body) -> "Customer":
    """Change the given fields of a customer."""
    document = find(ctx, KIND, customer_id)
    ctx = on_customers_time(ctx, document)
    before = document.body
    changed = changed_customer(ctx, before, params)
    try:
        return save_update(
            ctx,
            document,
            changed.body,
            "customer.updated",
            claims=changed.claims,
            with_it=changed.adjustments,
        )
    except ClaimTaken:
        raise changed.refusal() from None


@frozen
class ChangedCustomer:
    """A customer as a request changes it, with what the same commit stores and claims."""

    ctx: Context
    body: "Customer"
    adjustments: "list[Document[CustomerBalanceTransaction]]"
    claims: list[Claim]

    def refusal(self) -> BillingError:
        """What is said if the prefix of its numbers is another one's."""
        return _prefix_taken(self.ctx, self.body)


def changed_customer(ctx: Context, before: "Customer", params: Body) -> ChangedCustomer:
    """A customer with the given fields; ``ctx`` is on its time."""
    body = with_invoices(with_details(before, params), before, [])
    if body["next_invoice_sequence"] < before["next_invoice_sequence"]:
        raise BillingError(
            "The next invoice sequence can only grow: numbers are never used twice.",
            param="next_invoice_sequence",
        )
    moved = body["invoice_prefix"] != before["invoice_prefix"]
    adjustments = _adjustments(ctx, body, params)
    return ChangedCustomer(ctx, body, adjustments, [prefix_claim(body)] if moved else [])


def _adjustments(
    ctx: Context, body: "Customer", params: Body
) -> "list[Document[CustomerBalanceTransaction]]":
    """The balance transaction that the parameter ``balance`` asks for; sets the balance, too."""
    amount = params.get("balance", body["balance"]) - body["balance"]
    if amount == 0:
        return []
    currency = body["currency"] or DEFAULT_CURRENCY
    booking = Booking(amount=amount, currency=currency, type="adjustment")
    adjusted, transaction = adjust(ctx, body, booking)
    body |= adjusted
    return [transaction]


def _new_customer(ctx: Context, params: Body) -> "Customer":
    return {
        "id": new_object_id(KIND),
        "object": KIND,
        "address": None,
        "balance": 0,
        "created": ctx.now,
        "currency": None,
        "default_source": None,
        "delinquent": False,
        "description": None,
        "customer_account": None,
        "discount": None,
        "email": None,
        "invoice_credit_balance": {},
        "invoice_prefix": secrets.token_hex(4).upper(),
        "invoice_settings": {
            "custom_fields": None,
            "default_payment_method": None,
            "footer": None,
            "rendering_options": None,
        },
        "livemode": ctx.livemode,
        "metadata": {},
        "name": None,
        "next_invoice_sequence": 1,
        "phone": None,
        "preferred_locales": [],
        "shipping": None,
        "tax_exempt": "none",
        "test_clock": params.get("test_clock"),
    }


def with_details(before: "Customer", params: Body) -> "Customer":
    """A customer's body with the given parameters in it; nothing is stored."""
    _check_email(params.get("email") or None)
    plain: Any = {name: or_none(params[name]) for name in _PLAIN if name in params}
    body: Customer = before | plain
    for name in _NEVER_NULL:
        if params.get(name) is UNSET:
            body.pop(name, None)
        elif name in params:
            body[name] = params[name]
    if "address" in params:
        body["address"] = _address(params["address"]) if params["address"] else None
    if "shipping" in params:
        body["shipping"] = _shipping(params["shipping"])
    if "preferred_locales" in params:
        body["preferred_locales"] = params["preferred_locales"]
    if "tax_exempt" in params:
        body["tax_exempt"] = params["tax_exempt"] or "none"
    if "metadata" in params:
        body["metadata"] = merged_metadata(before["metadata"], params["metadata"])
    if "invoice_settings" in params:
        body["invoice_settings"] = _invoice_settings(
            before["invoice_settings"], params["invoice_settings"]
        )
    return body


def _address(requested: Body) -> "Address":
    return {
        "city": or_none(requested.get("city")),
        "country": or_none(requested.get("country")),
        "line1": or_none(requested.get("line1")),
        "line2": or_none(requested.get("line2")),
        "postal_code": or_none(requested.get("postal_code")),
        "state": or_none(requested.get("state")),
    }


def _shipping(requested: Body) -> "CustomerShipping | None":
    if not requested:
        return None
    return {
        "address": _address(requested["address"] or {}),
        "carrier": None,
        "name": requested["name"],
        "phone": or_none(requested.get("phone")),
        "tracking_number": None,
    }


def _invoice_settings(
    before: "CustomerInvoiceSettings", requested: Body
) -> "CustomerInvoiceSettings":
    changes: Any = {name: or_none(value) for name, value in requested.items()}
    changed: CustomerInvoiceSettings = before | changes
    options = requested.get("rendering_options")
    if options:
        changed["rendering_options"] = {
            "amount_tax_display": or_none(options.get("amount_tax_display")),
            "template": or_none(options.get("template")),
        }
    return changed


def _clock(ctx: Context, clock_id: str | None) -> "Document[TestClock] | None":
    """The test clock to join; it must not be advancing."""
    if clock_id is None:
        return None
    clock = find(ctx, "test_helpers.test_clock", clock_id, param="test_clock")
    if clock.body["status"] != "ready":
        raise BillingError(
            f"The test clock {clock_id} is advancing. Wait until it is ready.",
            code="rate_limit",
            status=429,
        )
    return clock


def _on_clock(ctx: Context, clock_id: str, customer_id: str) -> Document[MembersSet]:
    full = BillingError(
        f"A test clock can have at most {MOST_PER_TEST_CLOCK} customers.", param="test_clock"
    )
    name = clock_customers_set(clock_id)
    return with_member(ctx, name, customer_id, most=MOST_PER_TEST_CLOCK, refusal=full)


def clock_customers_set(clock_id: str) -> str:
    """The set of the customers on a test clock."""
    return f"customers/{clock_id}"


def _check_email(email: str | None) -> None:
    """Refuse a text that no mailbox has as its address; whether one has it, nobody knows."""
    if email is not None and not _EMAIL.fullmatch(email):
        raise BillingError(f"Invalid email address: {email}", code="email_invalid", param="email")


def prefix_claim(body: "Customer") -> Claim:
    """A customer's claim on the prefix of its invoices' numbers."""
    return Claim(INVOICE_PREFIX, body["invoice_prefix"], body["id"])


def _prefix_taken(ctx: Context, body: "Customer") -> BillingError:
    holder = ctx.store.claim_holder(INVOICE_PREFIX, body["invoice_prefix"])
    return BillingError(
        f"This invoice number prefix is taken by customer: {holder}. Please enter a different"
        " prefix.",
        param="invoice_prefix",
    )
