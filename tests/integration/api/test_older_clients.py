"""Requests as SDKs of earlier years send them: forms with the names and spellings of those years.

The forms are what stripe-python 2.76 to 5.5 were seen to send.
"""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import pytest
import stripe

from tests.integration.api.conftest import Api


@dataclass(frozen=True, slots=True)
class Shop:
    """A customer, two prices, and a coupon, and requests of them as plain forms."""

    api: Api
    customer: str
    price: str
    dearer: str
    coupon: str

    def post(self, path: str, **form: str) -> Any:
        """The answer to a form; refusals fail."""
        status, body = self.api.post(path, urlencode(form))
        assert status == 200, body
        return body

    def refused(self, path: str, **form: str) -> Any:
        """The error that a form is refused with."""
        status, body = self.api.post(path, urlencode(form))
        assert status == 400, body
        return body["error"]

    def subscribed(self) -> Any:
        """A subscription with one item, as old clients make it."""
        return self.post("/v1/subscriptions", customer=self.customer, plan=self.price, quantity="2")


@pytest.fixture
def shop(api: Api) -> Shop:
    client = api.client()
    customer = client.v1.customers.create({"name": "Alpha"}).id
    product = client.v1.products.create({"name": "Seat"}).id
    monthly = {"currency": "usd", "product": product, "recurring": {"interval": "month"}}
    price, dearer = (
        client.v1.prices.create(monthly | {"unit_amount": amount}).id for amount in (1_000, 2_000)
    )
    coupon = client.v1.coupons.create({"percent_off": 25, "duration": "forever"}).id
    return Shop(api, customer, price, dearer, coupon)


def _items(subscription: Any) -> list[tuple[str, int]]:
    return [(item["price"]["id"], item["quantity"]) for item in subscription["items"]["data"]]


@pytest.mark.parametrize("name", ["plan", "price"])
def test_a_price_beside_the_subscription_is_that_of_its_only_item(shop: Shop, name: str) -> None:
    form = {"customer": shop.customer, name: shop.price, "quantity": "2"}
    assert _items(shop.post("/v1/subscriptions", **form)) == [(shop.price, 2)]


@pytest.mark.parametrize(
    ("form", "price", "quantity"),
    [
        ({"quantity": "5"}, "price", 5),
        ({"plan": "dearer"}, "dearer", 1),
        ({"plan": "dearer", "quantity": "2", "prorate": "False"}, "dearer", 2),
    ],
)
def test_an_update_names_the_only_item_by_nothing(
    shop: Shop, form: dict[str, str], price: str, quantity: int
) -> None:
    named = {name: getattr(shop, given, given) for name, given in form.items()}
    after = shop.post(f"/v1/subscriptions/{shop.subscribed()['id']}", **named)
    assert _items(after) == [(getattr(shop, price), quantity)]


def test_a_quantity_without_an_item_is_refused_where_there_are_several(shop: Shop) -> None:
    subscription = shop.subscribed()["id"]
    shop.post("/v1/subscription_items", subscription=subscription, plan=shop.dearer)
    error = shop.refused(f"/v1/subscriptions/{subscription}", quantity="3")
    assert (error["param"], "only item" in error["message"]) == ("quantity", True)


@pytest.mark.parametrize(
    ("prorate", "pending"), [("True", 2), ("true", 2), ("False", 0), ("false", 0)]
)
def test_prorate_says_whether_a_change_is_prorated(shop: Shop, prorate: str, pending: int) -> None:
    client = shop.api.client()
    subscription = shop.subscribed()
    item = subscription["items"]["data"][0]["id"]
    shop.post(f"/v1/subscription_items/{item}", quantity="3", prorate=prorate)
    waiting = client.v1.invoice_items.list({"customer": shop.customer, "pending": True})
    assert len(waiting.data) == pending


def test_prorate_is_a_truth_value(shop: Shop) -> None:
    error = shop.refused(f"/v1/subscriptions/{shop.subscribed()['id']}", prorate="perhaps")
    assert (error["message"], error["param"]) == ("Invalid boolean: perhaps", "prorate")


def test_a_coupon_is_the_only_discount_until_an_empty_one_takes_it_away(shop: Shop) -> None:
    made = shop.post(
        "/v1/subscriptions", customer=shop.customer, plan=shop.price, coupon=shop.coupon
    )
    invoice = shop.api.client().v1.invoices.retrieve(made["latest_invoice"])
    assert (len(made["discounts"]), invoice.total) == (1, 750)
    assert shop.post(f"/v1/subscriptions/{made['id']}", coupon="")["discounts"] == []


def test_a_promotion_code_is_for_a_coupon(shop: Shop) -> None:
    made = shop.post("/v1/promotion_codes", coupon=shop.coupon, code="OLD")
    assert made["promotion"] == {"coupon": shop.coupon, "type": "coupon"}
    assert shop.refused("/v1/promotion_codes", coupon="")["code"] == "parameter_invalid_empty"


