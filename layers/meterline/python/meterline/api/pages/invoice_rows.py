"""What stands on the page of an invoice: its facts in words, as the template takes them."""

from collections.abc import Iterator, Sequence
from decimal import Decimal

from meterline.api.pages import charts
from meterline.api.pages.invoice_words import How, InvoiceWords
from meterline.api.pages.render import linkable
from meterline.core.base.frozen import frozen
from meterline.core.metering.calendar_windows import Grouping
from meterline.services.documents.document import DocumentLine, Group, InvoiceDocument, IssuedNote
from meterline.services.documents.usage import UsageShown


@frozen
class LineRow:
    """A line as it is shown."""

    description: str
    quantity: str
    unit_amount: str
    amount: str
    note: str
    workings: How | None


@frozen
class GroupRows:
    """Lines of a period as they are shown."""

    period: str
    lines: tuple[LineRow, ...]


@frozen
class Chart:
    """The usage of a line as it is shown."""

    name: str
    total: str
    label: str
    bars: str
    first: str
    last: str
    peak: str
    rows: tuple[tuple[str, str], ...]
    width: int = charts.WIDTH
    height: int = charts.HEIGHT
    grid: tuple[int, ...] = charts.grid(2)


@frozen
class NoteRow:
    """A credit note as it is shown."""

    number: str
    date: str
    amount: str
    remarks: tuple[str, ...]


@frozen
class PartyRows:
    """A seller or buyer as it is shown."""

    title: str
    rows: tuple[str, ...]
    tax_ids: tuple[tuple[str, str], ...]


def page_values(said: InvoiceWords, usage: Sequence[UsageShown]) -> dict[str, object]:
    """All that the page shows but its lines."""
    document, words = said.document, said.words
    seller, buyer = document.seller, document.buyer
    headline, note = said.headline(), said.headline_note()
    is_payable = document.status == "open" and document.totals.amount_remaining > 0
    return {
        "lang": str(said.formats.locale).replace("_", "-"),
        "w": words,
        "is_test": not document.livemode,
        "color": seller.primary_color,
        "number": document.number,
        "seller": seller,
        "status": said.status(),
        "hero": {"label": headline.label, "amount": headline.amount, "note": note},
        "pay": said.paragraphs(document.payment_instructions) if is_payable else [],
        "pay_facts": [
            (words.amount, headline.amount),
            (words.invoice_number, document.number),
        ],
        "from_party": PartyRows(
            words.address_of_seller,
            tuple(row for row in (seller.name, *said.address(seller.address)) if row),
            tuple(said.tax_ids(seller.tax_ids)),
        ),
        "to_party": PartyRows(
            words.address_of_buyer,
            tuple(row for row in (buyer.name, *said.address(buyer.address), buyer.email) if row),
            tuple(said.tax_ids(buyer.tax_ids)),
        ),
        "facts": said.facts(),
        "description": document.description,
        "totals": said.totals(),
        "tax_note": words.reverse_charge if document.is_reverse_charge else "",
        "charts": [_chart(said, one) for one in usage],
        "notes": [_note(said, one) for one in document.notes],
        "footer": said.paragraphs(document.footer),
        "contact": list(_contact(document)),
    }


def group_rows(said: InvoiceWords, first: int, end: int) -> Iterator[GroupRows]:
    """The lines from one until another, counted from 0, by their periods."""
    start = 0
    for group in said.document.groups:
        lines = group.lines[max(first - start, 0) : max(end - start, 0)]
        start += len(group.lines)
        if lines:
            yield GroupRows(_period(said, group), tuple(_line(said, line) for line in lines))


def _period(said: InvoiceWords, group: Group) -> str:
    return said.period(group.period.start, group.period.end)


def _line(said: InvoiceWords, line: DocumentLine) -> LineRow:
    return LineRow(
        said.description(line),
        said.quantity(line),
        said.unit_amount(line),
        said.formats.money(line.amount),
        _taken_off(said, line),
        said.how(line),
    )


def _taken_off(said: InvoiceWords, line: DocumentLine) -> str:
    """What discounts and credits take off a line."""
    words, money = said.words, said.formats.money
    off = line.discount_amount
    discount = f"{words.discount} {money(-off)}" if off else ""
    return " · ".join(filter(None, (discount, said.credits_applied(line))))


def _chart(said: InvoiceWords, usage: UsageShown) -> Chart:
    number, values = said.formats.number, [value for _, value in usage.windows]
    unit = f" {usage.unit_label}" if usage.unit_label else ""
    period = said.period(usage.period.start, usage.period.end)
    peak = said.words.usage_peak.format(quantity=number(max(values, default=Decimal(0))) + unit)
    rows = tuple(
        (_window(said, usage.grouping, span.start), number(value))
        for span, value in usage.windows
        if value
    )
    edges = [_window(said, usage.grouping, span.start) for span, _ in usage.windows] or [""]
    label = said.words.chart_of.format(name=usage.name, period=period)
    return Chart(
        name=usage.name,
        total=f"{number(usage.quantity)}{unit}",
        label=f"{label}. {peak}",
        bars=charts.path(values),
        first=edges[0],
        last=edges[-1],
        peak=peak,
        rows=rows,
    )


def _window(said: InvoiceWords, grouping: Grouping, start: int) -> str:
    formats = said.formats
    return formats.hour(start) if grouping is Grouping.HOUR else formats.short_day(start)


def _note(said: InvoiceWords, note: IssuedNote) -> NoteRow:
    day, amount = said.formats.short_day(note.issued_at), said.formats.money(-note.total)
    return NoteRow(note.number, day, amount, said.remarks(note))


def _contact(document: InvoiceDocument) -> Iterator[tuple[str, str | None]]:
    """How the seller is reached: texts, with the addresses that links lead to."""
    seller = document.seller
    if seller.email:
        yield seller.email, linkable(f"mailto:{seller.email}")
    if seller.phone:
        yield seller.phone, None
    if seller.url:
        yield seller.url, linkable(seller.url)
