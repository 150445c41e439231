"""The kinds of objects of subscriptions."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from meterline.core.catalog.plans import plan_with_tiers
from meterline.core.kinds.catalog import with_shown_rates
from meterline.core.kinds.divisions import COLLECTION_METHOD, Division, Facet
from meterline.core.kinds.kind import Body, Edge, Kind, Link, Queue, Search, Term, empty

if TYPE_CHECKING:
    from meterline.core.base.wire import (
        Subscription,
    )


def _only_plan(subscription: Body) -> Body:
    """The ``plan`` and ``quantity`` of a subscription: those of its item, if it has just one."""
    items = subscription["items"]["data"]
    only = items[0] if len(items) == 1 else {}
    return {"plan": dict(only["plan"]) if only else None, "quantity": only.get("quantity")}


def _emitted(subscription: Body) -> Body:
    """A subscription as events show it."""
    items = [with_shown_rates(item) for item in subscription["items"]["data"]]
    listed = subscription["items"] | {"data": items}
    shown = with_shown_rates(subscription | {"items": listed}, "default_tax_rates")
    return shown | _only_plan(subscription)


def _emitted_schedule(schedule: Body) -> Body:
    """A schedule as events show it."""
    phases = []
    for phase in schedule["phases"]:
        parts = {
            name: [with_shown_rates(part) for part in phase[name]]
            for name in ("add_invoice_items", "items")
        }
        phases.append(with_shown_rates(phase | parts, "default_tax_rates"))
    return schedule | {"phases": phases}


def _embed_only_plan(subscription: Body, _now: int) -> None:
    """Give a subscription the ``plan`` and ``quantity`` of its item, if it has just one."""
    subscription.update(_only_plan(subscription))


def _embed_plan(item: Body, _now: int) -> None:
    """Give a subscription item the ``plan`` that old integrations read: its price, respelt."""
    if isinstance(item.get("price"), dict) and item["price"].get("recurring"):
        item["plan"] = plan_with_tiers(item["price"])


def _subscription_terms(subscription: "Subscription") -> Iterator[Term]:
    """Prices together with the status: those of a price that run are not behind those that ended.

    A renewal changes neither, so it writes none.
    """
    for item in subscription["items"]["data"]:
        yield "price", item["price"]["id"], subscription["status"]


KINDS = (
    Kind(
        name="subscription",
        noun="subscription",
        id_prefix="sub_",
        collection="subscriptions",
        edges={
            "customer": Edge("customer"),
            "discounts": Edge("discount"),
            "invoice_settings.account_tax_ids": Edge("tax_id"),
            "latest_invoice": Edge("invoice"),
            "schedule": Edge("subscription_schedule"),
            "test_clock": Edge("test_helpers.test_clock"),
            "items.data": Edge("subscription_item", Link.PART),
            "default_tax_rates": Edge("tax_rate", Link.EMBEDDED),
            "plan": Edge("plan", Link.PART),
        },
        empty=empty(
            whole="automatic_tax automatic_tax.liability billing_cycle_anchor_config billing_mode "
            "billing_mode.flexible billing_thresholds cancellation_details invoice_settings "
            "invoice_settings.custom_fields invoice_settings.issuer items managed_payments "
            "pause_collection payment_settings payment_settings.payment_method_options "
            "pending_invoice_item_interval status_details status_details.paused "
            "status_details.paused.subscription trial_settings trial_settings.end_behavior",
            null="default_payment_method default_source application "
            "automatic_tax.liability.account on_behalf_of billing_schedules "
            "cancellation_details.feedback_option "
            "invoice_settings.issuer.account "
            "pending_setup_intent pending_update presentment_details transfer_data",
            former="discount",
        ),
        answered=_embed_only_plan,
        emitted=_emitted,
        division=Division(
            {
                "status": Facet(
                    {
                        "active": 4,
                        "canceled": 4,
                        "incomplete": 1,
                        "incomplete_expired": 1,
                        "past_due": 4,
                        "paused": 1,
                        "trialing": 4,
                        "unpaid": 1,
                    },
                    lambda subscription: str(subscription["status"]),
                ),
                "collection_method": COLLECTION_METHOD,
            }
        ),
        search=Search(frozenset({"customer", "metadata", "status"}), owner="customer"),
        terms=_subscription_terms,
        queue=Queue.RENEWALS,
        belongs_to_customer=True,
    ),
    Kind(
        name="subscription_item",
        noun="subscription item",
        id_prefix="si_",
        collection="subscription_items",
        permission="subscriptions",
        edges={
            "discounts": Edge("discount"),
            "price": Edge("price", Link.EMBEDDED),
            "plan": Edge("plan", Link.PART),
            "tax_rates": Edge("tax_rate", Link.EMBEDDED),
        },
        empty=empty(whole="billing_thresholds", null="current_trial"),
        answered=_embed_plan,
        emitted=with_shown_rates,
    ),
    Kind(
        name="subscription_schedule",
        noun="subscription schedule",
        id_prefix="sub_sched_",
        collection="subscription_schedules",
        edges={
            "customer": Edge("customer"),
            "subscription": Edge("subscription"),
            "test_clock": Edge("test_helpers.test_clock"),
            "phases.items.price": Edge("price"),
            "phases.add_invoice_items.price": Edge("price"),
            "phases.add_invoice_items.tax_rates": Edge("tax_rate", Link.EMBEDDED),
            "phases.default_tax_rates": Edge("tax_rate", Link.EMBEDDED),
            "phases.items.tax_rates": Edge("tax_rate", Link.EMBEDDED),
            **{
                f"phases.{holder}discounts.{name}": Edge(name)
                for holder in ("", "items.", "add_invoice_items.")
                for name in ("coupon", "discount", "promotion_code")
            },
        },
        empty=empty(
            whole="billing_mode billing_mode.flexible current_phase default_settings "
            "default_settings.automatic_tax default_settings.billing_thresholds "
            "default_settings.invoice_settings default_settings.invoice_settings.custom_fields "
            "default_settings.invoice_settings.issuer phases phases.add_invoice_items "
            "phases.add_invoice_items.discounts phases.add_invoice_items.period "
            "phases.add_invoice_items.period.end phases.add_invoice_items.period.start "
            "phases.automatic_tax phases.billing_thresholds phases.discounts "
            "phases.invoice_settings phases.invoice_settings.custom_fields "
            "phases.invoice_settings.issuer phases.items phases.items.billing_thresholds "
            "phases.items.discounts phases.items.plan",
            null="application default_settings.automatic_tax.liability "
            "default_settings.default_payment_method default_settings.on_behalf_of "
            "default_settings.transfer_data pause_schedules phases.default_payment_method "
            "phases.automatic_tax.liability phases.on_behalf_of phases.transfer_data",
            former="phases.coupon",
        ),
        emitted=_emitted_schedule,
        division=Division(
            {
                "status": Facet(
                    {
                        "active": 1,
                        "canceled": 1,
                        "completed": 1,
                        "not_started": 1,
                        "released": 1,
                    },
                    lambda schedule: str(schedule["status"]),
                )
            }
        ),
        queue=Queue.RENEWALS,
        belongs_to_customer=True,
    ),
    Kind(
        name="discount",
        noun="discount",
        id_prefix="di_",
        permission="coupons",
        edges={
            "customer": Edge("customer"),
            "promotion_code": Edge("promotion_code"),
            "source.coupon": Edge("coupon"),
        },
        empty=empty(whole="source", former="coupon"),
        belongs_to_customer=True,
    ),
)
