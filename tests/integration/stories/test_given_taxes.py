"""Amounts of taxes that any engine has computed stand on lines as they are given."""

from typing import Any

import pytest
import stripe

from tests.integration.api.conftest import Api
from tests.integration.stories.stage import Stage
from tests.integration.stories.test_taxes import change_seats, rate, sums, taxed

STATE = {"display_name": "Sales tax", "inclusive": False, "percentage": "6.25", "state": "TX"}
CITY = {"display_name": "City tax", "inclusive": False, "percentage": "2.0"}


@pytest.fixture
def stage(api: Api) -> Stage:
    return Stage(api, "2024-01-01")


@pytest.fixture
def draft(stage: Stage) -> str:
    given = {"customer": stage.customer, "currency": "usd"}
    return str(stage.client.v1.invoices.create(given).id)


def given_tax(amount: int, on: int, said: dict[str, Any] = STATE, **more: Any) -> dict[str, Any]:
    return {"amount": amount, "taxable_amount": on, "tax_rate_data": said, **more}


def test_amounts_stand_as_they_are_given(stage: Stage, draft: str) -> None:
    reason = "portion_standard_rated"
    taxes = [given_tax(62, 990, taxability_reason=reason), given_tax(21, 1_000, CITY)]
    line = {"amount": 1_000, "description": "Help", "tax_amounts": taxes}
    invoice = stage.client.v1.invoices.add_lines(draft, {"lines": [line]})
    assert taxed(invoice) == [("Help", 1_000, [62, 21])]
    assert sums(invoice) == (1_000, 1_000, 1_000, 83, 1_083)
    first, _ = invoice.lines.data[0].taxes
    assert (first.taxability_reason, first.taxable_amount) == (reason, 990)
    final = stage.client.v1.invoices.finalize_invoice(draft)
    assert final.amount_due == 1_083


def test_the_same_words_make_one_rate_that_nobody_can_use(stage: Stage, draft: str) -> None:
    alike = STATE | {"percentage": "6.2500"}
    lines = [
        {"amount": 100, "description": "A", "tax_amounts": [given_tax(6, 100)]},
        {"amount": 200, "description": "B", "tax_amounts": [given_tax(13, 200, alike)]},
    ]
    invoice = stage.client.v1.invoices.add_lines(draft, {"lines": lines})
    (total,) = invoice.total_taxes
    assert (total.amount, total.taxable_amount) == (19, 300)
    made = stage.client.v1.tax_rates.retrieve(total.tax_rate_details.tax_rate)
    assert (made.active, made.percentage, made.state) == (False, 6.25, "TX")
    with pytest.raises(stripe.InvalidRequestError, match="inactive"):
        stage.client.v1.invoices.update(draft, {"default_tax_rates": [made.id]})


def test_lines_of_subscriptions_take_them_too(stage: Stage) -> None:
    stage.subscribe(stage.price("Seat", 1_000), collection_method="send_invoice", days_until_due=3)
    (draft,) = stage.invoices()
    (line,) = draft.lines.data
    vat = rate(stage, 20, inclusive=True)
    named = {"amount": 160, "taxable_amount": 840, "tax_rate": vat}
    change = {"lines": [{"id": line.id, "tax_amounts": [named]}]}
    changed = stage.client.v1.invoices.update_lines(draft.id, change)
    assert sums(changed) == (1_000, 840, 840, 160, 1_000)
    stage.client.v1.invoices.line_items.update(draft.id, line.id, {"tax_amounts": ""})
    assert sums(stage.client.v1.invoices.retrieve(draft.id)) == (1_000, 1_000, 1_000, 0, 1_000)


def test_rates_that_are_set_later_replace_them(stage: Stage, draft: str) -> None:
    line = {"amount": 1_000, "description": "Help", "tax_amounts": [given_tax(62, 1_000)]}
    (made,) = stage.client.v1.invoices.add_lines(draft, {"lines": [line]}).lines.data
    update = stage.client.v1.invoices.line_items.update
    assert [tax.amount for tax in update(draft, made.id, {"tax_rates": ""}).taxes] == [62]
    changed = update(draft, made.id, {"tax_rates": [rate(stage, 10)]})
    assert [tax.amount for tax in changed.taxes] == [100]


@pytest.mark.parametrize(("amount", "back"), [(194, -131), (100, -68), (0, 0)])
def test_time_that_an_engine_taxed_comes_back_with_its_share_of_the_amount(
    stage: Stage, amount: int, back: int
) -> None:
    made = stage.subscribe(
        stage.price("Seat", 3_100), collection_method="send_invoice", days_until_due=3
    )
    (draft,) = stage.invoices()
    change = {"lines": [{"id": draft.lines.data[0].id, "tax_amounts": [given_tax(amount, 3_100)]}]}
    stage.client.v1.invoices.update_lines(draft.id, change)
    stage.until("2024-01-11")
    change_seats(stage, made, 2, proration_behavior="always_invoice")
    assert taxed(stage.invoices()[-1]) == [
        ("Unused time on Seat", -2_100, [back]),
        ("Remaining time on 2 × Seat", 4_200, []),
    ]


@pytest.mark.parametrize(
    ("tax", "param"),
    [
        ({"amount": 1, "taxable_amount": 5}, None),
        ({"amount": 1, "tax_rate_data": STATE}, "taxable_amount"),
        ({"taxable_amount": 1, "tax_rate_data": STATE}, "amount"),
        (given_tax(1, 5, {"display_name": "x", "inclusive": True}), "tax_rate_data][percentage"),
        (given_tax(1, 5, STATE | {"percentage": "1.23456"}), "tax_rate_data][percentage"),
        (given_tax(1, 5, taxability_reason="whim"), "taxability_reason"),
        (given_tax(1, 5, tax_rate="txr_1"), None),
        ({"amount": 1, "taxable_amount": 5, "tax_rate": "txr_nope"}, "tax_rate"),
    ],
)
def test_wrong_amounts_are_refused_and_change_nothing(
    stage: Stage, draft: str, tax: dict[str, Any], param: str | None
) -> None:
    line = {"amount": 5, "description": "Help", "tax_amounts": [tax]}
    with pytest.raises(stripe.InvalidRequestError) as refused:
        stage.client.v1.invoices.add_lines(draft, {"lines": [line]})
    if param is not None:
        assert refused.value.param == f"lines[0][tax_amounts][0][{param}]"
    assert stage.client.v1.invoices.retrieve(draft).lines.data == []


@pytest.mark.parametrize("beside", ["line", "invoice"])
def test_rates_and_amounts_do_not_count_together(stage: Stage, draft: str, beside: str) -> None:
    line: dict[str, Any] = {"amount": 5, "tax_amounts": [given_tax(1, 5)]}
    if beside == "line":
        line["tax_rates"] = [rate(stage, 5)]
    else:
        stage.client.v1.invoices.update(draft, {"default_tax_rates": [rate(stage, 5)]})
    with pytest.raises(stripe.InvalidRequestError, match="tax_amounts"):
        stage.client.v1.invoices.add_lines(draft, {"lines": [line]})
