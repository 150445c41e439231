"""Moving a subscription from classic to flexible billing; there is no way back."""

from typing import TYPE_CHECKING

from meterline.core.base.errors import BillingError
from meterline.services.base.context import Context
from meterline.services.billing.subscription_bodies import (
    FLEXIBLE_MODE,
    is_ended,
    subscription_document,
)
from meterline.services.billing.unit_of_work import open_unit_of_work
from meterline.services.subscriptions.schedule_steps import follow_change
from meterline.services.subscriptions.update import load
from meterline.store.base.documents import Body

if TYPE_CHECKING:
    from meterline.core.base.wire import Subscription


def migrate_subscription(ctx: Context, subscription_id: str, params: Body) -> "Subscription":  # noqa: ARG001 - there is one mode to migrate to
    """Bill a classic subscription flexibly from now on; former invoices stay as they are.

    BillingError for a subscription that has ended or is flexible already.
    """
    ctx, document, customer = load(ctx, subscription_id)
    classic = document.body
    if is_ended(classic):
        raise BillingError(
            "A canceled subscription cannot be migrated.",
            code="invalid_canceled_subscription_fields",
        )
    if classic["billing_mode"]["type"] == FLEXIBLE_MODE["type"]:
        raise BillingError(
            f"The subscription {subscription_id} has the billing mode flexible already.",
            param="billing_mode[type]",
        )
    flexible = classic | {"billing_mode": FLEXIBLE_MODE | {"updated_at": ctx.now}}
    uow = open_unit_of_work(ctx, customer)
    flexible = follow_change(uow, classic, flexible, {})
    uow.put(subscription_document(flexible, document))
    uow.emit("customer.subscription.updated", flexible, classic)
    uow.save(result_id=subscription_id)
    return flexible
