"""Loading what a request names, or refusing it in the contract's words."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal, TypedDict, Unpack, overload

from meterline.core.base.errors import BillingError, no_such
from meterline.core.kinds.registry import kind_of
from meterline.services.base.context import Context
from meterline.store.base.documents import Document

if TYPE_CHECKING:
    from meterline.core.base.wire import (
        Alert,
        Coupon,
        CreditGrant,
        CreditNote,
        Customer,
        CustomerBalanceTransaction,
        Discount,
        Feature,
        Invoice,
        InvoiceItem,
        Meter,
        Price,
        Product,
        ProductFeature,
        PromotionCode,
        Subscription,
        SubscriptionSchedule,
        TaxId,
        TaxRate,
        TestClock,
        WebhookEndpoint,
    )


class Naming(TypedDict, total=False):
    """What a refusal says of an id: the parameter that holds it, and the status."""

    param: str
    status: int | None


@overload
def find(
    ctx: Context, kind: Literal["customer"], object_id: str, /, **naming: Unpack[Naming]
) -> "Document[Customer]": ...
@overload
def find(
    ctx: Context, kind: Literal["invoice"], object_id: str, /, **naming: Unpack[Naming]
) -> "Document[Invoice]": ...
@overload
def find(
    ctx: Context, kind: Literal["subscription"], object_id: str, /, **naming: Unpack[Naming]
) -> "Document[Subscription]": ...
@overload
def find(
    ctx: Context,
    kind: Literal["subscription_schedule"],
    object_id: str,
    /,
    **naming: Unpack[Naming],
) -> "Document[SubscriptionSchedule]": ...
@overload
def find(
    ctx: Context, kind: Literal["invoiceitem"], object_id: str, /, **naming: Unpack[Naming]
) -> "Document[InvoiceItem]": ...
@overload
def find(
    ctx: Context, kind: Literal["discount"], object_id: str, /, **naming: Unpack[Naming]
) -> "Document[Discount]": ...
@overload
def find(
    ctx: Context, kind: Literal["coupon"], object_id: str, /, **naming: Unpack[Naming]
) -> "Document[Coupon]": ...
@overload
def find(
    ctx: Context, kind: Literal["tax_id"], object_id: str, /, **naming: Unpack[Naming]
) -> "Document[TaxId]": ...
@overload
def find(
    ctx: Context, kind: Literal["tax_rate"], object_id: str, /, **naming: Unpack[Naming]
) -> "Document[TaxRate]": ...
@overload
def find(
    ctx: Context, kind: Literal["price"], object_id: str, /, **naming: Unpack[Naming]
) -> "Document[Price]": ...
@overload
def find(
    ctx: Context, kind: Literal["credit_note"], object_id: str, /, **naming: Unpack[Naming]
) -> "Document[CreditNote]": ...
@overload
def find(
    ctx: Context, kind: Literal["promotion_code"], object_id: str, /, **naming: Unpack[Naming]
) -> "Document[PromotionCode]": ...
@overload
def find(
    ctx: Context, kind: Literal["product"], object_id: str, /, **naming: Unpack[Naming]
) -> "Document[Product]": ...
@overload
def find(
    ctx: Context, kind: Literal["entitlements.feature"], object_id: str, /, **naming: Unpack[Naming]
) -> "Document[Feature]": ...
@overload
def find(
    ctx: Context, kind: Literal["product_feature"], object_id: str, /, **naming: Unpack[Naming]
) -> "Document[ProductFeature]": ...
@overload
def find(
    ctx: Context,
    kind: Literal["customer_balance_transaction"],
    object_id: str,
    /,
    **naming: Unpack[Naming],
) -> "Document[CustomerBalanceTransaction]": ...
@overload
def find(
    ctx: Context, kind: Literal["billing.meter"], object_id: str, /, **naming: Unpack[Naming]
) -> "Document[Meter]": ...
@overload
def find(
    ctx: Context, kind: Literal["billing.credit_grant"], object_id: str, /, **naming: Unpack[Naming]
) -> "Document[CreditGrant]": ...
@overload
def find(
    ctx: Context, kind: Literal["billing.alert"], object_id: str, /, **naming: Unpack[Naming]
) -> "Document[Alert]": ...
@overload
def find(
    ctx: Context,
    kind: Literal["test_helpers.test_clock"],
    object_id: str,
    /,
    **naming: Unpack[Naming],
) -> "Document[TestClock]": ...
@overload
def find(
    ctx: Context, kind: Literal["webhook_endpoint"], object_id: str, /, **naming: Unpack[Naming]
) -> "Document[WebhookEndpoint]": ...
@overload
def find(ctx: Context, kind: str, object_id: str, /, **naming: Unpack[Naming]) -> Document: ...
def find(
    ctx: Context, kind: str, object_id: str, /, *, param: str = "id", status: int | None = None
) -> Document:
    """The stored object of this kind; a missing, deleted or other object is refused.

    Stripe calls some ids in a path by another name than ``id``: then ``status`` is 404.
    """
    document = ctx.store.get(object_id)
    if document is None or document.kind != kind or document.body.get("deleted"):
        record = kind_of(kind)
        more = f"(livemode={str(ctx.livemode).lower()})" if record.names_mode else ""
        raise no_such(record.noun, object_id, param=param, status=status, more=more)
    return document


def customer_of(
    ctx: Context, owned: "Document[Invoice] | Document[CreditGrant]"
) -> "Document[Customer]":
    """The customer of an invoice or a credit grant, which outlive it: a deleted one says no more
    than that.
    """
    customer: Document[Customer] | None = ctx.store.get(owned.body["customer"])
    assert customer is not None, "an invoice's customer is never removed"  # noqa: S101
    return customer


def on_customers_time(
    ctx: Context, customer: "Document[Customer] | Document[CreditGrant] | Document[Invoice]"
) -> Context:
    """``ctx`` at the time of the customer, or of what it has: its test clock's, if it is on one.

    While the clock advances, changes are refused, as they would fall somewhere in between.
    """
    clock_id = customer.body.get("test_clock")
    if clock_id is None:
        return ctx
    clock = find(ctx, "test_helpers.test_clock", clock_id, param="test_clock")
    if clock.body["status"] == "advancing":
        raise BillingError(
            "Test clock advancement underway - cannot perform modifications. Wait until the clock"
            f" {clock_id} is ready.",
            code="rate_limit",
            status=429,
        )
    return ctx.at(clock.body["frozen_time"])


def customers_now(ctx: Context, customer: "Customer") -> int:
    """The time of a customer, also while its test clock advances."""
    clock_id = customer.get("test_clock")
    if clock_id is None:
        return ctx.now
    clock = find(ctx, "test_helpers.test_clock", clock_id, param="test_clock")
    frozen_time: int = clock.body["frozen_time"]
    return frozen_time


def check_named_once(requested: Sequence[Mapping[str, object]], name: str, param: str) -> None:
    """Refuse a list of which two entries name one object: what it bills or takes off counts once.

    ``name`` is the field that names it, ``param`` the list's name, for refusals.
    """
    named: set[object] = set()
    for index, entry in enumerate(requested):
        object_id = entry.get(name)
        if object_id in named:
            raise BillingError(f"{object_id} is named twice.", param=f"{param}[{index}][{name}]")
        if object_id is not None:
            named.add(object_id)
