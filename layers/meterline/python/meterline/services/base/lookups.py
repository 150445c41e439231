"""Loading what a request names, or refusing it in the contract's words."""

from meterline.core.base.errors import BillingError, no_such
from meterline.core.kinds.registry import kind_of
from meterline.services.base.context import Context
from meterline.store.base.documents import Document


def find(
    ctx: Context, kind: str, object_id: str, *, param: str = "id", status: int | None = None
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


def customer_of(ctx: Context, invoice: Document) -> Document:
    """The customer of an invoice, which outlives it: a deleted one says no more than that."""
    customer = ctx.store.get(invoice.body["customer"])
    assert customer is not None, "an invoice's customer is never removed"  # noqa: S101
    return customer


def on_customers_time(ctx: Context, customer: Document) -> Context:
    """``ctx`` at the time of the customer, or of its invoice: its test clock's, if it is on one.

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
