"""Invoices, their lines, and invoice items."""

from tests.contract.cases.table import Case, Refused, holds, missing

CASES = {
    "Invoice.create": Case(
        lambda w: (
            w.invoice_item
            and w.v1.invoices.create(
                {
                    "customer": w.customer,
                    "pending_invoice_items_behavior": "include",
                    "collection_method": "send_invoice",
                    "days_until_due": 30,
                    "footer": "Thanks",
                }
            )
        ),
        lambda w: {
            "object": "invoice",
            "status": "draft",
            "number": None,
            "total": 700,
            "lines.data.0.amount": 700,
            "auto_advance": False,
            "billing_reason": "manual",
        },
        Refused(
            lambda w: w.v1.invoices.create({"customer": "cus_missing"}),
            code="resource_missing",
            param="customer",
            says="No such customer: 'cus_missing'",
        ),
    ),
    "Invoice.retrieve": Case(
        lambda w: w.v1.invoices.retrieve(w.draft, {"expand": ["customer"]}),
        lambda w: {"id": w.draft, "customer.name": "Ada"},
        missing(lambda w: w.v1.invoices.retrieve("in_missing"), "invoice: 'in_missing'", "invoice"),
    ),
    "Invoice.update": Case(
        lambda w: w.v1.invoices.update(w.draft, {"description": "Spring", "auto_advance": True}),
        lambda w: {"id": w.draft, "description": "Spring", "auto_advance": True},
        Refused(
            lambda w: w.v1.invoices.update(w.open_invoice, {"discounts": [{"coupon": w.coupon}]}),
            code="invoice_not_editable",
            param="discounts",
        ),
    ),
    "Invoice.del": Case(
        lambda w: w.v1.invoices.delete(w.draft),
        lambda w: {"id": w.draft, "object": "invoice", "deleted": True},
        Refused(
            lambda w: w.v1.invoices.delete(w.open_invoice),
            says="You can only delete draft invoices.",
        ),
    ),
    "Invoice.list": Case(
        lambda w: w.draft and w.v1.invoices.list({"customer": w.customer, "status": "draft"}),
        lambda w: {"data.0.id": w.draft, "url": "/v1/invoices"},
        Refused(lambda w: w.v1.invoices.list({"status": "lost"}), param="status"),
    ),
    "Invoice.search": Case(
        lambda w: w.draft and w.v1.invoices.search({"query": f"customer:'{w.customer}'"}),
        lambda w: {"object": "search_result", "data.0.id": w.draft},
        Refused(
            lambda w: w.v1.invoices.search({"query": ""}),
            code="parameter_invalid_empty",
            param="query",
        ),
    ),
    "Invoice.listLineItems": Case(
        lambda w: w.v1.invoices.line_items.list(w.draft),
        lambda w: {"data.0.amount": 700, "url": f"/v1/invoices/{w.draft}/lines"},
        missing(lambda w: w.v1.invoices.line_items.list("in_missing"), "invoice"),
    ),
    "Invoice.addLines": Case(
        lambda w: w.v1.invoices.add_lines(
            w.draft,
            {"lines": [{"amount": 300, "description": "Help"}], "invoice_metadata": {"a": "1"}},
        ),
        lambda w: {
            "id": w.draft,
            "total": 1_000,
            "lines.data.0.description": "Help",
            "metadata.a": "1",
        },
        Refused(
            lambda w: w.v1.invoices.add_lines(w.draft, {"lines": []}),
            code="parameter_missing",
            param="lines",
        ),
    ),
    "Invoice.updateLines": Case(
        lambda w: w.v1.invoices.update_lines(w.draft, {"lines": [{"id": w.line, "amount": 900}]}),
        lambda w: {"id": w.draft, "total": 900, "lines.data.0.id": w.line},
        Refused(
            lambda w: w.v1.invoices.update_lines(
                w.draft, {"lines": [{"id": "il_missing", "amount": 1}]}
            ),
            code="resource_missing",
            param="lines[0][id]",
        ),
    ),
    "Invoice.removeLines": Case(
        lambda w: w.v1.invoices.remove_lines(
            w.draft, {"lines": [{"id": w.line, "behavior": "unassign"}]}
        ),
        lambda w: {"id": w.draft, "total": 0, "lines.data": []},
        Refused(
            lambda w: w.v1.invoices.remove_lines(w.draft, {"lines": [{"id": w.line}]}),
            code="parameter_missing",
            param="lines[0][behavior]",
        ),
    ),
    "Invoice.updateLineItem": Case(
        lambda w: w.v1.invoices.line_items.update(w.draft, w.line, {"description": "Desk"}),
        lambda w: {"object": "line_item", "id": w.line, "description": "Desk", "amount": 700},
        missing(
            lambda w: w.v1.invoices.line_items.update(w.draft, "il_missing", {"amount": 1}),
            "line_item",
        ),
    ),
    "Invoice.renewHostedUrl": Case(
        lambda w: w.raw("post", f"/v1/invoices/{w.open_invoice}/renew_hosted_invoice_url"),
        lambda w: {"id": w.open_invoice, "status": "open"},
        Refused(
            lambda w: w.raw("post", f"/v1/invoices/{w.draft}/renew_hosted_invoice_url"),
            says="This invoice is a draft",
        ),
    ),
    "Invoice.revokeHostedUrl": Case(
        lambda w: w.raw("post", f"/v1/invoices/{w.open_invoice}/revoke_hosted_invoice_url"),
        lambda w: {"id": w.open_invoice, "hosted_invoice_url": None},
        missing(
            lambda w: w.raw("post", "/v1/invoices/in_missing/revoke_hosted_invoice_url"), "invoice"
        ),
    ),
    "Invoice.explain": Case(
        lambda w: w.raw("get", f"/v1/invoices/{w.draft}/explanation"),
        lambda w: {"invoice": w.draft, "lines.0.amount": 700},
        missing(lambda w: w.raw("get", "/v1/invoices/in_missing/explanation"), "invoice"),
    ),
    "Invoice.createPreview": Case(
        lambda w: w.v1.invoices.create_preview(
            {
                "subscription": w.subscription.id,
                "subscription_details": {
                    "items": [{"id": w.item, "quantity": 2}],
                    "proration_behavior": "none",
                    "billing_cycle_anchor": {"type": "unchanged"},
                },
            }
        ),
        lambda w: {
            "id": lambda text: text.startswith("upcoming_in_"),
            "status": "draft",
            "billing_reason": "upcoming",
            "total": 2_000,
        },
        Refused(
            lambda w: w.v1.invoices.create_preview(
                {"subscription": w.v1.subscriptions.cancel(w.subscription.id).id}
            ),
            code="invoice_upcoming_none",
            status=404,
        ),
    ),
    "Invoice.finalizeInvoice": Case(
        lambda w: w.v1.invoices.finalize_invoice(w.draft),
        lambda w: {"id": w.draft, "status": "open", "number": bool, "amount_due": 700},
        Refused(
            lambda w: w.v1.invoices.finalize_invoice(w.open_invoice),
            says="already finalized",
        ),
    ),
    "Invoice.pay": Case(
        lambda w: w.v1.invoices.pay(w.open_invoice, {"paid_out_of_band": True}),
        lambda w: {
            "id": w.open_invoice,
            "status": "paid",
            "amount_paid": 700,
            "amount_remaining": 0,
        },
        Refused(
            lambda w: w.v1.invoices.pay(
                w.v1.invoices.pay(w.open_invoice, {"paid_out_of_band": True}).id,
                {"paid_out_of_band": True},
            ),
            says="Invoice is already paid",
        ),
    ),
    "Invoice.sendInvoice": Case(
        lambda w: w.v1.invoices.send_invoice(w.send_invoice),
        lambda w: {"id": w.send_invoice, "status": "open"},
        missing(lambda w: w.v1.invoices.send_invoice("in_missing"), "invoice", "invoice"),
    ),
    "Invoice.voidInvoice": Case(
        lambda w: w.v1.invoices.void_invoice(w.open_invoice),
        lambda w: {"id": w.open_invoice, "status": "void"},
        Refused(
            lambda w: w.v1.invoices.void_invoice(w.draft),
            says="This invoice isn't open",
        ),
    ),
    "Invoice.attachPayment": Case(
        lambda w: w.v1.invoices.attach_payment(
            w.open_invoice, {"payment_record": "wire-7", "expand": ["payments"]}
        ),
        lambda w: {
            "id": w.open_invoice,
            "status": "paid",
            "amount_remaining": 0,
            "payments.data.0.payment.payment_record": "wire-7",
        },
        Refused(
            lambda w: w.v1.invoices.attach_payment(w.open_invoice, {"payment_intent": "pi_x"}),
            code="parameter_unknown",
            param="payment_intent",
        ),
    ),
    "InvoicePayment.list": Case(
        lambda w: (
            w.v1.invoices.attach_payment(w.open_invoice, {"payment_record": "wire-7"})
            and w.v1.invoice_payments.list({"invoice": w.open_invoice})
        ),
        lambda w: {
            "data.0.object": "invoice_payment",
            "data.0.invoice": w.open_invoice,
            "data.0.status": "paid",
            "url": "/v1/invoice_payments",
        },
        Refused(lambda w: w.v1.invoice_payments.list({"status": "so"}), param="status"),
    ),
    "InvoicePayment.retrieve": Case(
        lambda w: (
            w.v1.invoices.attach_payment(w.open_invoice, {"payment_record": "wire-7"})
            and w.v1.invoice_payments.retrieve(
                w.v1.invoice_payments.list({"invoice": w.open_invoice}).data[0].id
            )
        ),
        lambda w: {"object": "invoice_payment", "payment.type": "payment_record"},
        missing(lambda w: w.v1.invoice_payments.retrieve("inpay_missing"), "invoice payment"),
    ),
    "Invoice.markUncollectible": Case(
        lambda w: w.v1.invoices.mark_uncollectible(w.open_invoice),
        lambda w: {"id": w.open_invoice, "status": "uncollectible"},
        Refused(
            lambda w: w.v1.invoices.mark_uncollectible(w.draft),
            says="This invoice isn't open",
        ),
    ),
    "InvoiceItem.create": Case(
        lambda w: w.v1.invoice_items.create(
            {
                "customer": w.customer,
                "pricing": {"price": w.one_time_price},
                "quantity": 3,
                "description": "Set-up",
            }
        ),
        lambda w: {
            "object": "invoiceitem",
            "amount": 1_500,
            "quantity": 3,
            "pricing.price_details.price": w.one_time_price,
            "invoice": None,
        },
        Refused(
            lambda w: w.v1.invoice_items.create({"amount": 5, "currency": "usd"}),
            code="parameter_missing",
            param="customer",
        ),
    ),
    "InvoiceItem.retrieve": Case(
        lambda w: w.v1.invoice_items.retrieve(w.invoice_item, {"expand": ["customer"]}),
        lambda w: {"id": w.invoice_item, "amount": 700, "customer.id": w.customer},
        missing(lambda w: w.v1.invoice_items.retrieve("ii_missing"), "Invoice Item"),
    ),
    "InvoiceItem.update": Case(
        lambda w: w.v1.invoice_items.update(w.invoice_item, {"amount": 800, "description": "Up"}),
        lambda w: {"id": w.invoice_item, "amount": 800, "description": "Up"},
        Refused(
            lambda w: w.v1.invoice_items.update(w.invoice_item, {"currency": "eur"}),
            code="parameter_unknown",
            param="currency",
        ),
    ),
    "InvoiceItem.list": Case(
        lambda w: (
            w.invoice_item and w.v1.invoice_items.list({"customer": w.customer, "pending": True})
        ),
        lambda w: {"data": holds(w.invoice_item), "url": "/v1/invoiceitems"},
        Refused(lambda w: w.v1.invoice_items.list({"pending": "so"}), param="pending"),
    ),
    "InvoiceItem.del": Case(
        lambda w: w.v1.invoice_items.delete(w.invoice_item),
        lambda w: {"id": w.invoice_item, "object": "invoiceitem", "deleted": True},
        missing(lambda w: w.v1.invoice_items.delete("ii_missing"), "Invoice Item"),
    ),
}
