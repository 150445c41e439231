"""Products, prices and meters through the official SDK."""

from decimal import Decimal
from typing import Any

import pytest
import stripe

from meterline.core.metering.aggregation import Formula
from tests.factories.params import meter_params
from tests.integration.api.conftest import Api, Client

METERED = {"interval": "month", "usage_type": "metered"}


def _meter(client: Client, event_name: str = "tokens") -> Any:
    return client.v1.billing.meters.create(meter_params(event_name))


def test_a_meter_has_the_documented_defaults(client: Client) -> None:
    meter = _meter(client)
    assert meter.id.startswith("mtr_test_")
    assert meter.status == "active"
    assert meter.customer_mapping.event_payload_key == "stripe_customer_id"
    assert meter.value_settings.event_payload_key == "value"
    assert client.v1.billing.meters.retrieve(meter.id) == meter


def _meter_with(client: Client, formula: str) -> Any:
    return client.v1.billing.meters.create(meter_params("tokens", formula))


@pytest.mark.parametrize("formula", [*Formula])
def test_a_meter_combines_events_by_its_formula(client: Client, formula: str) -> None:
    assert _meter_with(client, formula).default_aggregation.formula == formula


def test_a_meter_has_no_other_formula(client: Client) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        _meter_with(client, "median")
    assert refused.value.param == "default_aggregation[formula]"


def test_an_event_name_belongs_to_one_meter(client: Client) -> None:
    _meter(client)
    with pytest.raises(stripe.InvalidRequestError) as refused:
        _meter(client)
    assert refused.value.param == "event_name"
    assert refused.value.http_status == 400


def test_a_meter_is_deactivated_and_reactivated(client: Client) -> None:
    meter = _meter(client)
    stopped = client.v1.billing.meters.deactivate(meter.id)
    assert stopped.status == "inactive"
    assert stopped.status_transitions.deactivated_at is not None
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.billing.meters.deactivate(meter.id)
    assert refused.value.code == "status_transition_invalid"
    assert [m.id for m in client.v1.billing.meters.list({"status": "inactive"})] == [meter.id]
    assert client.v1.billing.meters.reactivate(meter.id).status_transitions.deactivated_at is None
    renamed = client.v1.billing.meters.update(meter.id, {"display_name": "Words"})
    assert renamed.display_name == "Words"


@pytest.mark.parametrize(
    ("given", "unit_amount", "unit_amount_decimal"),
    [
        ({"unit_amount": 2000}, 2000, "2000"),
        ({"unit_amount_decimal": "0.05"}, None, "0.05"),
        ({"unit_amount_decimal": "12.00"}, 12, "12"),
        ({"unit_amount_decimal": "0.000000000001"}, None, "0.000000000001"),
    ],
)
def test_a_unit_amount_is_told_in_both_spellings_where_it_is_whole(
    client: Client,
    given: dict[str, Any],
    unit_amount: int | None,
    unit_amount_decimal: str,
) -> None:
    price = client.v1.prices.create({"currency": "usd", "product_data": {"name": "Gold"}, **given})
    assert price.unit_amount == unit_amount
    assert price.unit_amount_decimal == Decimal(unit_amount_decimal)
    assert price.type == "one_time"


def test_tiers_are_shown_only_when_expanded(client: Client) -> None:
    meter = _meter(client)
    created = client.v1.prices.create(
        {
            "currency": "usd",
            "product_data": {"name": "API"},
            "recurring": {**METERED, "meter": meter.id},
            "billing_scheme": "tiered",
            "tiers_mode": "graduated",
            "tiers": [
                {"up_to": 1000, "unit_amount": 2},
                {"up_to": "inf", "unit_amount_decimal": "0.5", "flat_amount": 100},
            ],
        }
    )
    assert "tiers" not in created
    price = client.v1.prices.retrieve(created.id, {"expand": ["tiers", "product"]})
    assert price.product.name == "API"
    assert [tier.up_to for tier in price.tiers] == [1000, None]
    assert [tier.unit_amount for tier in price.tiers] == [2, None]
    assert price.tiers[1].flat_amount == 100
    listed = client.v1.prices.list({"expand": ["data.tiers"]}).data[0]
    assert len(listed.tiers) == 2


@pytest.mark.parametrize(
    ("wrong", "param"),
    [
        ({"recurring": METERED, "unit_amount": 1}, None),
        ({"unit_amount": 1, "unit_amount_decimal": "1"}, "unit_amount"),
        ({}, None),
        ({"unit_amount": -1}, "unit_amount"),
        ({"unit_amount": 1, "currency": "zzz"}, "currency"),
        (
            {"unit_amount": 1, "recurring": {"interval": "month", "interval_count": 37}},
            "recurring[interval_count]",
        ),
        (
            {
                "recurring": {"interval": "month"},
                "billing_scheme": "tiered",
                "tiers_mode": "volume",
                "tiers": [{"up_to": 5, "unit_amount": 1}],
            },
            "tiers[0][up_to]",
        ),
        (
            {
                "recurring": {"interval": "month"},
                "billing_scheme": "tiered",
                "tiers_mode": "volume",
                "tiers": [
                    {"up_to": 5, "unit_amount": 1},
                    {"up_to": 5, "unit_amount": 1},
                    {"up_to": "inf", "unit_amount": 1},
                ],
            },
            "tiers[1][up_to]",
        ),
        ({"unit_amount": 1, "product": "prod_missing", "product_data": None}, "product"),
        (
            {"unit_amount": 1, "custom_unit_amount": {"enabled": True}},
            "custom_unit_amount[enabled]",
        ),
    ],
)
def test_a_wrong_price_is_refused_naming_the_parameter(
    client: Client, wrong: dict[str, Any], param: str | None
) -> None:
    given = {"currency": "usd", "product_data": {"name": "X"}} | wrong
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.prices.create({key: value for key, value in given.items() if value is not None})
    assert refused.value.param == param
    assert refused.value.http_status == 400
    assert client.v1.prices.list().data == []
    assert client.v1.products.list().data == []