def test_a_coupon_beside_a_promotion_is_refused(shop: Shop) -> None:
    promotion = {"promotion[type]": "coupon", "promotion[coupon]": shop.coupon}
    error = shop.refused("/v1/promotion_codes", coupon=shop.coupon, **promotion)
    assert (error["code"], error["param"]) == ("parameter_unknown", "coupon")


def test_a_coupon_beside_discounts_is_refused(shop: Shop) -> None:
    form = {"customer": shop.customer, "items[0][price]": shop.price, "coupon": shop.coupon}
    error = shop.refused("/v1/subscriptions", **form, **{"discounts[0][coupon]": shop.coupon})
    assert error["param"] == "coupon"


def test_a_subscription_of_nothing_misses_its_items(shop: Shop) -> None:
    error = shop.refused("/v1/subscriptions", customer=shop.customer, quantity="2")
    assert error["param"] in ("items", "quantity")


@pytest.mark.parametrize(
    ("path", "form"),
    [
        ("/v1/customers", {"shipping[carrier]": "", "shipping[tracking_number]": ""}),
        ("/v1/subscriptions", {"managed_payments[enabled]": "False"}),
        ("/v1/subscriptions", {"managed_payments[enabled]": "false"}),
        (
            "/v1/subscriptions",
            {
                "trial_settings[end_behavior][billing_cycle_anchor]": "now",
                "trial_settings[end_behavior][missing_payment_method]": "cancel",
            },
        ),
        ("/v1/webhook_endpoints", {"connect": "False"}),
    ],
)
def test_what_answers_say_and_asks_for_nothing_can_be_sent_back(
    shop: Shop, path: str, form: dict[str, str]
) -> None:
    usual = {
        "/v1/customers": {"shipping[name]": "A", "shipping[address][line1]": "1 High Street"},
        "/v1/subscriptions": {"customer": shop.customer, "items[0][price]": shop.price},
        "/v1/webhook_endpoints": {"url": "https://example.com/", "enabled_events[0]": "*"},
    }
    assert shop.post(path, **usual[path], **form)["id"]


@pytest.mark.parametrize(
    ("path", "form"),
    [
        ("/v1/subscriptions", {"managed_payments[enabled]": "true"}),
        ("/v1/customers", {"shipping[carrier]": "Post"}),
        ("/v1/webhook_endpoints", {"connect": "true"}),
    ],
)
def test_the_same_is_refused_where_it_asks_for_something(
    shop: Shop, path: str, form: dict[str, str]
) -> None:
    usual = {"/v1/subscriptions": {"customer": shop.customer, "items[0][price]": shop.price}}
    error = shop.refused(path, **usual.get(path, {}), **form)
    assert (error["code"], error["param"]) == ("parameter_unknown", next(iter(form)))


@pytest.mark.parametrize(
    ("form", "amount"),
    [
        ({"price": "once"}, 500),
        ({"price": "once", "quantity": "3"}, 1_500),
        ({"unit_amount": "250", "quantity": "2", "currency": "usd"}, 500),
        ({"amount": "70", "currency": "USD", "discountable": "True"}, 70),
    ],
)
def test_an_invoice_item_names_its_price_and_amount_as_it_did(
    shop: Shop, form: dict[str, str], amount: int
) -> None:
    once = shop.api.client().v1.prices.create(
        {"currency": "usd", "unit_amount": 500, "product_data": {"name": "Setup"}}
    )
    named = {name: once.id if given == "once" else given for name, given in form.items()}
    item = shop.post("/v1/invoiceitems", customer=shop.customer, **named)
    assert (item["amount"], item["pricing"]["type"]) == (amount, "price_details")


def test_reports_of_usage_by_item_are_an_empty_list(shop: Shop) -> None:
    item = shop.subscribed()["items"]["data"][0]["id"]
    path = f"/v1/subscription_items/{item}/usage_record_summaries"
    response = shop.api.client().raw_request("get", path)
    assert response.data["data"] == []


@pytest.mark.parametrize("name", ["skus", "orders", "order_returns", "recipients"])
def test_lists_that_stripe_once_had_are_empty(shop: Shop, name: str) -> None:
    assert shop.api.client().raw_request("get", f"/v1/{name}").data["data"] == []


def test_the_subscriptions_inside_a_customer_go_on_where_their_list_says(shop: Shop) -> None:
    client = shop.api.client()
    ended, *others = [shop.subscribed()["id"] for _ in range(12)]
    client.v1.subscriptions.cancel(ended)
    inside = client.v1.customers.retrieve(
        shop.customer, {"expand": ["subscriptions"]}
    ).subscriptions
    assert (len(inside.data), inside.has_more) == (10, True)
    assert {customer.id for customer in inside.auto_paging_iter()} == set(others)


def test_the_subscriptions_of_no_customer_are_no_list(shop: Shop) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="No such customer"):
        shop.api.client().raw_request("get", "/v1/customers/cus_missing/subscriptions")
