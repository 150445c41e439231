"""PDFs for who has the address of an invoice or a credit note: made once, then kept."""

import hashlib
import json
import re
import time
from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Final

from meterline.api.pages.answers import Page, moved
from meterline.api.pages.app import page
from meterline.api.pdfs.note_sheets import note_sheet
from meterline.api.pdfs.sheets import Sheet, invoice_sheet
from meterline.api.pdfs.typesetter import set_pdf
from meterline.api.requests import Request
from meterline.api.router import Routes
from meterline.core.base.errors import no_such
from meterline.observability import log_failure
from meterline.services.base.context import Context
from meterline.services.base.lookups import find
from meterline.services.base.secret_addresses import (
    CREDIT_NOTES,
    INVOICES,
    Hosting,
    find_by_token,
    mode_of_token,
)
from meterline.services.documents.credit_notes import NoteDocument, read_note_document
from meterline.services.documents.document import InvoiceDocument
from meterline.services.documents.reading import read_document
from meterline.store.billing.kept_pdfs import keep_pdf, kept_pdf, kept_pdf_address, pdf_key
from meterline.store.billing.repository import BillingStore

if TYPE_CHECKING:
    from meterline.core.base.wire import CreditNote, Invoice

PDF: Final = "application/pdf"
MOST_BYTES: Final = 4_000_000
"""Of a PDF that is answered with; Lambda answers at most 6 MB of Base64. Who asks for a larger one
is sent to where it is kept, for a minute."""

_OF_THE_ACCOUNT: Final = frozenset({"billed", "footer", "payment_instructions", "seller"})
_NOT_OF_NAMES: Final = re.compile(r"[^0-9A-Za-z._-]+")


def serve_invoice(request: Request, token: str) -> Page:  # noqa: ARG001 - a route
    """The PDF of the invoice whose address has this token; BillingError for any other token."""
    ctx = _context(INVOICES, token)
    invoice: Invoice = find_by_token(ctx, INVOICES, token)
    document = read_document(ctx, invoice)
    return _answer(invoice, document, lambda: invoice_sheet(document))


def serve_credit_note(request: Request, token: str) -> Page:  # noqa: ARG001 - a route
    """The PDF of the credit note whose address has this token; BillingError for any other one."""
    ctx = _context(CREDIT_NOTES, token)
    note: CreditNote = find_by_token(ctx, CREDIT_NOTES, token)
    document = read_note_document(ctx, note, find(ctx, "invoice", note["invoice"]).body)
    return _answer(note, document, lambda: note_sheet(document))


ROUTES: Final = Routes(
    [
        page("GET", f"{INVOICES.path}{{token}}/pdf", serve_invoice),
        page("GET", f"{CREDIT_NOTES.path}{{token}}/pdf", serve_credit_note),
    ]
)


def _context(hosting: Hosting, token: str) -> Context:
    livemode = mode_of_token(token)
    if livemode is None:
        raise no_such(hosting.kind, "")
    now = int(time.time())
    return Context(BillingStore(livemode, recalled={}), now, now)


def _answer(
    body: "Invoice | CreditNote",
    document: InvoiceDocument | NoteDocument,
    sheet: Callable[[], Sheet],
) -> Page:
    key = pdf_key(
        livemode=body["livemode"],
        customer=body["customer"],
        object_id=body["id"],
        digest=digest_of(document),
    )
    pdf = made_once(key, sheet, document.issued_at)
    if len(pdf) > MOST_BYTES:
        return moved(kept_pdf_address(key))
    name = _NOT_OF_NAMES.sub("-", document.number)
    shown = {"content-disposition": f'inline; filename="{name}.pdf"'}
    return Page(pdf, content_type=PDF, headers=shown)


def digest_of(document: InvoiceDocument | NoteDocument) -> str:
    """What tells a document from another one: the facts of the object itself. Neither how they are
    shown, nor what the account's settings say of the seller, changes what was once sent.
    """
    facts = {name: fact for name, fact in asdict(document).items() if name not in _OF_THE_ACCOUNT}
    said = json.dumps(facts, default=str, sort_keys=True)
    return hashlib.sha256(said.encode()).hexdigest()[:32]


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
