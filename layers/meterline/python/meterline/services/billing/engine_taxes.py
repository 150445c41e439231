"""Taxes by the deployment's own engine: when it is asked, and what becomes of a draft without it.

It is asked about an invoice that is to be shown or stored, once lines, discounts and credits are
known, and never twice about the same. While it gives no answer the draft has the taxes of rates
given by hand and does not become final; due work asks again, for about a day. Then the deployment
either goes on with those, or leaves the draft to a person.
"""

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, Literal

from meterline.core.base.errors import BillingError
from meterline.core.base.unset import UNSET
from meterline.core.billing.tax_answers import Asked, WrongAnswer, read_answer
from meterline.observability import logger, record_metric
from meterline.services.billing.amounts import taxed_again, with_amounts
from meterline.services.billing.given_taxes import given_taxes
from meterline.services.billing.invoice_bodies import (
    AUTOMATIC_TAX,
    HALT,
    NO_TAX,
    invoice_lines,
)
from meterline.services.billing.line_taxes import remember_taxed
from meterline.services.billing.private_states import InvoiceState, LineState, TaxCalculation
from meterline.services.billing.tax_basis import (
    asked_lines,
    is_answered,
    is_automatic,
    question_about,
)
from meterline.services.billing.unit_of_work import UnitOfWork
from meterline.store.base.documents import Body
from meterline.store.base.settings import settings
from meterline.store.billing import tax_engine
from meterline.store.billing.tax_engine import EngineFailed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from meterline.core.base.wire import (
        Invoice,
        InvoiceLine,
        SubscriptionAutomaticTaxLiability,
        SubscriptionChanges,
    )

RETRY_AFTER_SECONDS: Final = (60, 300, 900, 1_800, 3_600, 7_200, 14_400, 28_800, 28_800)
"""How long after each failure due work asks again; together 24 hours, less some minutes."""

_LOCATION: Final = "location"
_WHY: Final = {
    "absent": "this deployment names no tax engine",
    "died": "it failed",
    "slow": "it did not answer in time",
    "throttled": "too many questions are asked at once",
    "unreachable": "it could not be called",
    "wrong": "its answer is not one that can be taken",
}
_MOST_QUESTION_BYTES = 6_000_000
"""What Lambda takes in a call that waits for its answer, 6 MB."""


class TaxesFailed(BillingError):  # noqa: N818 - an outcome, which drafts live with
    """An invoice that cannot become final, as its taxes are not known."""

    def __init__(self, failure: str) -> None:
        is_location = failure == _LOCATION
        super().__init__(
            "The tax engine does not know the customer's location: give the customer a complete"
            " address."
            if is_location
            else f"The taxes of this invoice are not known: {_WHY[failure]}. They are asked for"
            " again; to bill without them, set automatic_tax[enabled]=false.",
            code="customer_tax_location_invalid" if is_location else "taxes_calculation_failed",
        )
        self.failure = failure


def requested_automatic_tax(params: Body) -> bool | None:
    """Whether a request wants taxes by the engine; None if it says nothing of it.

    Refused, as a parameter that there is not, where the deployment has no engine.
    """
    asked = params.get("automatic_tax")
    if asked is None or asked is UNSET or "enabled" not in asked:
        return None
    if asked["enabled"] and not tax_engine.is_named():
        raise BillingError(
            "Received unknown parameter: automatic_tax[enabled]. It is not supported here:"
            " Meterline finds no tax rates by itself; give `tax_rates`, or deploy it with a"
            " `TaxEngine`.",
            code="parameter_unknown",
            param="automatic_tax[enabled]",
        )
    return bool(asked["enabled"])


def with_automatic_tax(uow: UnitOfWork, invoice: "Invoice", params: Body) -> "Invoice":
    """A draft whose taxes the engine computes, or does not any more, as a request says."""
    enabled = requested_automatic_tax(params)
    if enabled is None or (enabled and is_automatic(invoice)):
        return invoice
    if enabled:
        remember_taxed(uow)
    tax = AUTOMATIC_TAX if enabled else NO_TAX
    return without_tries(invoice) | {"automatic_tax": tax}


def subscription_tax(uow: UnitOfWork, params: Body) -> "SubscriptionChanges":
    """Whether the engine computes the taxes of a subscription's invoices, as a request says."""
    enabled = requested_automatic_tax(params)
    if enabled is None:
        return {}
    if enabled:
        remember_taxed(uow)
    liability: SubscriptionAutomaticTaxLiability | None = {"type": "self"} if enabled else None
    return {"automatic_tax": {"disabled_reason": None, "enabled": enabled, "liability": liability}}


def billed_amounts(uow: UnitOfWork, invoice: "Invoice", lines: "list[InvoiceLine]") -> "Invoice":
    """The amounts of an invoice that is stored, with the taxes of its engine."""
    return with_taxes(uow, with_amounts(uow, invoice, lines))


def with_taxes(uow: UnitOfWork, invoice: "Invoice") -> "Invoice":
    """An invoice with its amounts, and the taxes that its engine computes of them.

    The engine is asked unless its last answer still counts. Where it fails the taxes are those of
    rates given by hand, and ``automatic_tax`` says so.
    """
    lines = invoice_lines(invoice)
    if not is_automatic(invoice) or is_answered(invoice, lines):
        return invoice
    remember_taxed(uow)
    asked = asked_lines(lines)
    question = question_about(invoice, asked)
    try:
        said = _answer(uow, invoice, question) if asked else {}
        taxes = given_taxes(uow, said)
    except EngineFailed as failed:
        return _failed(uow, invoice, failed.failure)
    except _Nowhere:
        return _failed(uow, invoice, _LOCATION)
    lines = [_answered(line, taxes.get(line["id"])) for line in lines]
    known: TaxCalculation = {"basis": question["key"]}
    invoice = replace(InvoiceState.of(invoice), tax_calculation=known).on(invoice)
    return taxed_again(uow, invoice, lines)


