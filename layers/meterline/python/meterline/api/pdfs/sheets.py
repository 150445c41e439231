"""What stands on the sheet of an invoice: its facts in the words of one language, as the template
`invoice.typ` takes them. All texts are as they were typed; the fonts can show each letter of them.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Final

from meterline.api.pages.formats import Formats
from meterline.api.pages.invoice_words import InvoiceWords
from meterline.api.pages.words import locale_for, words_for
from meterline.api.pdfs.fonts import can_be_set
from meterline.services.documents.document import (
    DocumentLine,
    Group,
    InvoiceDocument,
    IssuedNote,
    TaxIdentity,
)

type Sheet = dict[str, Any]

INK: Final = "#1a1f36"
_LETTER_COUNTRIES: Final = frozenset({"CA", "CL", "CO", "MX", "PH", "US", "VE"})


def invoice_sheet(document: InvoiceDocument) -> Sheet:
    """The sheet of an invoice, in the first language that its buyer prefers and that is spoken.

    It says nothing that depends on when it is made: an overdue invoice has the same as before.
    """
    locale = locale_for(document.buyer.locales)
    formats = Formats(locale, document.currency)
    said = InvoiceWords(document, words_for(locale), formats, now=document.issued_at)
    return can_be_read(_invoice(said))


def paper_of(document: InvoiceDocument) -> str:
    """The size of paper that the buyer's printer has, or the seller's if the buyer is nowhere."""
    country = document.buyer.address.country or document.seller.address.country
    return "us-letter" if country in _LETTER_COUNTRIES else "a4"


def can_be_read[T](part: T) -> T:
    """A part of a sheet with texts that the fonts can show."""
    shown: Any = part
    if isinstance(part, str):
        shown = can_be_set(part)
    elif isinstance(part, dict):
        shown = {name: can_be_read(value) for name, value in part.items()}
    elif isinstance(part, list | tuple):
        shown = [can_be_read(value) for value in part]
    result: T = shown
    return result


def _invoice(said: InvoiceWords) -> Sheet:
    document, words = said.document, said.words
    headline = said.headline()
    has_taxes = any(tax.is_owed for tax in document.totals.taxes)
    columns = [words.description, words.quantity, words.unit_amount, words.tax, words.amount]
    return {
        "title": f"{words.invoice} {document.number}",
        "heading": words.invoice,
        "issued": day_of(document.issued_at),
        "paper": paper_of(document),
        "memo": document.description,
        "due": {
            "amount": headline.amount,
            "words": " · ".join(text for text in (headline.label, said.headline_note()) if text),
        },
        "status": said.status().text,
        "facts": [list(fact) for fact in said.facts()],
        "columns": columns if has_taxes else [*columns[:3], columns[4]],
        "lines": [
            line for group in document.groups for line in _lines(said, group, has_taxes=has_taxes)
        ],
        "totals": [
            {"words": row.label, "amount": row.amount, "strong": row.kind == "last"}
            for row in said.totals()
        ],
        "parts": [part for part in _parts(said) if part["rows"]],
        "running": running(said, document.number),
        **parties(said),
    }


def day_of(instant: int) -> list[int]:
    """The day of an instant: its year, month and day, UTC."""
    return list(datetime.fromtimestamp(instant, UTC).timetuple()[:3])


def running(said: InvoiceWords, number: str) -> str:
    """What stands at the foot of every page."""
    return " · ".join(text for text in (said.document.seller.name, number) if text)


def parties(said: InvoiceWords) -> Sheet:
    """Who sells and who buys, and how what they read looks."""
    document, words = said.document, said.words
    seller, buyer = document.seller, document.buyer
    contact = [text for text in (seller.email, seller.phone, seller.url) if text]
    return {
        "author": seller.name,
        "accent": seller.primary_color or INK,
        "language": said.formats.locale.language,
        "page": words.page,
        "seller": {
            "name": seller.name,
            "rows": [*said.address(seller.address), *_tax_ids(said, seller.tax_ids), *contact],
        },
        "buyer": {
            "label": words.address_of_buyer,
            "name": buyer.name or buyer.email,
            "rows": [
                *said.address(buyer.address),
                *([buyer.email] if buyer.name and buyer.email else []),
                *_tax_ids(said, buyer.tax_ids),
            ],
        },
    }


def _tax_ids(said: InvoiceWords, tax_ids: tuple[TaxIdentity, ...]) -> list[str]:
    return [f"{label} {value}" for label, value in said.tax_ids(tax_ids)]


def _lines(said: InvoiceWords, group: Group, *, has_taxes: bool) -> Iterator[Sheet]:
    """The lines of a period, which stands above the first of them."""
    period = said.period(group.period.start, group.period.end)
    for place, line in enumerate(group.lines):
        yield {**_line(said, line, has_taxes=has_taxes), "period": "" if place else period}


def _line(said: InvoiceWords, line: DocumentLine, *, has_taxes: bool) -> Sheet:
    tax = [_taxes(said, line)] if has_taxes else []
    return {
        "description": said.description(line),
        "steps": list(_steps(said, line)),
        "cells": [
            said.quantity(line),
            said.unit_amount(line),
            *tax,
            said.formats.money(line.amount),
        ],
    }


def _steps(said: InvoiceWords, line: DocumentLine) -> Iterator[str]:
    """How a line came about, a text a row: its tiers, its share of a period, its reductions."""
    words, money = said.words, said.formats.money
    how = said.how(line)
    if how is not None:
        yield from (f"{step.what}: {step.sum} = {step.amount}" for step in how.steps)
        yield from how.rows
    if line.discount_amount:
        yield f"{words.discount} {money(-line.discount_amount)}"
    if line.credit_amount:
        yield said.credits_applied(line)


def _taxes(said: InvoiceWords, line: DocumentLine) -> str:
    """The percentages of a line's taxes, of those that are owed."""
    owed = [tax for tax in said.document.totals.taxes if tax.is_owed]
    rates = {tax.tax_rate: tax.percentage for tax in owed}
    known = [rates.get(tax.tax_rate) for tax in line.taxes]
    return ", ".join(said.formats.percent(rate) for rate in known if rate is not None)


def _parts(said: InvoiceWords) -> Iterator[Sheet]:
    document, words = said.document, said.words
    is_payable = document.status == "open" and document.totals.amount_remaining > 0
    reverse = [words.reverse_charge] if document.is_reverse_charge else []
    paying = rows_of(document.payment_instructions) if is_payable else []
    yield {"heading": words.tax, "rows": reverse}
    yield {"heading": words.pay, "rows": paying}
    yield {"heading": words.credit_notes, "rows": [_note(said, note) for note in document.notes]}
    yield {"heading": "", "rows": rows_of(document.footer)}


def _note(said: InvoiceWords, note: IssuedNote) -> str:
    day, amount = said.formats.short_day(note.issued_at), said.formats.money(-note.total)
    return " · ".join((note.number, day, amount, *said.remarks(note)))


def rows_of(text: str) -> list[str]:
    """The rows of a text that was typed, without empty ones."""
    return [row.strip() for row in text.splitlines() if row.strip()]
