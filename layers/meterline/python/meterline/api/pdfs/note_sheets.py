"""What stands on the sheet of a credit note."""

from collections.abc import Iterator

from meterline.api.pages.formats import Formats
from meterline.api.pages.invoice_words import InvoiceWords
from meterline.api.pages.words import locale_for, words_for
from meterline.api.pdfs.sheets import (
    Sheet,
    can_be_read,
    day_of,
    paper_of,
    parties,
    rows_of,
    running,
)
from meterline.services.documents.credit_notes import NoteDocument, NoteLine


def note_sheet(note: NoteDocument) -> Sheet:
    """The sheet of a credit note, in the language of its invoice's buyer."""
    billed = note.billed
    locale = locale_for(billed.buyer.locales)
    formats = Formats(locale, billed.currency)
    said = InvoiceWords(billed, words_for(locale), formats, now=billed.issued_at)
    return can_be_read(_note(said, note))


def _note(said: InvoiceWords, note: NoteDocument) -> Sheet:
    words, formats, has_taxes = said.words, said.formats, any(tax.is_owed for tax in note.taxes)
    columns = [words.description, words.quantity, words.unit_amount, words.tax, words.amount]
    return {
        "title": f"{words.credit_note} {note.number}",
        "heading": words.credit_note,
        "issued": day_of(note.issued_at),
        "paper": paper_of(note.billed),
        "memo": note.memo,
        "due": {
            "amount": formats.money(note.total),
            "words": f"{words.note_total} · {formats.day(note.issued_at)}",
        },
        "status": words.note_void if note.status == "void" else words.note_total,
        "facts": [
            [words.note_number, note.number],
            [words.note_of_invoice, note.billed.number],
            [words.date, formats.short_day(note.issued_at)],
        ],
        "columns": columns if has_taxes else [*columns[:3], columns[4]],
        "lines": list(_lines(said, note, has_taxes=has_taxes)),
        "totals": list(_totals(said, note)),
        "parts": _parts(said, note),
        "running": running(said, note.number),
        **parties(said),
    }


def _lines(said: InvoiceWords, note: NoteDocument, *, has_taxes: bool) -> Iterator[Sheet]:
    """The lines; of a note that takes back an amount, that amount before taxes."""
    part = said.words.note_part.format(number=note.billed.number)
    whole = NoteLine(part, None, None, note.subtotal, ())
    billed = {line.description: said.description(line) for line in said.document.lines}
    for line in note.lines or (whole,):
        tax = [", ".join(map(said.formats.percent, line.percentages))] if has_taxes else []
        cells = [
            "" if line.quantity is None else said.formats.number(line.quantity),
            "" if line.unit_amount is None else said.formats.money(line.unit_amount),
            *tax,
            said.formats.money(line.amount),
        ]
        description = billed.get(line.description, line.description)
        yield {"description": description, "period": "", "steps": [], "cells": cells}


def _totals(said: InvoiceWords, note: NoteDocument) -> Iterator[Sheet]:
    words = said.words
    if note.discounts or note.credits or note.taxes:
        yield _total(said, words.subtotal, note.subtotal)
    if note.discounts:
        yield _total(said, words.discount, -note.discounts)
    if note.credits:
        yield _total(said, words.credits_applied, -note.credits)
    for tax in note.taxes:
        yield _total(said, said.tax(tax), tax.amount)
    yield {**_total(said, words.note_total, note.total), "strong": True}


def _total(said: InvoiceWords, label: str, amount_minor: int) -> Sheet:
    return {"words": label, "amount": said.formats.money(amount_minor), "strong": False}


def _parts(said: InvoiceWords, note: NoteDocument) -> list[Sheet]:
    words, money = said.words, said.formats.money
    settled = [
        (words.note_taken_off, note.taken_off),
        (words.balance_put_on, note.onto_balance),
        (words.note_refunded, note.refunded),
        (words.note_settled_outside, note.settled_outside),
    ]
    reason = words.reason(note.reason)
    rows = [f"{label}: {money(amount)}" for label, amount in settled if amount]
    parts = [
        {"heading": reason or words.credit_note, "rows": rows},
        {"heading": "", "rows": rows_of(note.billed.footer)},
    ]
    return [part for part in parts if part["rows"]]
