"""Taxes of lines that somebody else has computed: ``tax_amounts``, as any tax engine gives them.

Each names the rate that it comes from, or says what that is. A rate that is said is made once,
under an id that follows from it, and archived at once: it is a label for reports alone.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

from meterline.core.base.errors import BillingError, no_such
from meterline.core.base.unset import UNSET, Unset
from meterline.services.base.ids import derived_object_id
from meterline.services.billing.line_taxes import remember_taxed, tax_terms
from meterline.services.billing.private_states import GivenTax, LineState
from meterline.services.billing.unit_of_work import UnitOfWork
from meterline.services.catalog.tax_rates import KIND, new_tax_rate, tax_rate_document
from meterline.store.base.documents import Body, Document

if TYPE_CHECKING:
    from meterline.core.base.wire import Invoice, TaxRate

type Asked = Sequence[Body] | Literal[Unset.UNSET]


def with_given_taxes[S: LineState](
    uow: UnitOfWork, state: S, requested: Asked, invoice: "Invoice", param: str
) -> S:
    """What is remembered of a line of a draft whose taxes a request gives; an empty value takes
    them away. Refused where the invoice has rates that would count too.
    """
    if requested is UNSET or not requested:
        return replace(state, tax_amounts=None)
    if invoice["default_tax_rates"]:
        raise BillingError(
            "You cannot set `tax_amounts` on an invoice that has `default_tax_rates`: take these"
            " away first.",
            param=param,
        )
    remember_taxed(uow)
    ids = [_rate_id(uow, given) for given in requested]
    known = uow.read(ids)
    given_taxes = [
        _given(uow, known, (id_, given), f"{param}[{index}]")
        for index, (id_, given) in enumerate(zip(ids, requested, strict=True))
    ]
    return replace(state, tax_amounts=given_taxes)


def given_taxes(
    uow: UnitOfWork, said: Mapping[str, Sequence[Mapping[str, Any]]]
) -> dict[str, list[GivenTax]]:
    """What lines remember of the taxes that an engine says, by their ids."""
    ids = {line_id: [_rate_id(uow, dict(tax)) for tax in taxes] for line_id, taxes in said.items()}
    known = uow.read(id_ for own in ids.values() for id_ in own)
    return {
        line_id: [
            _given(uow, known, (id_, dict(tax)), line_id)
            for id_, tax in zip(ids[line_id], taxes, strict=True)
        ]
        for line_id, taxes in said.items()
    }


def _given(
    uow: UnitOfWork, known: Mapping[str, Document], asked: tuple[str, Body], param: str
) -> GivenTax:
    id_, given = asked
    rate = _rate(uow, known, id_, given, param)
    (terms,) = tax_terms([rate])
    return {
        "amount": given["amount"],
        "rate": terms,
        "reason": given.get("taxability_reason", "not_available"),
        "taxable_amount": given["taxable_amount"],
    }


def _rate(
    uow: UnitOfWork, known: Mapping[str, Document], id_: str, given: Body, param: str
) -> "TaxRate":
    document = uow.drafted(id_) or known.get(id_)
    if "tax_rate_data" in given:
        return _made(uow, id_, given["tax_rate_data"]) if document is None else document.body
    if document is None or document.kind != KIND:
        raise no_such("tax rate", id_, param=f"{param}[tax_rate]")
    rate: TaxRate = document.body
    return rate


def _made(uow: UnitOfWork, id_: str, said: Body) -> "TaxRate":
    """A rate as a tax engine says it, made with the line that has it."""
    rate = new_tax_rate(uow.ctx, {**said, "active": False}) | {"id": id_}
    uow.put(tax_rate_document(uow.ctx, rate))
    uow.emit("tax_rate.created", rate)
    return rate


def _rate_id(uow: UnitOfWork, given: Body) -> str:
    if "tax_rate" in given:
        return str(given["tax_rate"])
    said: dict[str, Any] = given["tax_rate_data"]
    text = json.dumps({**said, "percentage": f"{said['percentage'].normalize():f}"}, sort_keys=True)
    return derived_object_id(KIND, str(uow.ctx.livemode), text)
