"""Features and the products that have them, through the official SDK."""

from typing import Any

import pytest
import stripe

from meterline.services.account.api_keys import create_key
from meterline.services.base.workers import worker_context
from meterline.services.billing.limited_features import attach_feature
from meterline.services.catalog.features import create_feature
from tests.factories.params import meter_params, price_params
from tests.integration.api.conftest import Api, Client


def _feature(client: Client, key: str = "export", **more: Any) -> Any:
    return client.v1.entitlements.features.create({"name": key, "lookup_key": key, **more})


def _product(client: Client) -> str:
    return str(client.v1.products.create({"name": "Pro"}).id)


def _attach(client: Client, product: str, feature: str) -> Any:
    return client.v1.products.features.create(product, {"entitlement_feature": feature})


def _archive(client: Client, feature: str) -> Any:
    return client.v1.entitlements.features.update(feature, {"active": False})


def test_a_feature_has_the_documented_shape(client: Client) -> None:
    made = _feature(client, metadata={"kind": "file"})
    assert made.id.startswith("feat_test_")
    assert made.to_dict() == {
        "id": made.id,
        "object": "entitlements.feature",
        "active": True,
        "livemode": False,
        "lookup_key": "export",
        "metadata": {"kind": "file"},
        "name": "export",
    }
    assert client.v1.entitlements.features.retrieve(made.id) == made


def test_a_lookup_key_is_free_again_once_its_feature_is_archived(client: Client) -> None:
    first = _feature(client)
    with pytest.raises(stripe.InvalidRequestError, match="lookup_key export already exists"):
        _feature(client)
    assert _archive(client, first.id).active is False
    second = _feature(client)
    listed = client.v1.entitlements.features.list({"lookup_key": "export"})
    assert [one.id for one in listed] == [second.id]
    archived = client.v1.entitlements.features.list({"lookup_key": "export", "archived": True})
    assert [one.id for one in archived] == [first.id]


@pytest.mark.parametrize("change", [{"active": True}, {"name": "Other"}])
def test_an_archived_feature_stays_as_it_is(client: Client, change: dict[str, Any]) -> None:
    made = _feature(client)
    _archive(client, made.id)
    with pytest.raises(stripe.InvalidRequestError, match="archived"):
        client.v1.entitlements.features.update(made.id, change)


def test_lists_have_active_features_unless_archived_ones_are_asked_for(client: Client) -> None:
    ids = [_feature(client, key).id for key in ("a", "b", "c")]
    _archive(client, ids[1])
    features = client.v1.entitlements.features
    assert {one.id for one in features.list()} == {ids[0], ids[2]}
    assert [one.id for one in features.list({"archived": True})] == [ids[1]]
    paged = features.list({"limit": 1})
    assert len(list(paged.auto_paging_iter())) == 2


def test_a_product_has_a_feature_once(client: Client) -> None:
    product, feature = _product(client), _feature(client)
    made = _attach(client, product, feature.id)
    assert made.id.startswith("prodft_")
    assert made.entitlement_feature == feature
    with pytest.raises(stripe.InvalidRequestError) as refused:
        _attach(client, product, feature.id)
    assert refused.value.code == "resource_already_exists"
    client.v1.products.features.delete(product, made.id)
    assert list(client.v1.products.features.list(product)) == []
    assert _attach(client, product, feature.id).id != made.id


def test_an_attachment_shows_its_feature_as_it_is_now(client: Client) -> None:
    product, feature = _product(client), _feature(client)
    made = _attach(client, product, feature.id)
    client.v1.entitlements.features.update(feature.id, {"name": "Exports"})
    shown = client.v1.products.features.retrieve(product, made.id)
    assert shown.entitlement_feature.name == "Exports"


def test_an_archived_feature_is_attached_to_no_further_product(client: Client) -> None:
    product, feature = _product(client), _feature(client)
    made = _attach(client, product, feature.id)
    _archive(client, feature.id)
    with pytest.raises(stripe.InvalidRequestError, match="archived"):
        _attach(client, _product(client), feature.id)
    assert [one.id for one in client.v1.products.features.list(product)] == [made.id]


def test_an_attachment_is_found_under_its_own_product_only(client: Client) -> None:
    product, other = _product(client), _product(client)
    made = _attach(client, product, _feature(client).id)
    for call in (client.v1.products.features.retrieve, client.v1.products.features.delete):
        with pytest.raises(stripe.InvalidRequestError, match="No such product feature"):
            call(other, made.id)
    assert client.v1.products.features.retrieve(product, made.id) == made


def test_a_deleted_product_takes_its_attachments_with_it(api: Api, client: Client) -> None:
    product = _product(client)
    made = _attach(client, product, _feature(client).id)
    client.v1.products.delete(product)
    reply = api.ask("GET", f"/v1/products/{product}/features/{made.id}")
    assert reply.status == 404
    assert reply.body["error"]["message"] == f"No such product: '{product}'"


def test_a_product_has_fifty_features_at_most(client: Client) -> None:
    product, ctx = _product(client), worker_context(livemode=False)
    for number in range(50):
        feature = create_feature(ctx, {"name": "F", "lookup_key": f"f{number}"})
        attach_feature(ctx, product, {"entitlement_feature": feature["id"]})
    with pytest.raises(stripe.InvalidRequestError, match="at most 50 features"):
        _attach(client, product, _feature(client, "one too many").id)
    client.v1.products.delete(product)


def test_a_restricted_key_needs_the_rights_of_features_and_products(
    api: Api, client: Client
) -> None:
    feature, product = _feature(client), _product(client)
    secret = create_key(livemode=False, rights={"entitlements_features": "read"}).secret
    assert api.ask("GET", f"/v1/entitlements/features/{feature.id}", key=secret).status == 200
    refused = api.ask(
        "POST",
        f"/v1/products/{product}/features",
        {"entitlement_feature": feature.id},
        key=secret,
    )
    assert refused.status == 403
    assert "products_write" in refused.body["error"]["message"]


def test_the_gate_tells_what_is_left_of_a_limit_and_needs_a_right_of_its_own(
    api: Api, client: Client
) -> None:
    product, feature = _product(client), _feature(client, "calls")
    meter = client.v1.billing.meters.create(meter_params("calls"))
    limit = {"limit": {"meter": meter.id, "quantity": "2.5"}}
    wanted = {"entitlement_feature": feature.id, "meterline": limit}
    made = client.v1.products.features.create(product, wanted)
    assert made.meterline.limit.to_dict() == {"meter": meter.id, "quantity": "2.5"}
    price = client.v1.prices.create(price_params(unit_amount=5, product=product))
    customer = client.v1.customers.create().id
    subscribed = {"customer": customer, "items": [{"price": price.id}]}
    client.v1.subscriptions.create(subscribed)
    target = f"/v1/meterline/access?customer={customer}&feature=calls"
    answer = api.ask("GET", f"{target}&quantity=2.5").body
    assert (answer["has_access"], answer["balance"], answer["limit"]) == (True, "2.5", "2.5")
    assert api.ask("GET", f"{target}&quantity=2.6").body["reason"] == "usage_limit_reached"
    may = create_key(livemode=False, rights={"meterline_access": "read"}).secret
    may_not = create_key(livemode=False, rights={"customers": "read"}).secret
    assert [api.ask("GET", target, key=key).status for key in (may, may_not)] == [200, 403]
