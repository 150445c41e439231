"""Taking the discount of a subscription away."""

from typing import TYPE_CHECKING

from meterline.core.base.errors import BillingError
from meterline.core.base.private_state import public
from meterline.services.base.context import Context
from meterline.services.base.lookups import find
from meterline.services.billing.discounts import KIND
from meterline.services.billing.subscription_bodies import subscription_document
from meterline.services.billing.unit_of_work import open_unit_of_work
from meterline.services.subscriptions.schedule_steps import check_direct_change, follow_change
from meterline.services.subscriptions.update import amend, load
from meterline.store.base.documents import Body

if TYPE_CHECKING:
    from meterline.core.base.wire import Subscription


def delete_discount(ctx: Context, subscription_id: str, params: Body) -> Body:  # noqa: ARG001 - no parameters
    """Take the discount off a subscription; the answer is the discount, as deleted.

    BillingError without a discount, and with several: only an update with ``discounts`` can say
    which one is meant.
    """
    ctx, document, customer = load(ctx, subscription_id)
    removed = find(ctx, KIND, _only_discount(document.body)).body
    uow = open_unit_of_work(ctx, customer)
    change: Body = {"discounts": []}
    check_direct_change(document.body, change, ctx.now)
    amended = amend(uow, document.body, change).subscription
    amended = follow_change(uow, document.body, amended, change)
    uow.put(subscription_document(amended, document))
    uow.emit("customer.subscription.updated", amended, document.body)
    uow.save(result_id=subscription_id)
    shown = {name: value for name, value in public(removed).items() if name != "end"}
    return shown | {"deleted": True}


def _only_discount(subscription: "Subscription") -> str:
    discounts = subscription["discounts"]
    if not discounts:
        raise BillingError(
            f"No active discount for subscription: {subscription['id']}",
            code="resource_missing",
            status=404,
        )
    if len(discounts) > 1:
        raise BillingError(
            f"The subscription {subscription['id']} has {len(discounts)} discounts. Update it with "
            "the `discounts` that it is to keep.",
        )
    return discounts[0]
