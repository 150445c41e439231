"""``price_data``: prices that a request describes instead of naming one."""

from typing import Any

import pytest
import stripe

from tests.integration.api.conftest import Api, Client
from tests.integration.stories.stage import Stage, lines_of

_START = "2024-01-01"


@pytest.fixture
def stage(api: Api) -> Stage:
    return Stage(api, _START)


@pytest.fixture
def product(client: Client) -> str:
    return str(client.v1.products.create({"name": "Desk"}).id)


def _monthly(product: str, amount: int) -> dict[str, Any]:
    recurring = {"interval": "month"}
    return {"currency": "usd", "product": product, "recurring": recurring, "unit_amount": amount}


def _once(product: str, amount: int) -> dict[str, Any]:
    return {"currency": "usd", "product": product, "unit_amount": amount}


def test_a_subscription_item_can_bring_its_own_price(stage: Stage, product: str) -> None:
    made = stage.subscribe(items=[{"price_data": _monthly(product, 1_000), "quantity": 2}])
    price = made["items"].data[0].price
    assert (price.unit_amount, price.recurring.interval, price.product) == (1_000, "month", product)
    assert stage.invoices()[0].total == 2_000
    stage.until("2024-02-01 02:00")
    assert stage.invoices()[-1].total == 2_000


def test_an_inline_price_is_inactive_and_in_no_list(
    stage: Stage, client: Client, product: str
) -> None:
    made = stage.subscribe(items=[{"price_data": _monthly(product, 1_000)}])
    price = made["items"].data[0].price.id
    assert client.v1.prices.retrieve(price).active is False
    assert client.v1.prices.list({"product": product}).data == []
    assert client.v1.prices.list({"product": product, "active": False}).data == []
    with pytest.raises(stripe.InvalidRequestError) as refused:
        stage.subscribe(price)
    assert refused.value.param == "items[0][price]"


def test_changing_an_item_to_an_inline_price_is_prorated(stage: Stage, product: str) -> None:
    made = stage.subscribe(items=[{"price_data": _monthly(product, 3_100)}])
    item = made["items"].data[0].id
    stage.until("2024-01-11")
    changed = stage.change(made, items=[{"id": item, "price_data": _monthly(product, 6_200)}])
    assert changed["items"].data[0].price.unit_amount == 6_200
    preview = stage.preview(changed)
    assert [line.amount for line in preview.lines.data] == [-2_100, 4_200, 6_200]


def test_an_item_verb_takes_an_inline_price(stage: Stage, client: Client, product: str) -> None:
    made = stage.subscribe(stage.price("Seat", 500))
    items = client.v1.subscription_items
    added = items.create({"subscription": made.id, "price_data": _monthly(product, 700)})
    assert added.price.unit_amount == 700
    changed = items.update(added.id, {"price_data": _monthly(product, 900)})
    assert changed.price.unit_amount == 900


def test_a_subscription_takes_one_off_items_at_inline_prices(stage: Stage, product: str) -> None:
    stage.subscribe(
        stage.price("Seat", 500),
        add_invoice_items=[
            {"price_data": _once(product, 2_500), "quantity": 2},
            {"price_data": _once(product, -300), "metadata": {"why": "welcome"}},
        ],
    )
    invoice = stage.invoices()[0]
    assert sorted(line.amount for line in invoice.lines.data) == [-300, 500, 5_000]
    credit = next(line for line in invoice.lines.data if line.amount < 0)
    assert (credit.discountable, credit.metadata.to_dict()) == (False, {"why": "welcome"})


def test_a_one_off_item_can_be_for_the_period_of_the_items(stage: Stage, product: str) -> None:
    period = {"start": {"type": "max_item_period_start"}, "end": {"type": "min_item_period_end"}}
    stage.subscribe(
        stage.price("Seat", 500),
        add_invoice_items=[{"price_data": _once(product, 100), "period": period}],
    )
    assert lines_of(stage.invoices()[0])[0] == ("Desk", 100, "2024-01-01", "2024-02-01")


def test_a_preview_stores_no_price(stage: Stage, client: Client, product: str) -> None:
    made = stage.subscribe(stage.price("Seat", 500))
    preview = stage.preview(
        made,
        items=[{"price_data": _monthly(product, 1_000)}],
        proration_behavior="none",
    )
    assert preview.total == 1_500
    unknown = next(
        line.pricing.price_details.price for line in preview.lines.data if line.amount == 1_000
    )
    with pytest.raises(stripe.InvalidRequestError) as missing:
        client.v1.prices.retrieve(unknown)
    assert missing.value.code == "resource_missing"
    told = [event.type for event in client.v1.events.list({"limit": 100}).data]
    assert told.count("price.created") == 1


@pytest.mark.parametrize(
    ("wrong", "param", "code"),
    [
        ({"product": "prod_x"}, "items[0][price_data][product]", "resource_missing"),
        ({"currency": "xyz"}, "items[0][price_data][currency]", None),
        ({"unit_amount": -1}, "items[0][price_data][unit_amount]", "parameter_invalid_integer"),
        (
            {"unit_amount_decimal": "1"},
            "items[0][price_data][unit_amount]",
            "parameters_exclusive",
        ),
        (
            {"recurring": {"interval": "year", "interval_count": 4}},
            "items[0][price_data][recurring][interval_count]",
            None,
        ),
    ],
)
def test_a_wrong_inline_price_is_refused(
    stage: Stage, product: str, wrong: dict[str, Any], param: str, code: str | None
) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        stage.subscribe(items=[{"price_data": _monthly(product, 1) | wrong}])
    assert (refused.value.param, refused.value.code) == (param, code)


def test_a_price_and_price_data_exclude_each_other(stage: Stage, product: str) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        stage.subscribe(items=[{"price": "price_x", "price_data": _monthly(product, 1)}])
    assert refused.value.code == "parameters_exclusive"
    with pytest.raises(stripe.InvalidRequestError) as missing:
        stage.subscribe(items=[{"quantity": 1}])
    assert (missing.value.code, missing.value.param) == ("parameter_missing", "items[0][price]")


def test_nothing_new_is_sold_of_an_inactive_product(
    stage: Stage, client: Client, product: str
) -> None:
    client.v1.products.update(product, {"active": False})
    with pytest.raises(stripe.InvalidRequestError) as refused:
        stage.subscribe(items=[{"price_data": _monthly(product, 1)}])
    assert refused.value.code == "product_inactive"
