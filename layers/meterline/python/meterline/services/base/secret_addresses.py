"""Addresses that are secrets: who has one may see what it leads to, without a key.

``/i/MODE_NAME_SECRET`` is of an invoice, ``/n/…`` of a credit note. The mode and the name say where
the object is kept; the secret is 131 random bits, and only the one in the address that the object
has now leads to it. See docs/decisions/hosted-invoices.md.
"""

import re
import secrets
import string
from collections.abc import Mapping
from hmac import compare_digest
from typing import Any, Final

from meterline.core.base.errors import no_such
from meterline.core.base.frozen import frozen
from meterline.core.kinds.registry import kind_of
from meterline.services.base.addresses import public_address
from meterline.services.base.context import Context

_ALPHABET: Final = string.digits + string.ascii_letters
_SECRET_LENGTH: Final = 22
_TOKEN: Final = re.compile(
    rf"(?P<mode>test|live)_(?P<id>[0-9A-Za-z]{{8,64}})_[0-9A-Za-z]{{{_SECRET_LENGTH}}}", re.ASCII
)


@frozen
class Hosting:
    """Where objects of a kind are shown, and the field of their bodies that says so."""

    kind: str
    path: str
    field: str


INVOICES: Final = Hosting("invoice", "/i/", "hosted_invoice_url")
CREDIT_NOTES: Final = Hosting("credit_note", "/n/", "pdf")


def new_address(hosting: Hosting, body: Mapping[str, Any]) -> str:
    """A new address of an object."""
    mode = "live" if body["livemode"] else "test"
    secret = "".join(secrets.choice(_ALPHABET) for _ in range(_SECRET_LENGTH))
    name = body["id"].removeprefix(kind_of(hosting.kind).id_prefix)
    return public_address(f"{hosting.path}{mode}_{name}_{secret}")


def mode_of_token(token: str) -> bool | None:
    """Whether a token is of the live mode; None for what cannot be one."""
    found = _TOKEN.fullmatch(token)
    return None if found is None else found["mode"] == "live"


def find_by_token(ctx: Context, hosting: Hosting, token: str) -> Any:  # noqa: ANN401 - of that kind
    """The object whose address has this token now; BillingError (404) for any other token."""
    found = _TOKEN.fullmatch(token)
    prefix = kind_of(hosting.kind).id_prefix
    document = ctx.store.get(prefix + found["id"]) if found else None
    address = _TOKEN.search(str(document.body.get(hosting.field))) if document else None
    known = address[0] if address else ""
    if document is None or not compare_digest(known.encode(), token.encode()):
        raise no_such(hosting.kind, "")
    return document.body
