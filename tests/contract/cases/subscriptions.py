"""Subscriptions and their items."""

from tests.contract.cases.table import Case, Refused, holds, missing
from tests.contract.world import DAY

CASES = {
    "Subscription.create": Case(
        lambda w: w.v1.subscriptions.create(
            {
                "customer": w.customer,
                "items": [{"price": w.price, "quantity": 2}],
                "billing_cycle_anchor_config": {"day_of_month": 31},
                "discounts": [{"coupon": w.coupon}],
                "metadata": {"own": w.own},
                "expand": ["latest_invoice", "customer"],
            }
        ),
        lambda w: {
            "object": "subscription",
            "status": "active",
            "customer.id": w.customer,
            "items.data.0.price.id": w.price,
            "items.data.0.quantity": 2,
            "latest_invoice.billing_reason": "subscription_create",
            "billing_cycle_anchor_config.day_of_month": 31,
        },
        Refused(
            lambda w: w.v1.subscriptions.create(
                {"customer": w.customer, "items": [{"price": "price_missing"}]}
            ),
            code="resource_missing",
            param="items[0][price]",
            says="No such price: 'price_missing'",
        ),
    ),
    "Subscription.retrieve": Case(
        lambda w: w.v1.subscriptions.retrieve(
            w.subscription.id, {"expand": ["items.data.price.product", "customer.subscriptions"]}
        ),
        lambda w: {
            "id": w.subscription.id,
            "items.data.0.price.product.name": "Seats",
            "customer.subscriptions.data.0.id": w.subscription.id,
        },
        missing(lambda w: w.v1.subscriptions.retrieve("sub_missing"), "subscription"),
    ),
    "Subscription.update": Case(
        lambda w: w.v1.subscriptions.update(
            w.subscription.id,
            {
                "items": [{"id": w.item, "quantity": 3}],
                "proration_behavior": "none",
                "cancel_at_period_end": True,
                "description": "Three seats",
            },
        ),
        lambda w: {
            "id": w.subscription.id,
            "items.data.0.quantity": 3,
            "cancel_at_period_end": True,
            "description": "Three seats",
        },
        Refused(
            lambda w: w.v1.subscriptions.update(
                w.subscription.id, {"items": [{"id": "si_missing", "quantity": 3}]}
            ),
            code="resource_missing",
            param="items[0][id]",
            says="si_missing",
        ),
    ),
    "Subscription.cancel": Case(
        lambda w: w.v1.subscriptions.cancel(
            w.subscription.id, {"cancellation_details": {"comment": "Bye", "feedback": "unused"}}
        ),
        lambda w: {
            "id": w.subscription.id,
            "status": "canceled",
            "cancellation_details.feedback": "unused",
            "ended_at": bool,
        },
        missing(lambda w: w.v1.subscriptions.cancel("sub_missing"), "subscription"),
    ),
    "Subscription.pause": Case(
        lambda w: w.v1.subscriptions.pause(
            w.subscription.id,
            {
                "type": "subscription",
                "bill_for": {
                    "outstanding_usage_through": {"type": "none"},
                    "unused_time_from": {"type": "none"},
                },
            },
        ),
        lambda w: {"id": w.subscription.id, "status": "paused"},
        missing(
            lambda w: w.v1.subscriptions.pause("sub_missing", {"type": "subscription"}),
            "subscription",
        ),
    ),
    "Subscription.resume": Case(
        lambda w: w.v1.subscriptions.resume(
            w.v1.subscriptions.pause(w.subscription.id, {"type": "subscription"}).id,
            {"billing_cycle_anchor": {"type": "unchanged"}},
        ),
        lambda w: {"id": w.subscription.id, "status": "active"},
        Refused(lambda w: w.v1.subscriptions.resume(w.subscription.id), says="paused"),
    ),
    "Subscription.migrate": Case(
        lambda w: w.v1.subscriptions.migrate(
            w.classic_subscription, {"billing_mode": {"type": "flexible"}}
        ),
        lambda w: {
            "id": w.classic_subscription,
            "billing_mode.type": "flexible",
            "billing_mode.updated_at": bool,
        },
        Refused(
            lambda w: w.v1.subscriptions.migrate(
                w.subscription.id, {"billing_mode": {"type": "classic"}}
            ),
            param="billing_mode[type]",
        ),
    ),
    "Subscription.deleteDiscount": Case(
        lambda w: w.v1.subscriptions.delete_discount(w.discounted_subscription),
        lambda w: {
            "object": "discount",
            "deleted": True,
            "source.coupon": w.coupon,
            "subscription": w.discounted_subscription,
        },
        Refused(
            lambda w: w.v1.subscriptions.delete_discount(w.subscription.id),
            404,
            "resource_missing",
            says="No active discount for subscription",
        ),
    ),
    "Subscription.list": Case(
        lambda w: (
            w.subscription and w.v1.subscriptions.list({"customer": w.customer, "status": "all"})
        ),
        lambda w: {"data.0.id": w.subscription.id, "url": "/v1/subscriptions"},
        Refused(lambda w: w.v1.subscriptions.list({"status": "tired"}), param="status"),
    ),
    "Subscription.search": Case(
        lambda w: (
            w.subscription and w.v1.subscriptions.search({"query": f'metadata["own"]:"{w.own}"'})
        ),
        lambda w: {"object": "search_result", "data.0.id": w.subscription.id},
        Refused(
            lambda w: w.v1.subscriptions.search({"query": "status:'active'", "page": "forged"}),
            param="page",
        ),
    ),
    "SubscriptionItem.create": Case(
        lambda w: w.v1.subscription_items.create(
            {"subscription": w.subscription.id, "price": w.price_of(300), "quantity": 4}
        ),
        lambda w: {
            "object": "subscription_item",
            "subscription": w.subscription.id,
            "quantity": 4,
            "price.unit_amount": 300,
        },
        Refused(
            lambda w: w.v1.subscription_items.create({"price": w.price}),
            code="parameter_missing",
            param="subscription",
        ),
    ),
    "SubscriptionItem.retrieve": Case(
        lambda w: w.v1.subscription_items.retrieve(w.item),
        lambda w: {"id": w.item, "price.id": w.price},
        Refused(
            lambda w: w.v1.subscription_items.retrieve("si_missing"),
            404,
            says="Invalid subscription_item id: si_missing",
        ),
    ),
    "SubscriptionItem.update": Case(
        lambda w: w.v1.subscription_items.update(
            w.item, {"quantity": 5, "proration_behavior": "none"}
        ),
        lambda w: {"id": w.item, "quantity": 5},
        Refused(
            lambda w: w.v1.subscription_items.update(w.item, {"quantity": -1}),
            code="parameter_invalid_integer",
            param="quantity",
        ),
    ),
    "SubscriptionItem.list": Case(
        lambda w: w.v1.subscription_items.list({"subscription": w.subscription.id}),
        lambda w: {
            "data": holds(w.item),
            "url": f"/v1/subscription_items?subscription={w.subscription.id}",
        },
        Refused(
            lambda w: w.v1.subscription_items.list({}),
            code="parameter_missing",
            param="subscription",
        ),
    ),
    "SubscriptionItem.del": Case(
        lambda w: w.v1.subscription_items.delete(
            w.v1.subscription_items.create(
                {"subscription": w.subscription.id, "price": w.price_of(300)}
            ).id,
            {"proration_behavior": "none", "proration_date": w.now + DAY},
        ),
        lambda w: {"object": "subscription_item", "deleted": True},
        Refused(
            lambda w: w.v1.subscription_items.delete(w.item),
            param="items",
            says="at least one item",
        ),
    ),
}
