"""The hosted page of an invoice: what who has its address is shown, without a key."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs

from meterline.api.pages.answers import Page
from meterline.api.pages.app import page
from meterline.api.pages.assets import Assets
from meterline.api.pages.formats import Formats
from meterline.api.pages.invoice_rows import group_rows, page_values
from meterline.api.pages.invoice_words import InvoiceWords
from meterline.api.pages.render import render
from meterline.api.pages.words import locale_for, words_for
from meterline.api.requests import Request
from meterline.api.router import Routes
from meterline.core.base.errors import no_such
from meterline.services.base.context import Context
from meterline.services.base.secret_addresses import INVOICES, find_by_token, mode_of_token
from meterline.services.documents.reading import read_document
from meterline.services.documents.usage import read_usage
from meterline.store.billing.repository import BillingStore

TEMPLATES: Final = Path(__file__).parent / "templates"
ASSETS: Final = Assets(f"{INVOICES.path}assets")
LINES_A_PAGE: Final = 200
MOST_BYTES: Final = 100_000
"""A page that would be larger shows fewer lines at a time."""

_MOST_DIGITS: Final = 9


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
        **page_values(said, read_usage(ctx, invoice)),
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
        "groups": list(group_rows(said, first, end)),
        "lines_shown": "" if is_whole else shown,
        "before": f"{path}?from={max(first - most, 0) + 1}#lines" if first else None,
        "more": f"{path}?from={end + 1}#lines" if end < count else None,
    }


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
