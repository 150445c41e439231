"""``/console/invoices``: what was billed, and why each line is so, down to the events."""

from collections.abc import Mapping
from typing import Any, Final

from meterline.api.console.asking import Call, Reply, listing
from meterline.api.console.visits import Visit, found, signed_in
from meterline.api.pages.answers import Page
from meterline.core.base.frozen import frozen

STATUSES: Final = ("all", "draft", "open", "paid", "uncollectible", "void")
_MOST_LINES: Final = 25


@frozen
class Line:
    """A line of an invoice, and how it came about if the API has told."""

    body: Mapping[str, Any]
    explained: Mapping[str, Any] | None


def _list(visit: Visit) -> Page:
    asked = visit.query.get("status", "all")
    status = asked if asked in STATUSES else "all"
    given = {"status": None if status == "all" else status}
    customer = visit.query.get("customer") or None
    invoices = visit.api.ask(visit.listing("/v1/invoices", customer=customer, **given))
    return visit.page(
        "invoices.html",
        invoices=invoices,
        chosen=status,
        statuses=STATUSES,
        customer=customer or "",
    )


def _show(visit: Visit, invoice_id: str) -> Page:
    path = f"/v1/invoices/{invoice_id}"
    after = visit.query.get("after")
    invoice, lines, explanation, payments, notes = visit.api.ask_all(
        [
            Call("GET", path),
            listing(f"{path}/lines", starting_after=after, limit=_MOST_LINES),
            listing(f"{path}/explanation", starting_after=after),
            listing("/v1/invoice_payments", invoice=invoice_id, limit=10),
            listing("/v1/credit_notes", invoice=invoice_id, limit=10),
        ]
    )
    found(invoice)
    return visit.page(
        "invoice.html",
        invoice=invoice,
        lines=lines,
        shown=_explained(lines, explanation),
        explanation=explanation,
        payments=payments,
        notes=notes,
    )


def _explained(lines: Reply, explanation: Reply) -> list[Line]:
    told = {line["id"]: line for line in explanation.body.get("lines", [])}
    return [Line(line, told.get(line["id"])) for line in lines.rows]


PAGES = [
    signed_in("GET", "/console/invoices", _list),
    signed_in("GET", "/console/invoices/{id}", _show),
]
