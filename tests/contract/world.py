"""Objects to try operations on, made through the SDK when first asked for."""

import json
import secrets
import time
from collections.abc import Callable
from functools import cached_property
from typing import Any

from tests.factories.params import meter_params

DAY = 86_400


class World:
    """One test's own objects behind an SDK client; those it does not ask for are never made."""

    def __init__(self, client: Any, with_key: Callable[..., Any]) -> None:
        self.client = client
        self.v1 = client.v1
        self.v2 = client.v2
        self.with_key = with_key
        """A client with another key."""
        self.own = secrets.token_hex(6)
        """A word that nobody else uses."""
        self.now = int(time.time())
        """A moment before anything of this world happens."""

    def raw(self, method: str, path: str, **params: Any) -> Any:
        """The answer to a call that the SDK has no method for."""
        return json.loads(self.client.raw_request(method, path, **params).body)

    @cached_property
    def streamer(self) -> Any:
        """A client with the token of a stream session."""
        session = self.v2.billing.meter_event_session.create()
        return self.with_key(session.authentication_token, max_network_retries=2)

    @cached_property
    def clock(self) -> str:
        return str(self.v1.test_helpers.test_clocks.create({"frozen_time": self.now}).id)

    @cached_property
    def customer(self) -> str:
        return str(self.v1.customers.create({"name": "Ada", "metadata": {"own": self.own}}).id)

    @cached_property
    def transaction(self) -> str:
        made = self.v1.customers.balance_transactions.create(
            self.customer, {"amount": -500, "currency": "usd"}
        )
        return str(made.id)

    def grant_of(self, value: int, **more: Any) -> str:
        """A new grant of billing credits in dollars, for all metered prices."""
        amount = {"type": "monetary", "monetary": {"currency": "usd", "value": value}}
        scope = {"scope": {"price_type": "metered"}}
        wanted = {"customer": self.customer, "amount": amount, "applicability_config": scope}
        return str(self.v1.billing.credit_grants.create({**wanted, **more}).id)

    @cached_property
    def grant(self) -> str:
        return self.grant_of(1_000)

    @cached_property
    def units(self) -> str:
        """A new grant of 250.5 units of the meter."""
        units = {"id": self.meter.id, "value": "250.5"}
        amount = {"type": "custom_pricing_unit", "custom_pricing_unit": units}
        return self.grant_of(0, amount=amount)

    @cached_property
    def granted(self) -> str:
        """The entry of the ledger by which the grant was made."""
        listed = self.v1.billing.credit_balance_transactions.list({"credit_grant": self.grant})
        return str(listed.data[0].id)

    @cached_property
    def top_up(self) -> str:
        """A rule that tops up billing credits, and has made its first invoice."""
        wanted = {"amount": 1_000, "currency": "usd", "threshold": 1}
        made = self.raw("post", "/v1/meterline/credit_top_ups", customer=self.customer, **wanted)
        return str(made["id"])

    @cached_property
    def product(self) -> str:
        return str(self.v1.products.create({"name": "Seats", "metadata": {"own": self.own}}).id)

    @cached_property
    def promotion_code(self) -> str:
        promotion = {"type": "coupon", "coupon": self.coupon}
        return str(self.v1.promotion_codes.create({"promotion": promotion, "code": self.own}).id)

    @cached_property
    def feature(self) -> str:
        made = self.v1.entitlements.features.create({"name": "Export", "lookup_key": self.own})
        return str(made.id)

    @cached_property
    def product_feature(self) -> str:
        """The feature, attached to the product."""
        wanted = {"entitlement_feature": self.feature}
        return str(self.v1.products.features.create(self.product, wanted).id)

    @cached_property
    def entitlement(self) -> str:
        """What the customer may do, as a subscription to the product has the feature."""
        assert self.product_feature
        assert self.subscription
        entitlements = self.v1.entitlements.active_entitlements
        return str(entitlements.list({"customer": self.customer}).data[0].id)

    def price_of(self, amount: int, **more: Any) -> str:
        """A new monthly price in dollars."""
        wanted = {"product": self.product, "currency": "usd", "unit_amount": amount}
        recurring = {"interval": "month", **more}
        made = self.v1.prices.create({**wanted, "recurring": recurring})
        return str(made.id)

    @cached_property
    def price(self) -> str:
        return self.price_of(1_000)

    @cached_property
    def coupon(self) -> str:
        return str(self.v1.coupons.create({"percent_off": 25, "duration": "forever"}).id)

    @cached_property
    def tax_id(self) -> str:
        wanted = {"type": "gb_vat", "value": "GB123456789"}
        return str(self.v1.customers.tax_ids.create(self.customer, wanted).id)

    @cached_property
    def account_tax_id(self) -> str:
        wanted = {"type": "gb_vat", "value": "GB123456789"}
        return str(self.v1.tax_ids.create(wanted).id)

    @cached_property
    def tax_rate(self) -> str:
        """20 % on top of prices."""
        wanted = {"display_name": "VAT", "inclusive": False, "percentage": 20}
        return str(self.v1.tax_rates.create(wanted).id)

    @cached_property
    def second_price(self) -> str:
        return self.price_of(300)

    @cached_property
    def meter(self) -> Any:
        return self.v1.billing.meters.create(meter_params(f"calls_{self.own}"))

    def event(self, **fields: Any) -> dict[str, Any]:
        """A meter event of the customer's."""
        payload = {"stripe_customer_id": self.customer, "value": "3"}
        return {"event_name": self.meter.event_name, "payload": payload, **fields}

    @cached_property
    def sent(self) -> str:
        """The identifier of an event that was accepted."""
        identifier = f"event-{self.own}"
        self.v1.billing.meter_events.create(self.event(identifier=identifier))
        return identifier

    @cached_property
    def alert(self) -> str:
        threshold = {"meter": self.meter.id, "gte": 100, "recurrence": "one_time"}
        made = self.v1.billing.alerts.create(
            {"alert_type": "usage_threshold", "title": "Much", "usage_threshold": threshold}
        )
        return str(made.id)

    def subscribe(self, **more: Any) -> Any:
        """A new subscription of the customer's."""
        items = [{"price": self.price}]
        return self.v1.subscriptions.create({"customer": self.customer, "items": items, **more})

    @cached_property
    def subscription(self) -> Any:
        return self.subscribe(metadata={"own": self.own})

    @cached_property
    def schedule(self) -> Any:
        """A schedule that begins tomorrow."""
        phases = [{"items": [{"price": self.price}]}]
        start = self.v1.customers.retrieve(self.customer).created + DAY
        return self.v1.subscription_schedules.create(
            {"customer": self.customer, "start_date": start, "phases": phases}
        )

    @cached_property
    def scheduled_subscription_schedule(self) -> str:
        """The schedule of the subscription."""
        wanted = {"from_subscription": self.subscription.id}
        return str(self.v1.subscription_schedules.create(wanted).id)

    @cached_property
    def classic_subscription(self) -> str:
        return str(self.subscribe(billing_mode={"type": "classic"}).id)

    @cached_property
    def discounted_subscription(self) -> str:
        return str(self.subscribe(discounts=[{"coupon": self.coupon}]).id)

    @cached_property
    def discounted_customer(self) -> str:
        return str(self.v1.customers.create({"coupon": self.coupon}).id)

    @cached_property
    def item(self) -> str:
        return str(self.subscription["items"].data[0].id)

    @cached_property
    def invoice_item(self) -> str:
        made = self.v1.invoice_items.create(
            {"customer": self.customer, "amount": 700, "currency": "usd"}
        )
        return str(made.id)

    @cached_property
    def draft(self) -> str:
        """A draft of 7 dollars."""
        assert self.invoice_item
        made = self.v1.invoices.create(
            {
                "customer": self.customer,
                "pending_invoice_items_behavior": "include",
                "metadata": {"own": self.own},
            }
        )
        return str(made.id)

    @cached_property
    def line(self) -> str:
        """The only line of the draft."""
        return str(self.v1.invoices.line_items.list(self.draft).data[0].id)

    @cached_property
    def open_invoice(self) -> str:
        return str(self.v1.invoices.finalize_invoice(self.draft).id)

    @cached_property
    def credit_note(self) -> str:
        """A note that takes one cent of the open invoice back."""
        wanted = {"invoice": self.open_invoice, "amount": 1}
        return str(self.v1.credit_notes.create(wanted).id)

    @cached_property
    def send_invoice(self) -> str:
        """A draft that is to be sent."""
        terms = {"collection_method": "send_invoice", "days_until_due": 30}
        return str(self.v1.invoices.update(self.draft, terms).id)

    @cached_property
    def one_time_price(self) -> str:
        made = self.v1.prices.create(
            {"product": self.product, "currency": "usd", "unit_amount": 500}
        )
        return str(made.id)

    @cached_property
    def endpoint(self) -> str:
        made = self.v1.webhook_endpoints.create(
            {"url": "https://example.com/hook", "enabled_events": ["invoice.paid"]}
        )
        return str(made.id)

    def destination_params(self, **more: Any) -> dict[str, Any]:
        """What a destination for thin events is created with."""
        return {
            "name": "Mine",
            "type": "webhook_endpoint",
            "event_payload": "thin",
            "enabled_events": ["v1.invoice.paid"],
            "webhook_endpoint": {"url": "https://example.com/thin"},
            **more,
        }

    @cached_property
    def destination(self) -> str:
        return str(self.v2.core.event_destinations.create(self.destination_params()).id)

    @cached_property
    def told(self) -> Any:
        """The event of a customer's creation."""
        assert self.customer
        found = self.v1.events.list({"type": "customer.created", "limit": 10})
        return next(one for one in found.data if one.data.object.id == self.customer)

    @cached_property
    def thin(self) -> str:
        """The id of the same event in v2."""
        found = self.v2.core.events.list({"object_id": self.told.data.object.id})
        return str(found.data[0].id)
