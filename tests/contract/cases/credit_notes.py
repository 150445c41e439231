"""Credit notes: what is taken back of final invoices."""

from tests.contract.cases.table import Case, Refused, holds, missing

CASES = {
    "CreditNote.create": Case(
        lambda w: w.v1.credit_notes.create(
            {"invoice": w.open_invoice, "amount": 2, "memo": "Sorry", "expand": ["invoice"]}
        ),
        lambda w: {
            "object": "credit_note",
            "total": 2,
            "type": "pre_payment",
            "invoice.id": w.open_invoice,
            "invoice.pre_payment_credit_notes_amount": 2,
        },
        Refused(
            lambda w: w.v1.credit_notes.create({"invoice": w.open_invoice, "amount": 10**9}),
            param="amount",
            says="exceeds the maximum creditable amount",
        ),
    ),
    "CreditNote.preview": Case(
        lambda w: w.v1.credit_notes.preview({"invoice": w.open_invoice, "amount": 2}),
        lambda w: {"object": "credit_note", "total": 2, "invoice": w.open_invoice},
        Refused(
            lambda w: w.v1.credit_notes.preview({"invoice": w.draft, "amount": 2}),
            param="invoice",
            says="this invoice is draft",
        ),
    ),
    "CreditNote.listPreviewLineItems": Case(
        lambda w: w.v1.credit_notes.preview_lines.list(
            {
                "invoice": w.open_invoice,
                "lines": [{"type": "custom_line_item", "unit_amount": 2, "description": "Two"}],
            }
        ),
        lambda w: {"data.0.amount": 2, "data.0.description": "Two", "has_more": False},
        Refused(
            lambda w: w.v1.credit_notes.preview_lines.list({"invoice": "in_no", "amount": 2}),
            code="resource_missing",
            param="invoice",
        ),
    ),
    "CreditNote.retrieve": Case(
        lambda w: w.v1.credit_notes.retrieve(w.credit_note),
        lambda w: {"id": w.credit_note, "amount": 1, "status": "issued"},
        missing(lambda w: w.v1.credit_notes.retrieve("cn_no"), "credit note: 'cn_no'"),
    ),
    "CreditNote.update": Case(
        lambda w: w.v1.credit_notes.update(w.credit_note, {"memo": "Better so"}),
        lambda w: {"id": w.credit_note, "memo": "Better so"},
        missing(lambda w: w.v1.credit_notes.update("cn_no", {"memo": "x"}), "credit note: 'cn_no'"),
    ),
    "CreditNote.list": Case(
        lambda w: w.credit_note and w.v1.credit_notes.list({"invoice": w.open_invoice}),
        lambda w: {"data": holds(w.credit_note), "url": "/v1/credit_notes"},
        Refused(
            lambda w: w.v1.credit_notes.list({"limit": "all"}),
            code="parameter_invalid_integer",
            param="limit",
        ),
    ),
    "CreditNote.listLineItems": Case(
        lambda w: w.v1.credit_notes.line_items.list(w.credit_note),
        lambda w: {"data": [], "has_more": False},
        missing(lambda w: w.v1.credit_notes.line_items.list("cn_no"), "credit note: 'cn_no'"),
    ),
    "CreditNote.voidCreditNote": Case(
        lambda w: w.v1.credit_notes.void_credit_note(w.credit_note),
        lambda w: {"id": w.credit_note, "status": "void"},
        missing(lambda w: w.v1.credit_notes.void_credit_note("cn_no"), "credit note: 'cn_no'"),
    ),
}
