"""The taxes of a note's lines: their shares of what was billed, by rates, or as a request says."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from meterline.core.base.errors import BillingError
from meterline.core.base.frozen import frozen
from meterline.core.base.unset import or_none
from meterline.core.billing.credit_notes import Portions, share_of_whole
from meterline.services.base.lookups import check_named_once
from meterline.services.billing.line_taxes import tax_terms, taxes_of_amount
from meterline.services.billing.unit_of_work import UnitOfWork
from meterline.services.catalog.tax_rates import existing_rates, named_rates
from meterline.services.credit_notes.credited_parts import TaxRooms

if TYPE_CHECKING:
    from meterline.core.base.wire import CreditNoteLineItemTax, InvoiceLine, TaxRate

type _Given = Sequence[Mapping[str, Any]]


@frozen
class Asked:
    """What a request asks of a line, where it does, and what there is left of the taxes."""

    request: Mapping[str, Any]
    at: str
    rooms: TaxRooms


def billed_taxes(
    line: "InvoiceLine", portions: Portions, before: Portions, request: Mapping[str, Any]
) -> "list[CreditNoteLineItemTax]":
    """The taxes of a part of an invoice line; ``portions`` has what of each comes back.

    What each was computed on comes back in proportion too, unless the request says it.
    """
    said = {given["tax_rate"]: given["taxable_amount"] for given in _given(request)}
    so_far = before.amount + portions.amount
    taxes: list[CreditNoteLineItemTax] = []
    for tax, amount in zip(line["taxes"], portions.taxes, strict=True):
        whole = tax["taxable_amount"]
        taxable = None
        if whole is not None:
            earlier = share_of_whole(whole, before.amount, line["amount"])
            taxable = share_of_whole(whole, so_far, line["amount"]) - earlier
        taxes.append(tax | {"amount": amount, "taxable_amount": said.get(_rate_id(tax), taxable)})
    return taxes


def with_taxes(line: "InvoiceLine", portions: Portions, before: Portions, asked: Asked) -> Portions:
    """What comes back of a line: its shares of the taxes, or those that the request gives instead.

    Neither is more than what is left of a tax: an amount of the whole invoice may have brought it
    back already.
    """
    wanted = _given_of(line, before, asked) if _given(asked.request) else portions.taxes
    taken = zip(line["taxes"], wanted, strict=True)
    return replace(portions, taxes=tuple(asked.rooms.take(tax, amount) for tax, amount in taken))


def _given_of(line: "InvoiceLine", before: Portions, asked: Asked) -> list[int]:
    """The taxes that a request gives for a line, in the order of its taxes.

    Each is a tax that the line has and no more than what is left of it; of others nothing comes
    back.
    """
    given_taxes = _given(asked.request)
    check_named_once(given_taxes, "tax_rate", f"{asked.at}[tax_amounts]")
    places = {_rate_id(tax): place for place, tax in reversed([*enumerate(line["taxes"])])}
    back = [0] * len(line["taxes"])
    for index, given in enumerate(given_taxes):
        param = f"{asked.at}[tax_amounts][{index}]"
        place = places.get(given["tax_rate"])
        if place is None:
            raise BillingError(
                f"The line {line['id']} was not taxed by {given['tax_rate']}.",
                param=f"{param}[tax_rate]",
            )
        tax = line["taxes"][place]
        left = asked.rooms.most_of(tax, tax["amount"] - before.taxes[place])
        lowest, highest = sorted((0, left))
        if not lowest <= given["amount"] <= highest:
            raise BillingError(
                f"Of the tax {given['tax_rate']} of the line {line['id']} {left} can still be"
                f" credited, not {given['amount']}.",
                param=f"{param}[amount]",
            )
        back[place] = given["amount"]
    return back


def custom_taxes(
    uow: UnitOfWork, amount_minor: int, request: Mapping[str, Any], at: str
) -> "tuple[list[TaxRate], list[CreditNoteLineItemTax]]":
    """The rates and taxes of a line that credits no line of the invoice."""
    given_taxes = _given(request)
    if given_taxes:
        return [], _custom_given(uow, amount_minor, given_taxes, f"{at}[tax_amounts]")
    ids = or_none(request.get("tax_rates")) or []
    rates = named_rates(uow.read(ids), ids, [], f"{at}[tax_rates]") if ids else []
    return rates, [*taxes_of_amount(amount_minor, rates)]


def _custom_given(
    uow: UnitOfWork, amount_minor: int, given_taxes: _Given, param: str
) -> "list[CreditNoteLineItemTax]":
    check_named_once(given_taxes, "tax_rate", param)
    rates = existing_rates(uow.read(given["tax_rate"] for given in given_taxes), given_taxes, param)
    taxes: list[CreditNoteLineItemTax] = []
    contained = 0
    for index, (given, rate) in enumerate(zip(given_taxes, tax_terms(rates), strict=True)):
        contained += given["amount"] if rate["inclusive"] else 0
        if given["amount"] < 0 or contained > amount_minor:
            raise BillingError(
                "A tax of a line of its own is not negative, and what is contained in its amount is"
                " no more than that.",
                param=f"{param}[{index}][amount]",
            )
        taxes.append(
            {
                "amount": given["amount"],
                "tax_behavior": "inclusive" if rate["inclusive"] else "exclusive",
                "tax_rate_details": {"tax_rate": rate["id"]},
                "taxability_reason": "not_available",
                "taxable_amount": given["taxable_amount"],
                "type": "tax_rate_details",
            }
        )
    return taxes


def _given(request: Mapping[str, Any]) -> _Given:
    return or_none(request.get("tax_amounts")) or ()


def _rate_id(tax: "CreditNoteLineItemTax") -> str:
    details = tax["tax_rate_details"]
    return "" if details is None else details["tax_rate"]
