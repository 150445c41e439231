"""PDFs for who has the address of an invoice or a credit note: made once, then kept."""

import hashlib
import json
import re
import time
from collections.abc import Callable
from dataclasses import asdict
from typing import Final

from meterline.api.pages.answers import Page, moved
from meterline.api.pages.app import page
from meterline.api.pdfs.sheets import Sheet, invoice_sheet
from meterline.api.pdfs.typesetter import set_pdf
from meterline.api.requests import Request
from meterline.api.router import Routes
from meterline.core.base.errors import no_such
from meterline.observability import log_failure
from meterline.services.base.context import Context
from meterline.services.documents.document import InvoiceDocument
from meterline.services.documents.reading import read_document
from meterline.services.invoices.hosted_urls import PATH, find_by_token, mode_of_token
from meterline.store.billing.kept_pdfs import keep_pdf, kept_pdf, kept_pdf_address, pdf_key
from meterline.store.billing.repository import BillingStore

PDF: Final = "application/pdf"
MOST_BYTES: Final = 4_000_000
"""Of a PDF that is answered with; Lambda answers at most 6 MB of Base64. Who asks for a larger one
is sent to where it is kept, for a minute."""

_NOT_OF_NAMES: Final = re.compile(r"[^0-9A-Za-z._-]+")


def serve_invoice(request: Request, token: str) -> Page:  # noqa: ARG001 - a route
    """The PDF of the invoice whose address has this token; BillingError for any other token."""
    livemode = mode_of_token(token)
    if livemode is None:
        raise no_such("invoice", "")
    now = int(time.time())
    ctx = Context(BillingStore(livemode, recalled={}), now, now)
    invoice = find_by_token(ctx, token)
    document = read_document(ctx, invoice)
    key = pdf_key(
        livemode=livemode,
        customer=invoice["customer"],
        object_id=invoice["id"],
        digest=digest_of(document),
    )
    pdf = made_once(key, lambda: invoice_sheet(document), document.issued_at)
    return _answer(key, pdf, document.number)


ROUTES: Final = Routes([page("GET", f"{PATH}{{token}}/pdf", serve_invoice)])


def digest_of(document: InvoiceDocument) -> str:
    """What tells a document from another one: the facts in it, not how they are shown."""
    facts = json.dumps(asdict(document), default=str, sort_keys=True)
    return hashlib.sha256(facts.encode()).hexdigest()[:32]


def made_once(key: str, sheet: Callable[[], Sheet], at: int) -> bytes:
    """The PDF that is kept under a key; it is made, and kept, if there is none.

    Keeping it is a convenience: while the bucket does not answer, it is made each time.
    """
    found = _if_it_answers(lambda: kept_pdf(key))
    if found is not None:
        return found
    pdf = set_pdf(sheet(), at)
    return _if_it_answers(lambda: keep_pdf(key, pdf)) or pdf


def _if_it_answers(ask: Callable[[], bytes | None]) -> bytes | None:
    try:
        return ask()
    except Exception as error:  # noqa: BLE001 - whatever the bucket has, the payer gets the PDF
        log_failure("the bucket of PDFs did not answer", error)
        return None


def _answer(key: str, pdf: bytes, number: str) -> Page:
    if len(pdf) > MOST_BYTES:
        return moved(kept_pdf_address(key))
    name = _NOT_OF_NAMES.sub("-", number)
    return Page(
        pdf, content_type=PDF, headers={"content-disposition": f'inline; filename="{name}.pdf"'}
    )
