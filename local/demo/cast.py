"""Who is in the story: the SDK's clients, the clock, and someone who listens on SNS."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import stripe

from local.aws import Stack
from local.demo.stage import wait_until


def sdk(key: str, base: str) -> stripe.StripeClient:
    """The official SDK, pointed at Meterline."""
    return stripe.StripeClient(
        key,
        base_addresses={"api": base, "meter_events": base, "files": base, "connect": base},
    )


@dataclass(frozen=True, slots=True)
class Clock:
    """A test clock."""

    client: stripe.StripeClient
    id: str

    def advance(self, to: int) -> None:
        """Advance to an instant and wait until everything on the way is done."""
        clocks = self.client.v1.test_helpers.test_clocks
        clocks.advance(self.id, {"frozen_time": to})
        wait_until("The clock advances", self._ready)

    def _ready(self) -> bool | None:
        clock = self.client.v1.test_helpers.test_clocks.retrieve(self.id)
        return True if clock.status == "ready" else None


@dataclass(frozen=True, slots=True)
class Usage:
    """One customer's usage of one meter, as the summaries tell it."""

    client: stripe.StripeClient
    meter: str
    customer: str

    def total(self, start: int, end: int) -> Decimal:
        """The usage of a range."""
        return sum(self.windows(start, end, None).values(), Decimal(0))

    def windows(self, start: int, end: int, grouping: str | None) -> dict[int, Decimal]:
        """The usage of a range in windows of an hour or a day, by the window's start."""
        params: Any = {"customer": self.customer, "start_time": start, "end_time": end}
        if grouping:
            params["value_grouping_window"] = grouping
        rows = self.client.v1.billing.meters.event_summaries.list(
            self.meter, params | {"limit": 100}
        )
        return {
            row.start_time: Decimal(str(row.aggregated_value)) for row in rows.auto_paging_iter()
        }

    def wait_for(self, total: Decimal, start: int, end: int) -> None:
        """Wait until the stream function has counted everything."""
        wait_until(
            f"The stream function counts up to {total:,}",
            lambda: True if self.total(start, end) == total else None,
        )


@dataclass(frozen=True, slots=True)
class Listener:
    """A queue that is subscribed to a topic."""

    sqs: Any
    url: str

    def messages(self) -> list[dict[str, Any]]:
        """The events that have arrived since the last look."""
        answer = self.sqs.receive_message(
            QueueUrl=self.url, MaxNumberOfMessages=10, WaitTimeSeconds=1
        )
        events = []
        for message in answer.get("Messages", []):
            self.sqs.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])
            events.append(json.loads(message["Body"]))
        return events


@contextmanager
def listening(stack: Stack, topic_arn: str) -> Iterator[Listener]:
    """Subscribe a queue to a topic for as long as the story lasts."""
    sqs, sns = stack.client("sqs"), stack.client("sns")
    url, subscription = stack.listen(topic_arn, f"demo-{time.time_ns()}", raw=True)
    try:
        yield Listener(sqs, url)
    finally:
        sns.unsubscribe(SubscriptionArn=subscription)
        sqs.delete_queue(QueueUrl=url)
