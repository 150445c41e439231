"""Usage on an invoice item that waits: the invoice that takes it has all that was counted by then.

No invoice bills it while it waits, so usage that comes late for it is not late for any of them.
"""

from collections.abc import Callable
from typing import Any

import pytest

from tests.integration.api.conftest import Api
from tests.integration.stories.stage import Stage


def resumes(stage: Stage, made: Any) -> None:
    stage.client.v1.subscriptions.resume(made.id, {"billing_cycle_anchor": "now"})


def bills_by_hand(stage: Stage, _: Any) -> None:
    given: Any = {"customer": stage.customer, "pending_invoice_items_behavior": "include"}
    stage.client.v1.invoices.create(given)


def billed(stage: Stage) -> list[int]:
    """What lines bill of usage, on all invoices."""
    lines = [line for invoice in stage.invoices() for line in invoice.lines.auto_paging_iter()]
    return [line.quantity for line in lines if "Calls (at" in line.description]


def with_usage_that_waits(api: Api) -> tuple[Stage, Any]:
    """A pause whose invoice item waits, with 7 of 12 calls counted; the others came since then."""
    stage = Stage(api, "2024-05-01", terms={"billing_mode": {"type": "flexible"}})
    made = stage.subscribe(stage.metered("Calls", stage.meter(), 10), stage.price("Seat", 100))
    stage.until("2024-05-10")
    stage.use(7)
    bill_for: Any = {"unused_time_from": {"type": "none"}}
    stage.client.v1.subscriptions.pause(made.id, {"type": "subscription", "bill_for": bill_for})
    stage.until("2024-05-20")
    stage.use(5, "2024-05-09 12:00")
    return stage, made


@pytest.mark.parametrize("taken", [resumes, bills_by_hand])
def test_the_invoice_that_takes_an_item_of_usage_has_what_came_while_it_waited(
    api: Api, taken: Callable[[Stage, Any], None]
) -> None:
    stage, made = with_usage_that_waits(api)
    taken(stage, made)
    assert billed(stage) == [12]
    (item,) = stage.client.v1.invoice_items.list({"customer": stage.customer}).data
    assert (item.quantity, item.amount) == (12, 120)


def test_a_preview_has_what_came_while_an_item_of_usage_waited(api: Api) -> None:
    stage, made = with_usage_that_waits(api)
    details: Any = {"resume_at": "now", "billing_cycle_anchor": "now"}
    asked: Any = {"subscription": made.id, "subscription_details": details}
    preview = stage.client.v1.invoices.create_preview(asked)
    assert preview.total == 120 + 100
    (item,) = stage.client.v1.invoice_items.list({"customer": stage.customer}).data
    assert item.quantity == 7
