"""An invoice's document, read as it stands now."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from meterline.services.account import settings
from meterline.services.account.sellers import (
    SellerSettings,
    seller_settings,
    seller_settings_since,
)
from meterline.services.base.context import Context
from meterline.services.billing.invoice_bodies import invoice_lines, rate_ids
from meterline.services.billing.private_states import InvoiceState, TaxWords
from meterline.services.customers.account_tax_ids import with_deleted
from meterline.services.documents.amounts import totals_of
from meterline.services.documents.document import InvoiceDocument, IssuedNote, Span
from meterline.services.documents.lines import groups_of
from meterline.services.documents.parties import buyer_of, seller_of, tax_identities
from meterline.services.invoices.kept_words import tax_words_of
from meterline.store.billing.repository import Source
from meterline.store.billing.repository import Span as Range
from meterline.store.billing.search_terms import term_of

if TYPE_CHECKING:
    from meterline.core.base.wire import CreditNote, Customer, Invoice, TaxRate
    from meterline.store.base.documents import Document

_NOTE: Final = "credit_note"
MOST_NOTES: Final = 100
"""Credit notes that a document shows, the newest of more."""


def read_document(ctx: Context, invoice: "Invoice") -> InvoiceDocument:
    """The document of an invoice of any status; a final one says what it said when it became so.

    One batch of reads, for the settings, the account's tax ids, and what a draft has its words
    from; only if the settings say something else of the seller since, what they said; and, only if
    it has credit notes, their list.
    """
    tax_ids, words_from = with_deleted(invoice["account_tax_ids"] or ()), _words_from(invoice)
    ctx = ctx.reading_ahead([settings.ID, *words_from, *tax_ids])
    found = ctx.store.get_many([*words_from, *tax_ids])
    own_ids = tax_identities(found[id_].body for id_ in tax_ids if id_ in found)
    rates = {id_: found[id_] for id_ in rate_ids(invoice) if id_ in found}
    seller = _seller(ctx, invoice)
    texts = seller["invoice_settings"]
    return InvoiceDocument(
        id=invoice["id"],
        livemode=invoice["livemode"],
        number=invoice["number"] or "",
        status=invoice["status"],
        currency=invoice["currency"],
        issued_at=issued_at(invoice),
        due_at=invoice["due_date"],
        paid_at=invoice["status_transitions"]["paid_at"],
        is_charged_automatically=invoice["collection_method"] == "charge_automatically",
        seller=seller_of(seller, own_ids),
        buyer=buyer_of(invoice, _locales(invoice, found.get(invoice["customer"]))),
        period=Span(invoice["period_start"], invoice["period_end"]),
        description=invoice["description"] or "",
        custom_fields=tuple((one["name"], one["value"]) for one in invoice["custom_fields"] or ()),
        groups=groups_of(invoice_lines(invoice)),
        totals=totals_of(invoice, _tax_words(invoice, rates)),
        tax_exempt=invoice["customer_tax_exempt"] or "none",
        notes=_notes(ctx, invoice),
        footer=invoice["footer"] or texts.get("footer", ""),
        payment_instructions=texts.get("payment_instructions", ""),
    )


def issued_at(invoice: "Invoice") -> int:
    """The date of an invoice: when it is effective, else when it became final, or was drafted."""
    finalized_at = invoice["status_transitions"]["finalized_at"]
    return invoice["effective_at"] or finalized_at or invoice["created"]


def _words_from(invoice: "Invoice") -> list[str]:
    """What says how a draft is taxed and in which languages; a final invoice has kept that, unless
    a former release made it final.
    """
    kept = InvoiceState.of(invoice)
    customer = [invoice["customer"]] if kept.preferred_locales is None else []
    return customer + (rate_ids(invoice) if kept.tax_words is None else [])


def _locales(invoice: "Invoice", customer: "Document[Customer] | None") -> Sequence[str]:
    """The languages that the customer prefers; of a final invoice, that it preferred."""
    kept = InvoiceState.of(invoice).preferred_locales
    if kept is not None or customer is None:
        return kept or ()
    return customer.body.get("preferred_locales") or ()


def _tax_words(
    invoice: "Invoice", rates: "Mapping[str, Document[TaxRate]]"
) -> Mapping[str, TaxWords]:
    """What the invoice's tax rates are called; of a final one, were called."""
    kept = InvoiceState.of(invoice).tax_words
    return tax_words_of(rates) if kept is None else kept


def _seller(ctx: Context, invoice: "Invoice") -> SellerSettings:
    """The seller as it was when the invoice became final; of a draft, as it is."""
    if invoice["status"] == "draft":
        return seller_settings(ctx)
    return seller_settings_since(ctx, InvoiceState.of(invoice).seller_since)


def _notes(ctx: Context, invoice: "Invoice") -> tuple[IssuedNote, ...]:
    """The credit notes of an invoice, oldest first; one that has none reads nothing."""
    if not InvoiceState.of(invoice).credit_notes:
        return ()
    source = Source(terms=[term_of("invoice", invoice["id"])])
    page = ctx.store.page(_NOTE, Range(), limit=MOST_NOTES, source=source)
    return tuple(reversed([_note(document.body) for document in page.documents]))


def _note(note: "CreditNote") -> IssuedNote:
    return IssuedNote(
        number=note["number"],
        issued_at=note["effective_at"] or note["created"],
        total=note["total"],
        status=note["status"],
        reason=note["reason"],
        memo=note["memo"] or "",
        is_after_payment=note["post_payment_amount"] > 0,
    )
