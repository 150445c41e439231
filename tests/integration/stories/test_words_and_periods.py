"""What a request says of usage that waits or stands on a draft, and what is billed nevertheless."""

from typing import Any

import pytest
import stripe

from tests.integration.api.conftest import Api
from tests.integration.stories.stage import Stage, at
from tests.integration.stories.test_usage_that_waits import bills_by_hand, with_usage_that_waits

ANOTHER = {"start": at("2024-04-01"), "end": at("2024-04-05")}
BACKWARDS = {"start": at("2024-04-05"), "end": at("2024-04-01")}


def waiting_item(stage: Stage) -> Any:
    (item,) = stage.client.v1.invoice_items.list({"customer": stage.customer}).data
    return item


def with_a_draft_of_usage(api: Api) -> tuple[Stage, Any, Any]:
    """A draft with a line of 7 calls; its stage, its id, and its line."""
    stage = Stage(api, "2024-05-01", terms={"billing_mode": {"type": "flexible"}})
    stage.subscribe(stage.metered("Calls", stage.meter(), 10))
    stage.until("2024-05-10")
    stage.use(7)
    stage.until("2024-06-01")
    (draft,) = stage.invoices()
    return stage, draft.id, draft.lines.data[0]


def test_a_line_of_usage_that_shows_another_period_bills_that_of_its_own(api: Api) -> None:
    stage, draft, line = with_a_draft_of_usage(api)
    invoices = stage.client.v1.invoices
    invoices.line_items.update(draft, line.id, {"period": ANOTHER})
    stage.use(5, "2024-05-20")
    final = invoices.finalize_invoice(draft)
    (billed,) = final.lines.data
    assert (billed.quantity, final.total) == (12, 120)
    assert billed.period.to_dict() == ANOTHER


def test_a_line_of_a_subscription_shows_no_period_that_ends_before_it_starts(api: Api) -> None:
    stage, draft, line = with_a_draft_of_usage(api)
    with pytest.raises(stripe.InvalidRequestError) as refused:
        stage.client.v1.invoices.line_items.update(draft, line.id, {"period": BACKWARDS})
    assert refused.value.param == "period[end]"


def test_an_item_of_usage_keeps_the_words_and_the_period_that_a_request_gave_it(api: Api) -> None:
    stage, made = with_usage_that_waits(api)
    shown: Any = {"description": "Calls as agreed", "period": ANOTHER}
    stage.client.v1.invoice_items.update(waiting_item(stage).id, shown)
    bills_by_hand(stage, made)
    (line,) = stage.invoices()[-1].lines.data
    assert (line.quantity, line.amount, line.description) == (12, 120, "Calls as agreed")
    assert line.period.to_dict() == ANOTHER


def test_an_amount_that_is_agreed_for_usage_on_a_draft_stands(api: Api) -> None:
    stage, made = with_usage_that_waits(api)
    bills_by_hand(stage, made)
    draft, item = stage.invoices()[-1], waiting_item(stage)
    items = stage.client.v1.invoice_items
    items.update(item.id, {"amount": 500, "description": "Agreed"})
    items.update(item.id, {"metadata": {"by": "phone"}})
    final = stage.client.v1.invoices.finalize_invoice(draft.id)
    kept = waiting_item(stage)
    assert (kept.amount, kept.quantity, kept.description) == (500, 1, "Agreed")
    assert final.total == 500