def _failed(uow: UnitOfWork, invoice: "Invoice", failure: str) -> "Invoice":
    logger.warning("taxes failed", invoice=invoice["id"], failure=failure)
    record_metric("Count", TaxEngineFailures=1)
    return with_failure(invoice, failure, uow.ctx.now)


def with_failure(invoice: "Invoice", failure: str, now: int) -> "Invoice":
    """A draft whose taxes could not be computed, and when they are asked for again."""
    status: Literal["failed", "requires_location_inputs"] = (
        "requires_location_inputs" if failure == _LOCATION else "failed"
    )
    known = InvoiceState.of(invoice).tax_calculation or {}
    state = replace(InvoiceState.of(invoice), tax_calculation=_next_try(known, failure, now))
    return state.on(invoice | {"automatic_tax": AUTOMATIC_TAX | {"status": status}})


def is_given_up(invoice: "Invoice") -> bool:
    """Whether due work has asked as often as it does."""
    known = InvoiceState.of(invoice).tax_calculation or {}
    return known.get("tries", 0) > len(RETRY_AFTER_SECONDS)


def without_engine(invoice: "Invoice") -> "Invoice":
    """A draft that its engine was asked about in vain: left to a person, or to rates by hand."""
    if not settings().bills_by_hand_without_engine:
        return invoice | HALT
    is_location = invoice["automatic_tax"]["status"] == "requires_location_inputs"
    reason: Literal["finalization_requires_location_inputs", "finalization_system_error"] = (
        "finalization_requires_location_inputs" if is_location else "finalization_system_error"
    )
    return without_tries(invoice) | {"automatic_tax": NO_TAX | {"disabled_reason": reason}}


def without_tries(invoice: "Invoice") -> "Invoice":
    """A draft whose engine is not asked again by itself."""
    return replace(InvoiceState.of(invoice), tax_calculation=None).on(invoice)


def check_taxes(invoice: "Invoice") -> None:
    """Refuse to make an invoice final whose engine has not computed its taxes."""
    if is_automatic(invoice) and invoice["automatic_tax"]["status"] != "complete":
        known = InvoiceState.of(invoice).tax_calculation or {}
        raise TaxesFailed(known.get("failure", "absent"))


class _Nowhere(Exception):  # noqa: N818 - an outcome
    """The engine does not know where the customer is."""


def _next_try(known: TaxCalculation, failure: str, now: int) -> TaxCalculation:
    """When the engine is asked again: as planned, or after a failure of what was planned."""
    planned, tries = known.get("at"), known.get("tries", 0)
    if planned is not None and planned > now:
        return {"failure": failure, "tries": tries, "at": planned}
    tries = tries + 1 if planned is not None else 1
    waits = dict(enumerate(RETRY_AFTER_SECONDS, start=1))
    return {
        "failure": failure,
        "tries": tries,
        "at": now + waits[tries] if tries in waits else None,
    }


def _answered(line: "InvoiceLine", taxes: Any) -> "InvoiceLine":  # noqa: ANN401 - GivenTax or None
    return replace(LineState.of(line), engine_taxes=taxes).on(line)


def _answer(
    uow: UnitOfWork, invoice: "Invoice", question: "Mapping[str, Any]"
) -> "Mapping[str, Sequence[Mapping[str, Any]]]":
    """What the engine says; raises EngineFailed or _Nowhere.

    A clock passes a day in a moment: its invoices do not wait for an engine that rests.
    """
    if tax_engine.is_resting() and invoice["test_clock"] is None:
        raise EngineFailed("slow")
    text = json.dumps(_with_catalog(uow, question), default=str).encode()
    if len(text) > _MOST_QUESTION_BYTES:
        raise EngineFailed("unreachable")
    asked = Asked(
        question["invoice"]["id"],
        question["invoice"]["currency"],
        {line["id"]: line["amount"] for line in question["lines"]},
    )
    try:
        answer = read_answer(tax_engine.ask(text), asked)
    except WrongAnswer as wrong:
        logger.error("tax engine answered wrongly", invoice=asked.invoice, answer=str(wrong))
        raise EngineFailed("wrong") from None
    if answer.taxes is None:
        raise _Nowhere
    return answer.taxes


def _with_catalog(uow: UnitOfWork, question: "Mapping[str, Any]") -> "Mapping[str, Any]":
    """The question, with what the prices and products of its lines say of taxes."""
    ids = [line[name] for line in question["lines"] for name in ("price", "product")]
    found = uow.read(id_ for id_ in ids if id_ is not None)
    codes = {id_: document.body.get("tax_code") for id_, document in found.items()}
    behaviors = {id_: document.body.get("tax_behavior") for id_, document in found.items()}
    lines = [
        {
            **line,
            "tax_behavior": behaviors.get(line["price"]),
            "tax_code": codes.get(line["product"]),
        }
        for line in question["lines"]
    ]
    return {**question, "lines": lines}
