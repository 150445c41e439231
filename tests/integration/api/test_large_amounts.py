"""Amounts: bounded where a request names them, and nowhere else, so that no bill gets stuck."""

from typing import Any

import pytest
import stripe

from tests.integration.api.conftest import Api, Client
from tests.integration.stories.stage import Stage

MOST = 99_999_999_999


@pytest.fixture
def stage(api: Api) -> Stage:
    return Stage(api, "2024-01-01")


@pytest.fixture
def dear(stage: Stage) -> str:
    return stage.price("Seat", MOST)


def once(client: Client, amount: int = MOST) -> str:
    given = {"currency": "usd", "unit_amount": amount, "product_data": {"name": "Set-up"}}
    return str(client.v1.prices.create(given).id)


def refusal(call: Any) -> tuple[int, str, str]:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        call()
    error = refused.value
    return error.http_status or 0, error.code or "", error.param or ""


def too_large(param: str) -> tuple[int, str, str]:
    return 400, "amount_too_large", param


@pytest.mark.parametrize("verb", ["create", "update", "swap", "preview"])
def test_licences_are_bounded_by_what_they_cost_together(
    stage: Stage, dear: str, verb: str
) -> None:
    running = stage.subscribe(stage.price("Small", 1))
    item = running["items"].data[0].id
    twice = {"price": dear, "quantity": 2}
    calls = {
        "create": lambda: stage.subscribe(items=[twice]),
        "update": lambda: stage.change(running, items=[twice]),
        "swap": lambda: stage.change(running, items=[{"id": item, **twice}]),
        "preview": lambda: stage.preview(running, items=[twice]),
    }
    assert refusal(calls[verb]) == too_large("items[0][quantity]")
    assert stage.subscribe(items=[twice | {"quantity": 1}]).status == "active"


def test_tiers_are_bounded_by_what_they_come_to(stage: Stage) -> None:
    tiers = [{"up_to": 1, "flat_amount": MOST}, {"up_to": "inf", "unit_amount": 1}]
    price = stage.price("Seat", tiers=tiers, tiers_mode="graduated", billing_scheme="tiered")
    stage.subscribe(items=[{"price": price, "quantity": 1}])
    wrong = refusal(lambda: stage.subscribe(items=[{"price": price, "quantity": 2}]))
    assert wrong == too_large("items[0][quantity]")


@pytest.mark.parametrize("sign", [1, -1])
def test_items_are_bounded_by_quantity_times_amount(stage: Stage, sign: int) -> None:
    items = stage.client.v1.invoice_items
    given: dict[str, Any] = {"customer": stage.customer, "currency": "usd"}
    dear = {"unit_amount_decimal": str(sign * MOST)}
    assert items.create(given | dear).amount == sign * MOST
    wrong = refusal(lambda: items.create(given | dear | {"quantity": 2}))
    assert wrong == too_large("quantity")
    small = items.create(given | {"amount": sign, "quantity": 1})
    wrong = refusal(lambda: items.update(small.id, dear | {"quantity": 2}))
    assert wrong == too_large("quantity")


def test_charges_for_once_are_bounded_by_quantity_times_price(stage: Stage) -> None:
    price, monthly = once(stage.client), stage.price("Seat", 1)
    wanted = [{"price": price, "quantity": 2}]
    wrong = refusal(lambda: stage.subscribe(monthly, add_invoice_items=wanted))
    assert wrong == too_large("add_invoice_items[0][price]")
    draft = stage.client.v1.invoices.create({"customer": stage.customer, "currency": "usd"})
    line: Any = {"pricing": {"price": price}, "quantity": 2}
    wrong = refusal(lambda: stage.client.v1.invoices.add_lines(draft.id, {"lines": [line]}))
    assert wrong == too_large("lines[0][pricing][price]")


def test_a_contract_in_rupiah_is_downgraded_and_billed(api: Api) -> None:
    """176 billion minor units are 110,000 dollars; the credit stands on the balance."""
    stage = Stage(api, "2024-01-01", currency="idr")
    seats = {"price": stage.price("Seat", 1_760_000_000), "quantity": 100}
    subscription = stage.subscribe(items=[seats])
    stage.until("2024-01-02")
    item = subscription["items"].data[0].id
    stage.change(subscription, items=[{"id": item, "quantity": 1}])
    stage.until("2024-02-02")
    renewal = stage.invoices()[-1]
    assert renewal.status == "paid"
    assert renewal.ending_balance == renewal.total < -MOST
    customer = stage.client.v1.customers.retrieve(stage.customer)
    assert customer.balance == renewal.ending_balance


def test_credits_of_any_size_are_booked_and_given_back(stage: Stage) -> None:
    client = stage.client
    draft = client.v1.invoices.create({"customer": stage.customer, "currency": "usd"})
    line = {"customer": stage.customer, "currency": "usd", "invoice": draft.id, "amount": -MOST}
    for _ in range(3):
        client.v1.invoice_items.create(line)
    assert client.v1.invoices.finalize_invoice(draft.id).ending_balance == -3 * MOST
    adjustments = client.v1.customers.balance_transactions
    further = {"amount": -1, "currency": "usd"}
    wrong = refusal(lambda: adjustments.create(stage.customer, further))
    assert wrong == too_large("amount")
    back = adjustments.create(stage.customer, {"amount": MOST, "currency": "usd"})
    assert back.ending_balance == -2 * MOST


def test_usage_of_any_amount_is_billed(stage: Stage) -> None:
    price = stage.metered("Calls", stage.meter(), MOST)
    stage.subscribe(price)
    stage.use(1_000, "2024-01-01")
    stage.until("2024-02-02")
    last = stage.invoices()[-1]
    assert (last.status, last.amount_due) == ("open", 1_000 * MOST)


def test_a_credit_is_exact_however_its_price_is_given(stage: Stage) -> None:
    """The product has 34 digits and lies just below a half: a thread's decimals would round it."""
    client, unit = stage.client, "-1.000000000003"
    charged: dict[str, Any] = {
        "customer": stage.customer,
        "quantity_decimal": "55555555556.333333333331",
        "currency": "usd",
    }
    product = client.v1.products.create({"name": "Credit"}).id
    data = {"currency": "usd", "product": product, "unit_amount_decimal": unit}
    plain = client.v1.invoice_items.create({**charged, "unit_amount_decimal": unit})
    priced = client.v1.invoice_items.create({**charged, "price_data": data})
    assert (plain.amount, priced.amount) == (-55_555_555_556,) * 2
