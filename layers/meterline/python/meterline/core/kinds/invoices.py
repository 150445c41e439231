"""The kinds of objects of invoices."""

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

from meterline.core.billing import pending_batches
from meterline.core.kinds.catalog import with_shown_rates
from meterline.core.kinds.divisions import COLLECTION_METHOD, Division, Facet
from meterline.core.kinds.kind import (
    Batching,
    Body,
    Edge,
    Kind,
    Link,
    LongList,
    Queue,
    Search,
    Sizes,
    Term,
    empty,
)

if TYPE_CHECKING:
    from meterline.core.base.wire import (
        CreditNote,
        Invoice,
    )

EMBEDDED_LINES = 10
"""How many lines an invoice shows inside it; the rest is a list of its own, as Stripe has it."""

PREVIEWED_LINES = 250
"""A preview has no such list."""

PREVIEW_PREFIX = "upcoming_in_"
"""With it begin the ids of previews."""

_CLOCK = Edge("test_helpers.test_clock")
_CUSTOMER = Edge("customer")
_PRICE = Edge("price")
_DISCOUNT = Edge("discount")
_CREDITED = Edge("billing.credit_balance_transaction")


def _lines_shown(invoice: "Invoice") -> int:
    return PREVIEWED_LINES if invoice["id"].startswith(PREVIEW_PREFIX) else EMBEDDED_LINES


def _emitted_credit_note(note: Body) -> Body:
    """A credit note as events show it: the percentages of its tax rates are JSON numbers."""
    lines = [with_shown_rates(line) for line in note["lines"]["data"]]
    return note | {"lines": note["lines"] | {"data": lines}}


def _credit_note_terms(note: "CreditNote") -> Iterator[Term]:
    yield "invoice", note["invoice"]


