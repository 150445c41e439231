"""Tax rates: a percentage that is on a price or in it. What it is never changes, its words may."""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from meterline.core.base.errors import BillingError, no_such
from meterline.core.base.money import format_decimal
from meterline.core.base.unset import merged_metadata, or_none
from meterline.services.base.context import Context
from meterline.services.base.ids import new_object_id
from meterline.services.base.lookups import find
from meterline.services.base.outbox import EventDraft
from meterline.services.base.patch import save_update
from meterline.store.base.documents import Body, Change, Document

if TYPE_CHECKING:
    from meterline.core.base.wire import TaxRate

KIND: Final = "tax_rate"
_WORDS = ("country", "description", "jurisdiction", "state", "tax_type")


def create_tax_rate(ctx: Context, params: Body) -> "TaxRate":
    """Create a tax rate."""
    rate = new_tax_rate(ctx, params)
    ctx.save(
        Change(puts=[tax_rate_document(ctx, rate)]),
        [EventDraft("tax_rate.created", rate)],
        result_id=rate["id"],
    )
    return rate


def update_tax_rate(ctx: Context, rate_id: str, params: Body) -> "TaxRate":
    """Change what a rate is called and whether it can be used anew; never what it comes to."""
    document = find(ctx, KIND, rate_id)
    words: Any = {name: or_none(params[name]) for name in _WORDS if name in params}
    kept: Any = {name: params[name] for name in ("active", "display_name") if name in params}
    body: TaxRate = document.body | words | kept
    if "metadata" in params:
        metadata = merged_metadata(document.body["metadata"], params["metadata"])
        body = body | {"metadata": metadata}
    return save_update(ctx, document, body, "tax_rate.updated")


def new_tax_rate(ctx: Context, params: Body) -> "TaxRate":
    """A new tax rate with all its fields; nothing is stored."""
    percentage = format_decimal(Decimal(params["percentage"]))
    return {
        "id": new_object_id(KIND),
        "object": KIND,
        "active": params.get("active", True),
        "country": params.get("country"),
        "created": ctx.now,
        "description": params.get("description"),
        "display_name": params["display_name"],
        "effective_percentage": percentage,
        "flat_amount": None,
        "inclusive": params["inclusive"],
        "jurisdiction": params.get("jurisdiction"),
        "jurisdiction_level": params.get("jurisdiction_level"),
        "livemode": ctx.livemode,
        "metadata": merged_metadata({}, params.get("metadata")),
        "percentage": percentage,
        "rate_type": "percentage",
        "state": params.get("state"),
        "tax_type": params.get("tax_type"),
    }


def tax_rate_document(ctx: Context, rate: "TaxRate") -> "Document[TaxRate]":
    """The document that stores a tax rate."""
    return Document(kind=KIND, livemode=ctx.livemode, body=rate)


def named_rates(
    found: Mapping[str, Document], ids: Sequence[str], kept: "Iterable[TaxRate]", param: str
) -> "list[TaxRate]":
    """The tax rates that a request names, out of those ``found``, in its order.

    One that is inactive is refused unless it is among those ``kept``: what it stands on already.
    """
    known = {rate["id"] for rate in kept}
    rates = []
    for index, id_ in enumerate(ids):
        document, name = found.get(id_), f"{param}[{index}]"
        if document is None or document.kind != KIND:
            raise no_such("tax rate", id_, param=name)
        if id_ in ids[:index]:
            raise BillingError(f"{id_} is named twice.", param=name)
        if not document.body["active"] and id_ not in known:
            raise BillingError(
                f"The tax rate {id_} is inactive and cannot be used anew: activate it or use"
                " another.",
                param=name,
            )
        rates.append(document.body)
    return rates


def existing_rates(
    found: Mapping[str, Document], given: Sequence[Mapping[str, Any]], param: str
) -> "list[TaxRate]":
    """The rates that amounts of taxes name, out of those ``found``; inactive ones as well, as such
    rates are labels.
    """
    rates = []
    for index, tax in enumerate(given):
        document = found.get(tax["tax_rate"])
        if document is None or document.kind != KIND:
            raise no_such("tax rate", tax["tax_rate"], param=f"{param}[{index}][tax_rate]")
        rates.append(document.body)
    return rates
