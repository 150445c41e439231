"""The hosted page of an invoice: what who has its address is shown, without a key."""

import time
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs

from meterline.api.pages import charts
from meterline.api.pages.answers import Page
from meterline.api.pages.app import page
from meterline.api.pages.assets import Assets
from meterline.api.pages.formats import Formats
from meterline.api.pages.invoice_words import How, InvoiceWords
from meterline.api.pages.render import linkable, render
from meterline.api.pages.words import locale_for, words_for
from meterline.api.requests import Request
from meterline.api.router import Routes
from meterline.core.base.errors import no_such
from meterline.core.base.frozen import frozen
from meterline.core.metering.calendar_windows import Grouping
from meterline.services.base.context import Context
from meterline.services.base.secret_addresses import INVOICES, find_by_token, mode_of_token
from meterline.services.documents.document import DocumentLine, Group, InvoiceDocument, IssuedNote
from meterline.services.documents.reading import read_document
from meterline.services.documents.usage import UsageShown, read_usage
from meterline.store.billing.repository import BillingStore

TEMPLATES: Final = Path(__file__).parent / "templates"
ASSETS: Final = Assets(f"{INVOICES.path}assets")
LINES_A_PAGE: Final = 200
MOST_BYTES: Final = 100_000
"""A page that would be larger shows fewer lines at a time."""

_MOST_DIGITS: Final = 9


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


def show_invoice(request: Request, token: str) -> Page:
    """The page of the invoice whose address has this token; BillingError for any other token."""
    livemode = mode_of_token(token)
    if livemode is None:
        raise no_such("invoice", "")
    now = int(time.time())
    ctx = Context(BillingStore(livemode, recalled={}), now, now)
    invoice: Any = find_by_token(ctx, INVOICES, token)
    document = read_document(ctx, invoice)
    preferred = (*document.buyer.locales, *_languages(request))
    locale = locale_for(preferred)
    said = InvoiceWords(
        document, words_for(locale), Formats(locale, document.currency), _now_of(ctx, invoice)
    )
    path = f"{request.base_path}{INVOICES.path}{token}"
    values = {
        **_values(said, read_usage(ctx, invoice)),
        **_assets(request.base_path),
        "pdf": f"{path}/pdf",
    }
    return _fitting(said, values, path, _first_line(request, len(document.lines)))


ROUTES: Final = Routes(
    [
        page("GET", f"{INVOICES.path}{{token}}", show_invoice),
        page("GET", f"{INVOICES.path}assets/{{file}}", ASSETS.answer),
    ]
)


def _fitting(said: InvoiceWords, values: Mapping[str, object], path: str, first: int) -> Page:
    """The page with as many lines from ``first`` on as it can have and stay small."""
    most = LINES_A_PAGE
    while True:
        shown = _lines_from(said, path, first, most)
        body = render(TEMPLATES, "invoice.html", {**values, **shown})
        if len(body) <= MOST_BYTES or most == 1:
            return Page(body)
        most = max(most // 2, 1)


def _values(said: InvoiceWords, usage: Sequence[UsageShown]) -> dict[str, object]:
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


def _assets(base_path: str) -> dict[str, object]:
    """Where what the page is made with is."""
    assets = ASSETS.below(base_path)
    return {
        "icon": assets.address("icon.svg"),
        "shared_style": assets.address("page.css"),
        "style": assets.address("invoice.css"),
        "script": assets.address("invoice.js"),
    }


def _lines_from(said: InvoiceWords, path: str, first: int, most: int) -> dict[str, object]:
    """The lines from one on, counted from 0, and where those before and after them are."""
    count, words, number = len(said.document.lines), said.words, said.formats.number
    end = min(first + most, count)
    is_whole = first == 0 and end == count
    shown = words.lines_from_to.format(
        first=number(first + 1), last=number(end), count=number(count)
    )
    return {
        "groups": list(_groups(said, first, end)),
        "lines_shown": "" if is_whole else shown,
        "before": f"{path}?from={max(first - most, 0) + 1}#lines" if first else None,
        "more": f"{path}?from={end + 1}#lines" if end < count else None,
    }


def _groups(said: InvoiceWords, first: int, end: int) -> Iterator[GroupRows]:
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
    words = said.words
    states = (
        words.note_void if note.status == "void" else "",
        words.note_after_payment if note.is_after_payment else "",
    )
    remarks = tuple(text for text in (*states, words.reason(note.reason), note.memo) if text)
    day, amount = said.formats.short_day(note.issued_at), said.formats.money(-note.total)
    return NoteRow(note.number, day, amount, remarks)


def _contact(document: InvoiceDocument) -> Iterator[tuple[str, str | None]]:
    """How the seller is reached: texts, with the addresses that links lead to."""
    seller = document.seller
    if seller.email:
        yield seller.email, linkable(f"mailto:{seller.email}")
    if seller.phone:
        yield seller.phone, None
    if seller.url:
        yield seller.url, linkable(seller.url)


def _languages(request: Request) -> list[str]:
    """The languages that the browser asks for, dearest first, as they are written there."""
    asked = (request.header("accept-language") or "").split(",")
    return [part.partition(";")[0].strip() for part in asked if part.strip()]


def _first_line(request: Request, count: int) -> int:
    """The line that the page is to begin with, counted from 0; the first one for any nonsense."""
    [text] = parse_qs(request.query).get("from", ["1"])[:1]
    is_number = text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS
    first = int(text) - 1 if is_number else 0
    return first if 0 <= first < count else 0


def _now_of(ctx: Context, invoice: Mapping[str, object]) -> int:
    """The time of the invoice's customer: that of its test clock, if it is on one."""
    clock = ctx.store.get(str(invoice["test_clock"])) if invoice["test_clock"] else None
    return ctx.now if clock is None else int(clock.body["frozen_time"])