def test_a_lookup_key_moves_only_when_told_to(client: Client) -> None:
    product = client.v1.products.create({"name": "Plan"})
    gold = {"currency": "eur", "product": product.id, "unit_amount": 5, "lookup_key": "gold"}
    first = client.v1.prices.create(gold)
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.prices.create(gold)
    assert refused.value.param == "lookup_key"
    second = client.v1.prices.create(gold | {"transfer_lookup_key": True})
    assert client.v1.prices.retrieve(first.id).lookup_key is None
    assert [p.id for p in client.v1.prices.list({"lookup_keys": ["gold"]})] == [second.id]
    renamed = client.v1.prices.update(second.id, {"lookup_key": "platinum", "nickname": "P"})
    assert (renamed.lookup_key, renamed.nickname) == ("platinum", "P")
    assert client.v1.prices.create(gold).lookup_key == "gold"


def test_a_product_is_made_with_its_default_price(client: Client) -> None:
    product = client.v1.products.create(
        {
            "name": "Seat",
            "default_price_data": {
                "currency": "usd",
                "unit_amount": 900,
                "recurring": {"interval": "year"},
            },
            "expand": ["default_price"],
        }
    )
    assert product.default_price.unit_amount == 900
    assert product.default_price.recurring.interval == "year"
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.products.delete(product.id)


def test_a_product_changes_and_goes(client: Client) -> None:
    product = client.v1.products.create(
        {"id": "seat", "name": "Seat", "description": "One", "metadata": {"a": "1", "b": "2"}}
    )
    changed = client.v1.products.update(
        product.id, {"description": "", "metadata": {"a": "", "c": "3"}, "active": False}
    )
    assert changed.description is None
    assert changed.metadata.to_dict() == {"b": "2", "c": "3"}
    assert client.v1.products.list({"active": True}).data == []
    assert client.v1.products.delete("seat").deleted
    with pytest.raises(stripe.InvalidRequestError) as missing:
        client.v1.products.retrieve("seat")
    assert missing.value.http_status == 404
    with pytest.raises(stripe.InvalidRequestError) as taken:
        client.v1.products.create({"id": "seat", "name": "Again"})
    assert taken.value.code == "resource_already_exists"


def test_an_inactive_meter_takes_no_new_prices(api: Api) -> None:
    client = api.client()
    meter = _meter(client)
    client.v1.billing.meters.deactivate(meter.id)
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.prices.create(
            {
                "currency": "usd",
                "product_data": {"name": "X"},
                "unit_amount": 1,
                "recurring": {**METERED, "meter": meter.id},
            }
        )
    assert refused.value.param == "recurring[meter]"


@pytest.mark.parametrize(
    ("resource", "params"),
    [("coupons", {"percent_off": 10}), ("products", {"name": "P"})],
)
@pytest.mark.parametrize(
    "own_id",
    ["settings", "in_0VbbTYy3o4ZlCnBlm5vKosWW", "mtr_test_0VbbTYy3o4ZlCnBlm5vKosWW", "claim#a#b"],
)
def test_an_id_of_the_caller_s_choice_is_never_that_of_something_else(
    client: Client, resource: str, params: dict[str, Any], own_id: str
) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        getattr(client.v1, resource).create({"id": own_id, **params})
    assert refused.value.param == "id"


@pytest.mark.parametrize("own_id", ["shelves", "in_store10", "prod_NWjs8kKbJWmuuc", "roster"])
def test_other_ids_are_the_caller_s(client: Client, own_id: str) -> None:
    assert client.v1.products.create({"id": own_id, "name": "P"}).id == own_id
    assert client.v1.events.list({"type": "product.created"}).data[0].data.object["id"] == own_id


def test_what_stands_in_keys_beside_ids_is_no_id(client: Client) -> None:
    given = meter_params("m")
    client.v1.billing.meters.create(given)
    inner = "claim#meter_event_name#m"
    assert client.v1.products.list({"ids": [inner]}).data == []
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.products.retrieve(inner)
    assert refused.value.http_status == 404


def test_a_lookup_key_that_no_price_can_have_finds_none(client: Client) -> None:
    assert client.v1.prices.list({"lookup_keys": ["é" * 5_000, "a#b"]}).data == []


def test_recurring_prices_are_listed_as_plans_too(client: Client) -> None:
    product = client.v1.products.create({"name": "Seats"}).id
    other = client.v1.products.create({"name": "Other"}).id
    monthly = {"currency": "usd", "unit_amount": 700, "recurring": {"interval": "month"}}
    price = client.v1.prices.create({**monthly, "product": product}).id
    client.v1.prices.create({**monthly, "product": other})
    once = client.v1.prices.create({"currency": "usd", "unit_amount": 700, "product": product}).id
    assert [plan.id for plan in client.v1.plans.list({"product": product})] == [price]
    assert len(client.v1.plans.list({"active": True})) == 2
    shown = client.v1.plans.list({"product": product, "expand": ["data.product"]}).data[0]
    assert (shown.object, shown.amount, shown.product.id) == ("plan", 700, product)
    with pytest.raises(stripe.InvalidRequestError, match="No such plan"):
        client.v1.plans.retrieve(once)
    with pytest.raises(stripe.InvalidRequestError, match="create or change a price"):
        client.v1.plans.create({"currency": "usd", "interval": "month", "product": product})
