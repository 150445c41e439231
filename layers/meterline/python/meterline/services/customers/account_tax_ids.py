"""Tax ids by whom they belong to: the account's own, which its invoices show, and customers'."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final, Literal

from meterline.core.base.errors import BillingError, no_such
from meterline.core.base.unset import UNSET, Unset
from meterline.services.base.context import Context
from meterline.services.base.lookups import find
from meterline.services.customers.tax_ids import (
    KIND,
    checked_country,
    create_tax_id,
    delete_tax_id,
    new_tax_id,
)
from meterline.store.base.account import account_id
from meterline.store.base.documents import Body, Change, Document

if TYPE_CHECKING:
    from meterline.core.base.wire import Deleted, TaxId

DELETED_KIND: Final = "meterline.deleted_tax_id"

_DELETED: Final = "deleted_"
_SELF = "self"


def owner_of(params: Body) -> str:
    """The id of the owner that a request names: a customer, or the account, as by default."""
    owner = params.get("owner", {"type": _SELF})
    if owner["type"] == _SELF:
        if "customer" in owner:
            raise BillingError(
                "`owner[customer]` is for owners of type customer.", param="owner[customer]"
            )
        return account_id()
    if "customer" not in owner:
        raise BillingError(
            "Name the customer that the tax ID belongs to.",
            code="parameter_missing",
            param="owner[customer]",
        )
    return str(owner["customer"])


def create_owned_tax_id(ctx: Context, params: Body) -> "TaxId":
    """Create a tax id of the account, or of the customer that a request names as its owner."""
    owner = owner_of(params)
    if owner != account_id():
        find(ctx, "customer", owner, param="owner[customer]")
        return create_tax_id(ctx, owner, params)
    body = new_tax_id(ctx, None, params, checked_country(params, ""))
    document = Document(kind=KIND, livemode=ctx.livemode, body=body, parent=owner)
    ctx.save(Change(puts=[document]), result_id=document.id)
    return body


def delete_owned_tax_id(ctx: Context, tax_id: str, params: Body) -> "Deleted":
    """Delete a tax id, whoever owns it; invoices that are final keep it."""
    document = find(ctx, KIND, tax_id)
    if document.body["customer"] is not None:
        return delete_tax_id(ctx, str(document.body["customer"]), tax_id, params)
    remains: Deleted = {"id": tax_id, "object": KIND, "deleted": True}
    kept = {name: document.body[name] for name in ("livemode", "type", "value")}
    body = {"id": f"{_DELETED}{tax_id}", "object": DELETED_KIND, **kept}
    deleted = Document(kind=DELETED_KIND, livemode=ctx.livemode, body=body)
    ctx.save(Change(puts=[deleted], deletes=[document]), result_id=tax_id)
    return remains


def with_deleted(tax_ids: Iterable[str]) -> list[str]:
    """Where tax ids of the account are, and where they are kept if they were deleted."""
    return [place for id_ in tax_ids for place in (id_, f"{_DELETED}{id_}")]


def named_tax_ids(
    ctx: Context,
    requested: Sequence[str] | Literal[Unset.UNSET],
    kept: Sequence[str],
    param: str,
) -> list[str] | None:
    """The account's tax ids that a request wants on invoices; an empty value wants none.

    Those ``kept`` stood there before, and may have been deleted since.
    """
    if requested is UNSET or not requested:
        return None
    found = ctx.store.get_many(id_ for id_ in requested if id_ not in kept)
    for index, id_ in enumerate(requested):
        document, name = found.get(id_), f"{param}[{index}]"
        if id_ in requested[:index]:
            raise BillingError(f"{id_} is named twice.", param=name)
        if id_ in kept:
            continue
        is_own = document is not None and document.kind == KIND
        if document is None or not is_own or document.body["customer"] is not None:
            raise no_such("tax ID", id_, param=name)
    return list(requested)
