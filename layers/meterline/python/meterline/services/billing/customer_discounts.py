"""The discount of a customer, for what has none of its own.

Stripe let customers have one up to API version 2025-02-24, by the parameters ``coupon`` and
``promotion_code``, which older SDKs still send; since then it shows it and takes it away.
"""

from typing import TYPE_CHECKING

from meterline.core.base.errors import BillingError
from meterline.core.base.private_state import public
from meterline.services.base.context import Context
from meterline.services.base.lookups import find, on_customers_time
from meterline.services.billing.redemption import Purchase, redeem_one
from meterline.services.billing.unit_of_work import UnitOfWork, open_unit_of_work
from meterline.services.customers.customers import KIND, changed_customer, new_customer
from meterline.store.base.documents import Body

if TYPE_CHECKING:
    from meterline.core.base.wire import Customer

DISCOUNTS = ("coupon", "promotion_code")
"""The parameters that give a customer a discount; empty, they take it away."""


def create_discounted(ctx: Context, params: Body) -> "Customer":
    """Create a customer with the discount that the request asks for."""
    new = new_customer(ctx, params)
    uow = open_unit_of_work(new.ctx, new.document)
    for document in new.change.puts:
        uow.put(document)
    for document in new.change.checks:
        uow.check(document)
    for claim in new.change.claims:
        uow.claim(claim, new.refusal)
    _exchange(uow, params)
    for event in reversed(new.events[1:]):
        uow.emit_first(event.type, event.subject)
    uow.emit_first("customer.created", uow.customer)
    uow.put_first(new.document)
    uow.save(result_id=new.document.id)
    return uow.customer


def update_discounted(ctx: Context, customer_id: str, params: Body) -> "Customer":
    """Change a customer and its discount: another one instead, or none."""
    document = find(ctx, KIND, customer_id)
    ctx = on_customers_time(ctx, document)
    changed = changed_customer(ctx, document.body, params)
    uow = open_unit_of_work(ctx, document)
    uow.customer = changed.body
    for adjustment in changed.adjustments:
        uow.put(adjustment)
    for claim in changed.claims:
        uow.claim(claim, changed.refusal)
    _exchange(uow, params)
    if uow.customer != document.body:
        uow.emit("customer.updated", uow.customer, document.body)
    uow.save(result_id=customer_id)
    return uow.customer


def delete_discount(ctx: Context, customer_id: str, params: Body) -> Body:  # noqa: ARG001 - no parameters
    """Take the discount off a customer; the answer is the discount, as deleted.

    BillingError without one that counts.
    """
    document = find(ctx, KIND, customer_id)
    ctx = on_customers_time(ctx, document)
    removed = document.body["discount"]
    if removed is None or (removed["end"] is not None and removed["end"] <= ctx.now):
        raise BillingError(
            f"No active discount for customer: {customer_id}",
            code="resource_missing",
            status=404,
        )
    uow = open_unit_of_work(ctx, document)
    _exchange(uow, {"coupon": ""})
    uow.emit("customer.updated", uow.customer, document.body)
    uow.save(result_id=customer_id)
    shown = {name: value for name, value in public(removed).items() if name != "end"}
    return shown | {"deleted": True}


def _exchange(uow: UnitOfWork, params: Body) -> None:
    """Give the customer the discount that a request asks for, in place of the one it has."""
    name = next(name for name in DISCOUNTS if name in params)
    former, discount = uow.customer["discount"], None
    if params[name]:
        purchase = Purchase(uow.customer["currency"], 0, {})
        discount = redeem_one(uow, {name: params[name]}, purchase)
    uow.customer = uow.customer | {"discount": discount}
    if discount is None:
        if former is not None:
            uow.emit("customer.discount.deleted", former)
    elif former is None:
        uow.emit("customer.discount.created", discount)
    else:
        uow.emit("customer.discount.updated", discount, former)
