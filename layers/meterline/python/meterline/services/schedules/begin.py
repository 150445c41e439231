"""Beginning a schedule: the subscription of its first phase."""

from typing import TYPE_CHECKING

from meterline.core.base.frozen import frozen
from meterline.services.billing.schedule_bodies import agreed_in, attached, end_set_by, in_phase
from meterline.services.billing.subscription_bodies import subscription_document
from meterline.services.billing.unit_of_work import UnitOfWork
from meterline.services.invoices.drafting import issue_on
from meterline.services.schedules.phase_params import params_of_start
from meterline.services.subscriptions.create import Created, start_subscription

if TYPE_CHECKING:
    from meterline.core.base.wire import Invoice, SubscriptionSchedule


@frozen
class Begun:
    """A schedule in its first phase, and the first invoice of its subscription if there is one."""

    schedule: "SubscriptionSchedule"
    invoice: "Invoice | None"


def begin_on(uow: UnitOfWork, schedule: "SubscriptionSchedule") -> Begun:
    """Begin a schedule on a unit of work, as of its first phase's start or of now if that is past.

    Storing the schedule is for the caller. The first invoice stays a draft for as long as that of a
    renewal, whichever way it is collected.
    """
    begun = in_phase(schedule, schedule["phases"], 0)
    created = decide_start(uow, begun)
    if created.invoice is not None:
        issue_on(uow, created.invoice)
    begun = begun | {"subscription": created.subscription["id"]}
    subscription = attached(created.subscription, begun, uow.ctx.now)
    uow.put(subscription_document(subscription))
    uow.emit("customer.subscription.created", subscription)
    return Begun(begun, created.invoice)


def decide_start(uow: UnitOfWork, begun: "SubscriptionSchedule") -> Created:
    """Decide on the subscription of a schedule in its first phase; previews decide so too."""
    uow.agreed = agreed_in(begun)
    uow.is_scheduled = True
    params = params_of_start(begun, begun["phases"][0], uow.ctx.now)
    end = end_set_by(begun)
    if end is not None:
        params["cancel_at"] = end
    return start_subscription(uow, params)