KINDS = (
    Kind(
        name="invoice",
        noun="invoice",
        id_prefix="in_",
        collection="invoices",
        edges={
            "customer": _CUSTOMER,
            "test_clock": _CLOCK,
            "parent.subscription_details.subscription": Edge("subscription"),
            "latest_revision": Edge("invoice"),
            "account_tax_ids": Edge("tax_id"),
            "discounts": _DISCOUNT,
            "total_discount_amounts.discount": _DISCOUNT,
            "total_pretax_credit_amounts.credit_balance_transaction": _CREDITED,
            "total_pretax_credit_amounts.discount": _DISCOUNT,
            "confirmation_secret": Edge("", Link.NULL),
            "lines.data": Edge("line_item", Link.PART),
            "default_tax_rates": Edge("tax_rate", Link.PART),
            "payments": Edge(
                "invoice_payment", Link.RELATED, is_only_one=True, url="/v1/invoice_payments"
            ),
        },
        empty=empty(
            whole="automatic_tax automatic_tax.liability custom_fields customer_address "
            "customer_shipping customer_shipping.address lines parent "
            "parent.subscription_details payment_settings "
            "payment_settings.payment_method_options rendering rendering.pdf "
            "shipping_details shipping_details.address status_details "
            "status_details.uncollectible status_transitions threshold_reason "
            "threshold_reason.item_reasons total_discount_amounts "
            "total_pretax_credit_amounts issuer",
            null="default_payment_method default_source application "
            "automatic_tax.liability.account on_behalf_of customer_tax_ids "
            "from_invoice issuer.account last_finalization_error "
            "parent.quote_details shipping_cost total_taxes",
            former="charge discount payment_intent quote subscription subscription_details tax "
            "total_tax_amounts transfer_data",
        ),
        division=Division(
            {
                "status": Facet(
                    {"draft": 8, "open": 8, "paid": 4, "uncollectible": 1, "void": 1},
                    lambda invoice: str(invoice["status"]),
                ),
                "collection_method": COLLECTION_METHOD,
            }
        ),
        search=Search(
            frozenset({"currency", "customer", "metadata", "number", "status"}),
            numeric=frozenset({"created", "total"}),
            owner="customer",
        ),
        emitted=partial(with_shown_rates, field="default_tax_rates"),
        queue=Queue.INVOICES,
        belongs_to_customer=True,
        long_list=LongList("lines", _lines_shown),
        sizes=Sizes(
            copied=(
                "lines",
                "default_tax_rates",
                "parent",
                "customer_address",
                "customer_email",
                "customer_name",
                "customer_phone",
                "customer_shipping",
                "customer_tax_ids",
            )
        ),
    ),
    Kind(
        name="line_item",
        noun="line item",
        id_prefix="il_",
        permission="invoices",
        edges={
            "subscription": Edge("subscription"),
            "discounts": _DISCOUNT,
            "discount_amounts.discount": _DISCOUNT,
            "pretax_credit_amounts.credit_balance_transaction": _CREDITED,
            "pretax_credit_amounts.discount": _DISCOUNT,
            "pricing.price_details.price": _PRICE,
        },
        empty=empty(
            whole="discount_amounts parent parent.invoice_item_details "
            "parent.invoice_item_details.proration_details "
            "parent.invoice_item_details.proration_details.credited_items "
            "parent.subscription_item_details "
            "parent.subscription_item_details.proration_details "
            "parent.subscription_item_details.proration_details.credited_items period "
            "pretax_credit_amounts pricing pricing.price_details",
            null="taxes",
            former="invoice_item plan price proration_details subscription_item tax_amounts "
            "tax_rates",
        ),
    ),
    Kind(
        name="invoiceitem",
        noun="Invoice Item",
        names_mode=True,
        id_prefix="ii_",
        collection="invoiceitems",
        edges={
            "customer": _CUSTOMER,
            "discounts": _DISCOUNT,
            "proration_details.discount_amounts.discount": _DISCOUNT,
            "invoice": Edge("invoice"),
            "test_clock": _CLOCK,
            "pricing.price_details.price": _PRICE,
            "tax_rates": Edge("tax_rate", Link.PART),
        },
        emitted=with_shown_rates,
        empty=empty(
            whole="invoicing_rules parent parent.subscription_details period pricing "
            "pricing.price_details proration_details proration_details.credited_items "
            "proration_details.credited_items.invoice_line_item_details "
            "proration_details.discount_amounts",
            former="plan price subscription",
        ),
        division=Division(shards=8),
        belongs_to_customer=True,
        batching=Batching(pending_batches.batch_of, pending_batches.as_billed),
    ),
    Kind(
        name=pending_batches.KIND,
        id_prefix="tab_",
        is_listed=False,
        belongs_to_customer=True,
        sizes=Sizes(is_own=True),
    ),
    Kind(
        name="invoice_payment",
        noun="invoice payment",
        id_prefix="inpay_",
        collection="invoice_payments",
        edges={"invoice": Edge("invoice")},
        empty=empty(
            whole="payment status_transitions",
            null="payment.charge payment.payment_intent payment.payment_record",
        ),
        belongs_to_customer=True,
    ),
    Kind(
        name="credit_note",
        noun="credit note",
        id_prefix="cn_",
        collection="credit_notes",
        edges={
            "customer": _CUSTOMER,
            "customer_balance_transaction": Edge("customer_balance_transaction"),
            "invoice": Edge("invoice"),
            "discount_amounts.discount": _DISCOUNT,
            "pretax_credit_amounts.credit_balance_transaction": _CREDITED,
            "pretax_credit_amounts.discount": _DISCOUNT,
            "lines.data": Edge("credit_note_line_item", Link.PART),
        },
        empty=empty(
            whole="discount_amounts lines pretax_credit_amounts refunds "
            "refunds.payment_record_refund",
            null="refunds.refund shipping_cost total_taxes",
        ),
        emitted=_emitted_credit_note,
        terms=_credit_note_terms,
        belongs_to_customer=True,
        long_list=LongList("lines", lambda _: EMBEDDED_LINES),
        sizes=Sizes(copied=("lines",)),
    ),
    Kind(
        name="credit_note_line_item",
        noun="credit note line item",
        id_prefix="cnli_",
        permission="credit_notes",
        edges={
            "discount_amounts.discount": _DISCOUNT,
            "pretax_credit_amounts.credit_balance_transaction": _CREDITED,
            "pretax_credit_amounts.discount": _DISCOUNT,
            "tax_rates": Edge("tax_rate", Link.PART),
        },
        empty=empty(
            whole="discount_amounts pretax_credit_amounts",
            null="taxes",
        ),
    ),
    Kind(name="meterline.invoice_explanation", permission="invoices"),
    Kind(name="meterline.late_usage", id_prefix="lateusg_", belongs_to_customer=True),
    Kind(
        name="latesearch",
        id_prefix="latesearch_",
        is_listed=False,
        queue=Queue.INVOICES,
        belongs_to_customer=True,
    ),
)
