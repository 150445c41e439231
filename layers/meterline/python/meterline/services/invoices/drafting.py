"""Drafting a subscription's invoice from the lines that the core decided on."""

from collections.abc import Sequence

from meterline.core.invoicing import Line
from meterline.services.context import Context
from meterline.services.invoices.bodies import InvoiceTerms, draft_invoice
from meterline.services.invoices.lines import item_subject, line_body
from meterline.store.documents import Body


def draft_subscription_invoice(
    ctx: Context, subscription: Body, customer: Body, terms: InvoiceTerms, lines: Sequence[Line]
) -> Body:
    """The draft of an invoice with these lines of a subscription's items."""
    items = {item["id"]: item for item in subscription["items"]["data"]}
    products = ctx.store.get_many(item["price"]["product"] for item in items.values())
    names = {product_id: document.body["name"] for product_id, document in products.items()}
    bodies = [line_body(line, item_subject(items[line.item_id], names), terms.id) for line in lines]
    return draft_invoice(terms, customer, subscription, bodies)
