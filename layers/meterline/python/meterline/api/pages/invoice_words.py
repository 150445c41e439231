"""An invoice's facts in words: status, lines, totals and how they came about, as texts to show."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from meterline.api.pages.descriptions import in_words
from meterline.api.pages.formats import Formats
from meterline.api.pages.words.table import Words
from meterline.core.base.frozen import frozen
from meterline.services.documents.document import (
    Bounds,
    DocumentLine,
    InvoiceDocument,
    IssuedNote,
    PostalAddress,
    Step,
    TaxIdentity,
    TaxRow,
    Workings,
)

_DAY: Final = 86_400
_VAT_IDS: Final = frozenset({"ch_vat", "eu_oss_vat", "eu_vat", "gb_vat", "no_vat"})


@frozen
class Row:
    """An amount with what it is; ``kind`` says how it weighs: sum, part, last, less, inside."""

    label: str
    amount: str
    kind: str = ""


@frozen
class Status:
    """A status in words, and how good it is: good, warn, bad, calm."""

    text: str
    kind: str


@frozen
class StepRow:
    """A step of a rating: of what, its sum, and what it comes to."""

    what: str
    sum: str
    amount: str


@frozen
class How:
    """How an amount came about."""

    steps: tuple[StepRow, ...]
    rows: tuple[str, ...]


@frozen
class InvoiceWords:
    """Says the facts of one invoice in one language, at an instant (UTC seconds)."""

    document: InvoiceDocument
    words: Words
    formats: Formats
    now: int

    @property
    def is_overdue(self) -> bool:
        """Whether it is open although it should have been paid."""
        due_at = self.document.due_at
        return self.document.status == "open" and due_at is not None and due_at < self.now

    def status(self) -> Status:
        """The status."""
        words = self.words
        if self.is_overdue:
            return Status(words.status_overdue, "bad")
        return {
            "draft": Status(words.status_draft, "calm"),
            "open": Status(words.status_open, "warn"),
            "paid": Status(words.status_paid, "good"),
            "uncollectible": Status(words.status_uncollectible, "bad"),
            "void": Status(words.status_void, "calm"),
        }[self.document.status]

    def headline(self) -> Row:
        """The figure that matters most: what is to be paid, or was."""
        document, words, totals = self.document, self.words, self.document.totals
        if document.status == "paid":
            amount = totals.amount_paid or totals.amount_due
            label = words.amount_paid if amount else words.nothing_due
            return Row(label, self.formats.money(amount))
        if document.status == "void":
            return Row(words.total, self.formats.money(totals.total))
        return Row(words.amount_due, self.formats.money(totals.amount_remaining))

    def headline_note(self) -> str:
        """What the payer should know beside that figure."""
        document, words = self.document, self.words
        if document.status == "void":
            return words.void_explained
        if document.status == "uncollectible":
            return words.uncollectible_explained
        if document.status == "paid":
            paid_at = document.paid_at
            return words.paid_on.format(date=self.formats.day(paid_at)) if paid_at else ""
        if document.is_charged_automatically:
            return words.charged_automatically
        if document.due_at is None:
            return ""
        text = words.overdue_since if self.is_overdue else words.due_on
        return text.format(date=self.formats.day(document.due_at))

    def facts(self) -> list[tuple[str, str]]:
        """Number, dates, and the fields that the seller has added."""
        document, words, formats = self.document, self.words, self.formats
        dates = [(words.date_issued, document.issued_at), (words.date_due, document.due_at)]
        if document.status == "paid":
            dates = [(words.date_issued, document.issued_at), (words.date_paid, document.paid_at)]
        return [
            (words.invoice_number, document.number),
            *((label, formats.short_day(at)) for label, at in dates if at is not None),
            *document.custom_fields,
        ]

    def address(self, address: PostalAddress) -> list[str]:
        """The rows of an address, as most countries write them."""
        place = " ".join(part for part in (address.postal_code, address.city) if part)
        if address.country in _STATE_BEFORE_CODE:
            region = " ".join(part for part in (address.state, address.postal_code) if part)
            place = ", ".join(part for part in (address.city, region) if part)
        country = self.formats.country(address.country) if address.country else ""
        own = "" if address.country in _STATE_BEFORE_CODE else address.state
        rows = (address.line1, address.line2, place, own, country)
        return [row for row in rows if row]

    def tax_ids(self, tax_ids: tuple[TaxIdentity, ...]) -> list[tuple[str, str]]:
        """Tax ids with what they are called."""
        words = self.words
        return [
            (words.vat_id if one.type in _VAT_IDS else words.tax_id, one.value) for one in tax_ids
        ]

    def totals(self) -> list[Row]:
        """From what the lines come to, to what is left to pay. Rows that say nothing are left out:
        an invoice without discounts, credits and taxes has no subtotal.
        """
        rows = [*self._up_to_total(), *self._from_total()]
        return [*rows[:-1], Row(rows[-1].label, rows[-1].amount, "last")]

    def how(self, line: DocumentLine) -> How | None:
        """How the amount of a line came about; None if there is no more to it than it shows."""
        if line.workings is None or not is_worth_unfolding(line):
            return None
        further = tuple(self._further(line.workings, line.amount))
        return How(tuple(map(self._step, line.workings.steps)), further)

    def description(self, line: DocumentLine) -> str:
        """What a line is for."""
        return in_words(line.description, line.product_name, self.words.phrases, self.formats)

    def quantity(self, line: DocumentLine) -> str:
        """A line's quantity, with what it counts; nothing of an amount that no quantity has."""
        if not line.quantity and line.amount:
            return ""
        number = self.formats.number(line.quantity)
        return f"{number} {line.unit_label}" if line.unit_label else number

    def credits_applied(self, line: DocumentLine) -> str:
        """What credits take off a line, with the units that pay for some; "" if they take none."""
        if not line.credit_amount:
            return ""
        units = replace(line, quantity=line.credit_units)
        what = f" ({self.quantity(units)})" if line.credit_units else ""
        return f"{self.words.credits_applied}{what} {self.formats.money(-line.credit_amount)}"

    def unit_amount(self, line: DocumentLine) -> str:
        """What one of it costs; nothing where that depends on how many there are."""
        return "" if line.unit_amount is None else self.formats.money(line.unit_amount)

    def period(self, start: int, end: int) -> str:
        """A period, or the day of what has none."""
        return self.formats.span(start, end)

    def paragraphs(self, text: str) -> list[str]:
        """A text as it was typed, in its paragraphs."""
        return [part.strip() for part in text.split("\n\n") if part.strip()]

    def _up_to_total(self) -> Iterator[Row]:
        totals, words, money = self.document.totals, self.words, self.formats.money
        if totals.discounts or totals.credits or totals.taxes:
            yield Row(words.subtotal, money(totals.lines))
        for discount in totals.discounts:
            percent = discount.percent_off
            label = words.discount
            if percent is not None:
                label = words.discount_percent.format(percent=self.formats.percent(percent))
            yield Row(label, money(-discount.amount), "less")
        if totals.credits:
            yield Row(words.credits_applied, money(-totals.credits), "less")
        if any(tax.amount for tax in totals.taxes):
            yield Row(words.total_excluding_tax, money(totals.total_excluding_tax), "part")
        for tax in totals.taxes:
            yield Row(self.tax(tax), money(tax.amount), "inside" if tax.is_inclusive else "")
        yield Row(words.total, money(totals.total), "sum")

    def _from_total(self) -> Iterator[Row]:
        totals, words, money = self.document.totals, self.words, self.formats.money
        used = totals.balance.used
        changes = [
            (words.balance_applied if used < 0 else words.balance_added, used),
            (words.balance_put_on, totals.balance.put_on),
            (words.balance_left_owed, -totals.balance.left_owed),
        ]
        yield from (Row(label, money(amount), "less") for label, amount in changes if amount)
        if totals.notes_before_payment:
            yield Row(words.notes_applied, money(-totals.notes_before_payment), "less")
        if totals.amount_paid:
            yield Row(words.amount_due, money(totals.amount_due))
            yield Row(words.amount_paid, money(-totals.amount_paid), "less")
            yield Row(words.amount_remaining, money(totals.amount_remaining))
        else:
            yield Row(words.amount_due, money(totals.amount_due))

    def tax(self, tax: TaxRow) -> str:
        """What a row of a tax is called."""
        words, formats = self.words, self.formats
        name = tax.name or words.tax
        if tax.jurisdiction and tax.jurisdiction not in name:
            name = f"{name} {tax.jurisdiction}"
        if tax.reason == "reverse_charge":
            return f"{name} ({words.reverse_charge_row})"
        if tax.reason == "customer_exempt":
            return f"{name} ({words.exempt})"
        if tax.percentage is None:
            return name
        percent = formats.percent(tax.percentage)
        if tax.is_inclusive:
            return words.tax_inclusive.format(name=name, percent=percent)
        amount = formats.money(tax.taxable_amount)
        return words.tax_on.format(name=name, percent=percent, amount=amount)

    def remarks(self, note: IssuedNote) -> tuple[str, ...]:
        """What there is to know of a credit note of the invoice."""
        words = self.words
        states = (
            words.note_void if note.status == "void" else "",
            words.note_after_payment if note.is_after_payment else "",
        )
        return tuple(text for text in (*states, words.reason(note.reason), note.memo) if text)

    def _step(self, step: Step) -> StepRow:
        words, formats = self.words, self.formats
        is_flat = step.flat_amount and not step.unit_amount
        text = words.flat_amount if is_flat else self._sum(step)
        return StepRow(self._tier(step), text, formats.money(step.amount))

    def _tier(self, step: Step) -> str:
        words, formats = self.words, self.formats
        if step.tier is None:
            return words.all_units
        if step.up_to is None:
            return words.tier_above
        return words.tier_up_to.format(quantity=formats.number(step.up_to))

    def _sum(self, step: Step) -> str:
        """A quantity times what one costs, and the flat amount if there is one beside it."""
        formats = self.formats
        number = formats.number(step.quantity)
        counted = self.words.events.format(count=number) if step.counts == "events" else number
        text = f"{counted} × {formats.money(step.unit_amount)}"
        return f"{text} + {formats.money(step.flat_amount)}" if step.flat_amount else text

    def _further(self, workings: Workings, amount: int) -> Iterator[str]:
        words, money = self.words, self.formats.money
        if workings.discount:
            yield words.discounted_fee.format(amount=money(workings.discount))
        if workings.is_share:
            yield self._share(workings, amount)
        if workings.bounds is not None:
            yield from self._bounds(workings.bounds)

    def _share(self, workings: Workings, amount_minor: int) -> str:
        """Seconds over seconds, or days over days where both are whole, and what that comes to."""
        seconds, of_seconds = workings.seconds or 0, workings.of_seconds or 0
        number, money = self.formats.number, self.formats.money
        sign = -1 if amount_minor < 0 else 1  # a credit gives back a share of what was billed
        amount, result = money(sign * workings.full_amount), money(amount_minor)
        if seconds % _DAY == 0 and of_seconds % _DAY == 0:
            return self.words.share_of_days.format(
                days=number(seconds // _DAY),
                of_days=number(of_seconds // _DAY),
                amount=amount,
                result=result,
            )
        return self.words.share_of_seconds.format(
            seconds=number(seconds), of_seconds=number(of_seconds), amount=amount, result=result
        )

    def _bounds(self, bounds: Bounds) -> Iterator[str]:
        words, money = self.words, self.formats.money
        yield words.bounds_usage.format(amount=money(bounds.usage_amount))
        if bounds.minimum is not None:
            yield words.bounds_minimum.format(amount=money(bounds.minimum))
        if bounds.maximum is not None:
            yield words.bounds_maximum.format(amount=money(bounds.maximum))


_STATE_BEFORE_CODE: Final = frozenset({"AU", "CA", "US"})
"""Countries where a place is written "Springfield, IL 62701"."""


def is_worth_unfolding(line: DocumentLine) -> bool:
    """Whether how a line came about is more than its quantity times its unit price."""
    how = line.workings
    if how is None:
        return False
    if how.is_share or how.bounds is not None or how.discount or len(how.steps) != 1:
        return bool(how.steps) or how.is_share
    [step] = how.steps
    is_plain = step.tier is None and not step.flat_amount and step.counts == "quantity"
    return not (is_plain and step.quantity == line.quantity and line.unit_amount is not None)
