"""What a credit note takes back of its invoice, and what becomes of the invoice by it.

A note first lowers what its invoice has due; only what exceeds that is given back otherwise.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from meterline.core.base.errors import BillingError
from meterline.core.base.frozen import frozen
from meterline.core.base.money import charge_step_minor
from meterline.core.base.unset import merged_metadata, or_none
from meterline.core.billing.credit_notes import Settlement, settle
from meterline.services.base.ids import new_object_id
from meterline.services.billing.amounts import is_charged
from meterline.services.billing.private_states import CreditedPortions, InvoiceState
from meterline.services.billing.unit_of_work import UnitOfWork
from meterline.services.credit_notes.credited_parts import (
    credited_minor,
    with_credited,
    without_credited,
)
from meterline.services.credit_notes.note_bodies import (
    Credited,
    credited_by,
    sums_of_amount,
    sums_of_lines,
)
from meterline.services.credit_notes.note_lines import requested_lines
from meterline.store.base.documents import Body

if TYPE_CHECKING:
    from meterline.core.base.wire import CreditNote, Invoice

KIND: Final = "credit_note"
MOST_NOTES = 100
"""Credit notes of an invoice."""


@frozen
class Decided:
    """A note that is to be issued, what it takes back, and how it meets its invoice."""

    note: "CreditNote"
    credited: Credited
    settlement: Settlement


def decide(uow: UnitOfWork, invoice: "Invoice", params: Body) -> Decided:
    """The note that a request asks for of a final invoice; nothing is changed by it.

    BillingError for more than is left of the invoice, a line or a tax, and for what leaves an
    amount due that cannot be charged.
    """
    number = (InvoiceState.of(invoice).credit_notes or 0) + 1
    if number > MOST_NOTES:
        raise BillingError(f"An invoice has at most {MOST_NOTES} credit notes.", param="invoice")
    note_id = new_object_id(KIND)
    lines = requested_lines(uow, invoice, note_id, params.get("lines", ()))
    sums = sums_of_lines(lines) if lines else sums_of_amount(invoice, params["amount"])
    _check_total(invoice, sums["total"])
    settlement = settle(sums["total"], invoice["amount_remaining"])
    _check_rest(invoice, settlement)
    credited = credited_by(invoice, lines, sums["total"])
    note = _new_note(uow, invoice, params, note_id) | sums
    shown = [line.body for line in lines]
    note["lines"] = note["lines"] | {"data": shown}
    note["number"] = f"{invoice['number']}-CN-{number:02d}"
    note["pre_payment_amount"] = settlement.pre_payment_minor
    note["post_payment_amount"] = settlement.post_payment_minor
    note["type"] = settlement.type
    return Decided(note, credited, settlement)


def _check_total(invoice: "Invoice", total_minor: int) -> None:
    if total_minor <= 0:
        raise BillingError("A credit note must take back more than nothing.", param="amount")
    most = invoice["total"] - credited_minor(invoice)
    if total_minor > most:
        raise BillingError(
            "The credit note amount exceeds the maximum creditable amount for this invoice."
            f" {most} {invoice['currency']} can still be credited.",
            param="amount",
        )


def with_note(invoice: "Invoice", decided: Decided) -> "Invoice":
    """The invoice once a note is issued; whether it is paid by that is for the caller to say."""
    invoice = with_credited(invoice, decided.credited)
    state = InvoiceState.of(invoice)
    invoice = replace(state, credit_notes=(state.credit_notes or 0) + 1).on(invoice)
    met = decided.settlement
    return _lowered(invoice, met.pre_payment_minor, met.post_payment_minor)


def without_note(
    invoice: "Invoice", note: "CreditNote", credited: Mapping[str, CreditedPortions]
) -> "Invoice":
    """The open invoice once a note that lowered what is due is void, which took ``credited``."""
    return _lowered(without_credited(invoice, credited), -note["pre_payment_amount"], 0)


def _check_rest(invoice: "Invoice", settlement: Settlement) -> None:
    """Refuse what leaves a part of a step due that an automatic charge cannot take."""
    step = charge_step_minor(invoice["currency"])
    rest = invoice["amount_remaining"] - settlement.pre_payment_minor
    if rest % step and is_charged(invoice):
        below = settlement.pre_payment_minor - (step - rest % step)
        raise BillingError(
            f"This credit note leaves {rest} due, and amounts in {invoice['currency']} are charged"
            f" in steps of {step}. Credit {settlement.pre_payment_minor + rest % step} instead"
            + (f", or {below}." if below > 0 else "."),
            param="amount",
        )


def _new_note(uow: UnitOfWork, invoice: "Invoice", params: Body, note_id: str) -> "CreditNote":
    return {
        "id": note_id,
        "object": KIND,
        "amount": 0,
        "amount_shipping": 0,
        "created": uow.ctx.now,
        "currency": invoice["currency"],
        "customer": invoice["customer"],
        "customer_account": None,
        "customer_balance_transaction": None,
        "discount_amount": 0,
        "discount_amounts": [],
        "effective_at": params.get("effective_at", uow.ctx.now),
        "invoice": invoice["id"],
        "lines": {
            "object": "list",
            "data": [],
            "has_more": False,
            "url": f"/v1/credit_notes/{note_id}/lines",
        },
        "livemode": invoice["livemode"],
        "memo": or_none(params.get("memo")),
        "metadata": merged_metadata({}, params.get("metadata")),
        "number": "",
        "out_of_band_amount": None,
        "pdf": "",
        "post_payment_amount": 0,
        "pre_payment_amount": 0,
        "pretax_credit_amounts": [],
        "reason": params.get("reason"),
        "refunds": [],
        "shipping_cost": None,
        "status": "issued",
        "subtotal": 0,
        "subtotal_excluding_tax": 0,
        "total": 0,
        "total_excluding_tax": 0,
        "total_taxes": [],
        "type": "pre_payment",
        "voided_at": None,
    }


def _lowered(invoice: "Invoice", pre_minor: int, post_minor: int) -> "Invoice":
    return invoice | {
        "amount_due": invoice["amount_due"] - pre_minor,
        "amount_remaining": invoice["amount_remaining"] - pre_minor,
        "post_payment_credit_notes_amount": (
            invoice["post_payment_credit_notes_amount"] + post_minor
        ),
        "pre_payment_credit_notes_amount": (invoice["pre_payment_credit_notes_amount"] + pre_minor),
    }
