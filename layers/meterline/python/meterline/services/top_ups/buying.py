"""Buying credits: the invoice that a rule makes where its balance is too low.

The invoice and the rule, which then waits for the payment, are one commit. It is conditional on
the customer and on the rule as they were read, so of several looks at once one buys.
"""

from dataclasses import replace
from typing import TYPE_CHECKING

from meterline.core.base.periods import Period, period_at
from meterline.services.base.ids import new_object_id
from meterline.services.billing.amounts import with_amounts
from meterline.services.billing.invoice_bodies import (
    AUTOMATIC_TAX,
    NO_TAX,
    InvoiceTerms,
    due_date,
    new_invoice,
)
from meterline.services.billing.line_taxes import requested_rates
from meterline.services.billing.private_states import InvoiceState
from meterline.services.credits.top_up_bodies import (
    CreditTopUp,
    CreditTopUpState,
    TopUpsMade,
    interval_of,
    is_taxed_by_engine,
    rule_document,
    to_be_looked_at,
    with_rule,
)
from meterline.services.invoices.drafting import issue_on
from meterline.services.invoices.item_bodies import item_line
from meterline.services.invoices.item_requests import requested_item

if TYPE_CHECKING:
    from meterline.core.base.wire import Invoice
    from meterline.services.billing.unit_of_work import UnitOfWork
    from meterline.store.base.documents import Document

_DESCRIPTION = "Credits"


def put_rule(uow: "UnitOfWork", document: "Document[CreditTopUp]", rule: CreditTopUp) -> None:
    """Store a rule as it is now, and have the customer know it so."""
    uow.customer = with_rule(uow.customer, rule)
    uow.put(rule_document(document, rule))


def bought(uow: "UnitOfWork", rule: CreditTopUp) -> CreditTopUp:
    """The rule after it has bought credits, which its invoice is for; or, if its limit is reached,
    as it waits for the next period.
    """
    made = _made(rule, uow.ctx.now)
    limit = rule["limit"]
    if limit is not None and made["count"] >= limit["count"]:
        full: CreditTopUp = {**rule, "status": "limit_reached"}
        return to_be_looked_at(full, _period(rule, uow.ctx.now).end)
    invoice = _issued(uow, rule)
    waiting: CreditTopUp = {
        **rule,
        "status": "awaiting_payment",
        "latest_invoice": invoice["id"],
    }
    counted: TopUpsMade = {"start": made["start"], "count": made["count"] + 1}
    return to_be_looked_at(replace(CreditTopUpState.of(rule), made=counted).on(waiting), None)


def _made(rule: CreditTopUp, now: int) -> TopUpsMade:
    """How many invoices the rule has made in the running period of its limit."""
    start = _period(rule, now).start
    made = CreditTopUpState.of(rule).made
    return made if made is not None and made["start"] == start else {"start": start, "count": 0}


def _period(rule: CreditTopUp, now: int) -> Period:
    """The running period of the limit; without one, all time is a period."""
    limit = rule["limit"]
    if limit is None:
        return Period(0, 0)
    return period_at(rule["created"], interval_of(limit), now)


def _issued(uow: "UnitOfWork", rule: CreditTopUp) -> "Invoice":
    """The invoice of a rule, in the unit of work; final at once unless its tax engine fails."""
    now, rates = uow.ctx.now, rule["default_tax_rates"]
    uow.agreed |= frozenset(rates)
    terms = InvoiceTerms(
        id=new_object_id("invoice"),
        created=now,
        billing_reason="manual",
        period=Period(now, now),
        finalizes_at=None,
    )
    draft: Invoice = new_invoice(terms, uow.customer, rule["currency"]) | {
        "automatic_tax": AUTOMATIC_TAX if is_taxed_by_engine(rule) else NO_TAX,
        "collection_method": rule["collection_method"],
        "default_tax_rates": requested_rates(uow, rates, (), "default_tax_rates"),
        "due_date": due_date(now, rule["days_until_due"]),
        "metadata": rule["metadata"] | {"credit_top_up": rule["id"]},
    }
    draft = InvoiceState(
        top_up={"top_up": rule["id"], "grant": rule["grant"], "name": rule["name"]}
    ).on(draft)
    wanted = {
        "amount": rule["amount"],
        "currency": rule["currency"],
        "description": rule["name"] or _DESCRIPTION,
        "discountable": False,
    }
    item = requested_item(uow, wanted)
    uow.add_item(item)
    item = uow.pending.take_one(uow.pending.added[item["id"]], draft["id"]).body
    return issue_on(uow, with_amounts(uow, draft, [item_line(item, draft["id"])]))
