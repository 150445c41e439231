"""Where a story is told: a customer on a test clock, seen through the real SDK."""

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from meterline.store.work.queues import DueMessage
from tests.factories.params import meter_params
from tests.handlers import load_handler
from tests.integration.api.conftest import Api, Client
from tests.integration.metering.worlds import deliver

type Row = tuple[Any, ...]

STEP_SECONDS = 28 * 86_400


def at(text: str) -> int:
    """UTC seconds of "2024-01-31" or "2024-01-31 12:00"."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


def day(instant: int) -> str:
    """The day of an instant, with the time of day if that is not midnight."""
    text = datetime.fromtimestamp(instant, UTC).strftime("%Y-%m-%d %H:%M")
    return text.removesuffix(" 00:00")


@dataclass
class Stage:
    """A customer on a clock that stands at ``start``, and what is sold to it."""

    api: Api
    start: str
    currency: str = "usd"
    terms: dict[str, Any] = field(default_factory=dict)
    """What every subscription gets unless it is given otherwise."""
    client: Client = field(init=False)
    clock: str = field(init=False)
    customer: str = field(init=False)
    now: int = field(init=False)

    def __post_init__(self) -> None:
        self.client = self.api.client()
        self.now = at(self.start)
        clocks = self.client.v1.test_helpers.test_clocks
        self.clock = clocks.create({"frozen_time": self.now}).id
        self.customer = self.client.v1.customers.create({"test_clock": self.clock}).id

    def price(self, name: str, amount: int | str = 0, **params: Any) -> str:
        """A recurring price, monthly unless ``interval`` says otherwise."""
        recurring = {"interval": params.pop("interval", "month")}
        recurring |= {"interval_count": params.pop("interval_count", 1)}
        recurring |= params.pop("recurring", {})
        has_terms = {"tiers", "percentage"} & {*params, *params.get("meterline", ())}
        priced = {} if has_terms else {"unit_amount_decimal": str(amount)}
        given = {
            "currency": self.currency,
            "product_data": {"name": name},
            "recurring": recurring,
            **priced,
            **params,
        }
        if "product" in given:
            del given["product_data"]
        return str(self.client.v1.prices.create(given).id)

    def meter(self, name: str = "calls", formula: str = "sum", **more: Any) -> str:
        """A meter for events of this name."""
        given = meter_params(self._event_name(name), formula, **more)
        return str(self.client.v1.billing.meters.create(given).id)

    def _event_name(self, meter: str) -> str:
        """A name of this stage alone: functions remember which meter has which name."""
        return f"{meter}_{self.customer}"

    def metered(self, name: str, meter: str, amount: int | str = 0, **params: Any) -> str:
        """A price for the usage of a meter."""
        recurring = {"usage_type": "metered", "meter": meter}
        return self.price(name, amount, recurring=recurring, **params)

    def subscribe(self, *prices: str, **params: Any) -> Any:
        """A subscription to these prices, one of each."""
        items = params.pop("items", [{"price": price} for price in prices])
        return self.client.v1.subscriptions.create(
            {"customer": self.customer, "items": items, **self.terms, **params}
        )

    def change(self, subscription: Any, **params: Any) -> Any:
        """Update a subscription."""
        return self.client.v1.subscriptions.update(subscription.id, params)

    def preview(self, subscription: Any, **details: Any) -> Any:
        """The next invoice, after a change if one is described."""
        params: dict[str, Any] = {"subscription": subscription.id}
        if details:
            params["subscription_details"] = details
        return self.client.v1.invoices.create_preview(params)

    def use(
        self, value: int | str, when: str | None = None, meter: str = "calls", **more: str
    ) -> str:
        """Usage of the customer, now or at an instant, counted at once; ``more`` is payload.

        Returns the identifier of the event.
        """
        event = self.client.v1.billing.meter_events.create(
            {
                "event_name": self._event_name(meter),
                "payload": {"stripe_customer_id": self.customer, "value": str(value), **more},
                "timestamp": self.now if when is None else at(when),
            }
        )
        deliver(self.api.engine)
        return str(event.identifier)

    def take_back(self, identifier: str, meter: str = "calls") -> None:
        """Cancel an event, which is counted at once."""
        self.client.v1.billing.meter_event_adjustments.create(
            {
                "type": "cancel",
                "event_name": self._event_name(meter),
                "cancel": {"identifier": identifier},
            }
        )
        deliver(self.api.engine)

    def until(self, text: str) -> None:
        """Let time pass up to an instant, in steps that the clock allows."""
        target = at(text)
        while self.now < target:
            self.now = min(target, self.now + STEP_SECONDS)
            self.client.v1.test_helpers.test_clocks.advance(self.clock, {"frozen_time": self.now})
            self.work_on_clock()

    def work_on_clock(self) -> None:
        """Let the worker do what the clock asks for: advance, or be buried."""
        message = DueMessage(livemode=False, kind="test_helpers.test_clock", object_id=self.clock)
        record = {"messageId": "1", "body": message.text()}
        answer = load_handler("advance_test_clocks")({"Records": [record]}, None)
        assert answer == {"batchItemFailures": []}

    def invoices(self) -> list[Any]:
        """The customer's invoices, oldest first."""
        listed = self.client.v1.invoices.list({"customer": self.customer, "limit": 100})
        return list(reversed(list(listed.auto_paging_iter())))

    def uow(self) -> list[Row]:
        """All invoices as rows: day, reason, status, what is due, and their lines."""
        return [
            (
                day(invoice.created),
                invoice.billing_reason.removeprefix("subscription_"),
                invoice.status,
                invoice.amount_due,
                lines_of(invoice),
            )
            for invoice in self.invoices()
        ]

    def totals(self) -> list[Row]:
        """All invoices in short: day and total."""
        return [(day(invoice.created), invoice.total) for invoice in self.invoices()]


def lines_of(invoice: Any) -> list[Row]:
    """The lines of an invoice: what, how much, from when until when."""
    return [
        (short(line.description), line.amount, day(line.period.start), day(line.period.end))
        for line in invoice.lines.auto_paging_iter()
    ]


def short(description: str) -> str:
    """A description without the unit price and the day that prorations name."""
    return re.sub(r" \((at|Tier \d+ at) .*\)$| after \d\d \w{3} \d{4}$", "", description)
