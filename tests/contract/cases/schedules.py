"""Subscription schedules."""

from tests.contract.cases.table import Case, Refused, holds, missing

_MISSING = "subscription schedule"

CASES = {
    "SubscriptionSchedule.create": Case(
        lambda w: w.v1.subscription_schedules.create(
            {
                "customer": w.customer,
                "start_date": "now",
                "end_behavior": "cancel",
                "metadata": {"own": w.own},
                "phases": [
                    {
                        "items": [{"price": w.price, "quantity": 2}],
                        "duration": {"interval": "month", "interval_count": 2},
                        "discounts": [{"coupon": w.coupon}],
                        "add_invoice_items": [{"price": w.one_time_price}],
                    },
                    {
                        "items": [{"price": w.second_price}],
                        "duration": {"interval": "year"},
                        "proration_behavior": "none",
                        "billing_cycle_anchor": "phase_start",
                        "collection_method": "send_invoice",
                        "invoice_settings": {"days_until_due": 30},
                        "description": "The second phase",
                    },
                ],
                "expand": ["subscription", "phases.items.price"],
            }
        ),
        lambda w: {
            "object": "subscription_schedule",
            "status": "active",
            "end_behavior": "cancel",
            "phases.0.items.0.price.id": w.price,
            "phases.0.items.0.quantity": 2,
            "phases.1.proration_behavior": "none",
            "phases.1.invoice_settings.days_until_due": 30,
            "subscription.status": "active",
        },
        Refused(
            lambda w: w.v1.subscription_schedules.create(
                {"customer": w.customer, "phases": [{"items": [{"price": "price_missing"}]}]}
            ),
            code="resource_missing",
            param="phases[0][items][0][price]",
            says="No such price: 'price_missing'",
        ),
    ),
    "SubscriptionSchedule.retrieve": Case(
        lambda w: w.v1.subscription_schedules.retrieve(w.schedule.id, {"expand": ["customer"]}),
        lambda w: {"id": w.schedule.id, "customer.id": w.customer},
        missing(lambda w: w.v1.subscription_schedules.retrieve("sub_sched_missing"), _MISSING),
    ),
    "SubscriptionSchedule.list": Case(
        lambda w: (
            w.schedule
            and w.v1.subscription_schedules.list({"customer": w.customer, "scheduled": True})
        ),
        lambda w: {"data": holds(w.schedule.id), "data.0.status": "not_started"},
        Refused(
            lambda w: w.v1.subscription_schedules.list({"starting_after": "sub_sched_missing"}),
            code="resource_missing",
            param="starting_after",
        ),
    ),
    "SubscriptionSchedule.update": Case(
        lambda w: w.v1.subscription_schedules.update(
            w.schedule.id,
            {
                "phases": [
                    {
                        "items": [{"price": w.second_price}],
                        "start_date": "now",
                        "duration": {"interval": "month"},
                    }
                ],
                "default_settings": {"description": "A trial year"},
            },
        ),
        lambda w: {
            "id": w.schedule.id,
            "status": "active",
            "default_settings.description": "A trial year",
            "phases.0.items.0.price": w.second_price,
        },
        missing(lambda w: w.v1.subscription_schedules.update("sub_sched_missing", {}), _MISSING),
    ),
    "SubscriptionSchedule.cancel": Case(
        lambda w: w.v1.subscription_schedules.cancel(w.schedule.id, {"prorate": False}),
        lambda w: {"id": w.schedule.id, "status": "canceled", "canceled_at": bool},
        missing(lambda w: w.v1.subscription_schedules.cancel("sub_sched_missing"), _MISSING),
    ),
    "SubscriptionSchedule.release": Case(
        lambda w: w.v1.subscription_schedules.release(w.scheduled_subscription_schedule),
        lambda w: {
            "status": "released",
            "subscription": None,
            "released_subscription": w.subscription.id,
        },
        missing(lambda w: w.v1.subscription_schedules.release("sub_sched_missing"), _MISSING),
    ),
}
