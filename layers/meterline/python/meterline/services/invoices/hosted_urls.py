"""The address of an invoice's page: who has it may see the invoice, without a key.

It is given out when the invoice becomes final, and stored with it: ``/i/MODE_INVOICE_SECRET``. The
secret is 131 random bits; the mode and the invoice only say where it is kept. Renewing or revoking
it puts another one, or none, in its place. See docs/decisions/hosted-invoices.md.
"""

import re
import secrets
import string
from dataclasses import replace
from hmac import compare_digest
from typing import TYPE_CHECKING, Final

from meterline.core.base.errors import BillingError, no_such
from meterline.core.kinds.registry import kind_of
from meterline.services.base.addresses import public_address
from meterline.services.base.context import Context
from meterline.services.base.lookups import customer_of, find, on_customers_time
from meterline.services.billing.unit_of_work import open_unit_of_work
from meterline.store.base.documents import Body

if TYPE_CHECKING:
    from meterline.core.base.wire import Invoice

PATH: Final = "/i/"
_ALPHABET: Final = string.digits + string.ascii_letters
_SECRET_LENGTH: Final = 22
_TOKEN: Final = re.compile(
    rf"(?P<mode>test|live)_(?P<id>[0-9A-Za-z]{{8,64}})_[0-9A-Za-z]{{{_SECRET_LENGTH}}}", re.ASCII
)


def new_hosted_url(invoice: "Invoice") -> str:
    """A new address of an invoice's page."""
    mode = "live" if invoice["livemode"] else "test"
    secret = "".join(secrets.choice(_ALPHABET) for _ in range(_SECRET_LENGTH))
    name = invoice["id"].removeprefix(_prefix())
    return public_address(f"{PATH}{mode}_{name}_{secret}")


def mode_of_token(token: str) -> bool | None:
    """Whether a token is of the live mode; None for what cannot be one."""
    found = _TOKEN.fullmatch(token)
    return None if found is None else found["mode"] == "live"


def find_by_token(ctx: Context, token: str) -> "Invoice":
    """The invoice whose page has this token now; BillingError (404) for any other token."""
    found = _TOKEN.fullmatch(token)
    document = ctx.store.get(_prefix() + found["id"]) if found else None
    url = document.body.get("hosted_invoice_url") if document is not None else None
    known = str(url or "").rpartition("/")[2]
    if document is None or not compare_digest(known.encode(), token.encode()):
        raise no_such("invoice", "")
    invoice: Invoice = document.body
    return invoice


def renew_hosted_url(ctx: Context, invoice_id: str, params: Body) -> "Invoice":  # noqa: ARG001 - a route
    """Give the page of a final invoice another address; the former one leads nowhere then."""
    return _changed(ctx, invoice_id, is_renewed=True)


def revoke_hosted_url(ctx: Context, invoice_id: str, params: Body) -> "Invoice":  # noqa: ARG001 - a route
    """Take the page of a final invoice away, until it is renewed."""
    return _changed(ctx, invoice_id, is_renewed=False)


def _changed(ctx: Context, invoice_id: str, *, is_renewed: bool) -> "Invoice":
    document = find(ctx, "invoice", invoice_id)
    before: Invoice = document.body
    if before["status"] == "draft":
        raise BillingError(
            "This invoice is a draft: its page gets an address when it is finalized.",
        )
    url = new_hosted_url(before) if is_renewed else None
    invoice = before | {"hosted_invoice_url": url}
    uow = open_unit_of_work(on_customers_time(ctx, document), customer_of(ctx, document))
    uow.emit("invoice.updated", invoice, before)
    uow.put_first(replace(document, body=invoice))
    uow.save(result_id=invoice_id)
    return invoice


def _prefix() -> str:
    return kind_of("invoice").id_prefix
