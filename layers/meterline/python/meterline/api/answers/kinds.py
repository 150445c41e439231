"""What each kind of object is to the wire: its permission, its links, what it hides.

An edge leads from a field (a dotted path inside the body, ``[]`` never written: lists are walked
through) to another kind of object.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from meterline.core.catalog.redemption import is_redeemable
from meterline.services.base.outbox import only_plan
from meterline.services.base.wire_numbers import wire_number
from meterline.services.catalog.plans import plan_with_tiers
from meterline.services.invoices.payments import payment_id
from meterline.store.base.documents import EMBEDDED_LINES, first_lines

_PREVIEWED_LINES = 250

type Body = dict[str, Any]


class Link(Enum):
    """How a field holds the other object."""

    REFERENCE = "reference"
    """An id, or a list of ids; the object takes its place when expanded."""
    EMBEDDED = "embedded"
    """Always the whole object, as it is now, whatever was stored."""
    PART = "part"
    """An object that lives inside this one."""
    RELATED = "related"
    """Absent until expanded: the list of the objects that belong to this one."""
    EMPTY_LIST = "empty_list"
    """The same, of what can never exist here."""
    NULL = "null"
    """Absent until expanded, and then null."""


@dataclass(frozen=True, slots=True)
class Edge:
    """A field that leads to an object of ``kind``."""

    kind: str
    link: Link = Link.REFERENCE
    ids: Callable[[str], list[str]] | None = None
    """The ids of related objects, if they follow from that of the object they belong to."""
    url: str = ""
    """Where related objects are listed, if that is not under the object they belong to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of object. ``hidden`` fields are stored but shown only when expanded; ``complete``
    adds what follows from the rest of the body.
    """

    permission: str
    edges: Mapping[str, Edge] = field(default_factory=dict)
    hidden: tuple[str, ...] = ()
    complete: Callable[[Body], None] | None = None


def _embed_plan(item: Body) -> None:
    """Give a subscription item the ``plan`` that old integrations read: its price, respelt."""
    price = item.get("price")
    if isinstance(price, dict) and price.get("recurring"):
        item["plan"] = plan_with_tiers(price)


def _embed_only_plan(subscription: Body) -> None:
    """Give a subscription the ``plan`` and ``quantity`` of its item, if it has just one."""
    subscription.update(only_plan(subscription))


def _judge_coupon(coupon: Body) -> None:
    """Say whether a coupon can be redeemed now; that changes without anyone touching it."""
    limits = {name: coupon[name] for name in ("redeem_by", "max_redemptions", "times_redeemed")}
    coupon["valid"] = is_redeemable(int(time.time()), **limits)
    coupon["percent_off"] = wire_number(coupon["percent_off"])


def _say_undelivered(endpoint: Body) -> None:
    """Say that nothing is sent to it yet, whatever its ``status`` asks for."""
    endpoint["meterline"] = {"delivers": False}


def _embed_lines(invoice: Body) -> None:
    """Show the first lines of a long invoice; the rest is a list. A preview has no such list."""
    is_preview = invoice["id"].startswith("upcoming_in_")
    invoice.update(first_lines(invoice, _PREVIEWED_LINES if is_preview else EMBEDDED_LINES))


_CLOCK = Edge("test_helpers.test_clock")
_CUSTOMER = Edge("customer")
_PRICE = Edge("price")
_DISCOUNT = Edge("discount")
_NOTHING = Edge("", Link.NULL)
_NO_OBJECTS = Edge("", Link.EMPTY_LIST)

KINDS: Mapping[str, Kind] = {
    "billing.alert": Kind(
        permission="billing_alerts",
        edges={
            "usage_threshold.meter": Edge("billing.meter"),
            "usage_threshold.filters.customer": _CUSTOMER,
        },
    ),
    "billing.meter": Kind(permission="billing_meters"),
    "coupon": Kind(
        permission="coupons", hidden=("applies_to", "currency_options"), complete=_judge_coupon
    ),
    "meterline.invoice_explanation": Kind(permission="invoices"),
    "meterline.settings": Kind(permission="meterline_settings"),
    "customer": Kind(
        permission="customers",
        edges={
            "test_clock": _CLOCK,
            "subscriptions": Edge("subscription", Link.RELATED),
            "cash_balance": _NOTHING,
            "sources": _NO_OBJECTS,
            "tax_ids": _NO_OBJECTS,
        },
        hidden=("invoice_credit_balance",),
    ),
    "customer_balance_transaction": Kind(
        permission="customers", edges={"customer": _CUSTOMER, "invoice": Edge("invoice")}
    ),
    "discount": Kind(
        permission="coupons",
        edges={"customer": _CUSTOMER, "source.coupon": Edge("coupon")},
    ),
    "event": Kind(permission="events"),
    "invoice": Kind(
        permission="invoices",
        edges={
            "customer": _CUSTOMER,
            "test_clock": _CLOCK,
            "parent.subscription_details.subscription": Edge("subscription"),
            "latest_revision": Edge("invoice"),
            "discounts": _DISCOUNT,
            "total_discount_amounts.discount": _DISCOUNT,
            "total_pretax_credit_amounts.discount": _DISCOUNT,
            "confirmation_secret": _NOTHING,
            "lines.data": Edge("line_item", Link.PART),
            "payments": Edge(
                "invoice_payment",
                Link.RELATED,
                ids=lambda invoice_id: [payment_id(invoice_id)],
                url="/v1/invoice_payments",
            ),
        },
        complete=_embed_lines,
    ),
    "invoice_payment": Kind(permission="invoice_payments", edges={"invoice": Edge("invoice")}),
    "invoiceitem": Kind(
        permission="invoiceitems",
        edges={
            "customer": _CUSTOMER,
            "discounts": _DISCOUNT,
            "proration_details.discount_amounts.discount": _DISCOUNT,
            "invoice": Edge("invoice"),
            "test_clock": _CLOCK,
            "pricing.price_details.price": _PRICE,
        },
    ),
    "line_item": Kind(
        permission="invoices",
        edges={
            "subscription": Edge("subscription"),
            "discounts": _DISCOUNT,
            "discount_amounts.discount": _DISCOUNT,
            "pretax_credit_amounts.discount": _DISCOUNT,
            "pricing.price_details.price": _PRICE,
        },
    ),
    "plan": Kind(permission="plans", edges={"product": Edge("product")}, hidden=("tiers",)),
    "price": Kind(
        permission="prices",
        edges={"product": Edge("product")},
        hidden=("tiers", "currency_options"),
    ),
    "product": Kind(permission="products", edges={"default_price": _PRICE}),
    "subscription": Kind(
        permission="subscriptions",
        edges={
            "customer": _CUSTOMER,
            "discounts": _DISCOUNT,
            "latest_invoice": Edge("invoice"),
            "test_clock": _CLOCK,
            "items.data": Edge("subscription_item", Link.PART),
            "plan": Edge("plan", Link.PART),
        },
        complete=_embed_only_plan,
    ),
    "subscription_item": Kind(
        permission="subscriptions",
        edges={
            "discounts": _DISCOUNT,
            "price": Edge("price", Link.EMBEDDED),
            "plan": Edge("plan", Link.PART),
        },
        complete=_embed_plan,
    ),
    "test_helpers.test_clock": Kind(permission="test_helpers_test_clocks"),
    "webhook_endpoint": Kind(permission="webhook_endpoints", complete=_say_undelivered),
}
"""Every kind that an operation answers with, or that an edge leads to."""
