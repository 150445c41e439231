"""Requests that run at the same time: limits hold, values stay unique, keys take effect once."""

import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from meterline.services.base.context import Context
from tests.factories.params import meter_params
from tests.integration.api.conftest import Api

type Answer = tuple[int, Any]
type Form = dict[str, Any]

THREADS = 6


def _send(api: Api, method: str, path: str, form: Form, key: str | None = None) -> Answer:
    """Status and body; a request that lost every race is repeated, as the SDKs do."""
    headers = {"idempotency_key": key} if key else {}
    while True:
        status, _, body = api.ask(method, path, form, **headers)
        if (body.get("error") or {}).get("code") != "lock_timeout":
            return status, body


def _together(*calls: Callable[[], Answer]) -> list[Answer]:
    """The answers of calls that all start at the same moment."""
    start = threading.Barrier(len(calls))

    def run(call: Callable[[], Answer]) -> Answer:
        start.wait()
        return call()

    with ThreadPoolExecutor(len(calls)) as threads:
        return list(threads.map(run, calls))


def _posts(api: Api, path: str, forms: list[Form], key: str | None = None) -> list[Answer]:
    return _together(*((lambda form=form: _send(api, "POST", path, form, key)) for form in forms))


def _statuses(answers: list[Answer]) -> Counter[int]:
    return Counter(status for status, _ in answers)


@pytest.fixture
def shop(api: Api) -> dict[str, str]:
    """A meter, a product, three prices and a customer."""
    v1 = api.client().v1
    product = v1.products.create({"name": "Seat"}).id
    prices = [
        v1.prices.create(
            {
                "currency": "usd",
                "product": product,
                "unit_amount": amount,
                "recurring": {"interval": "month"},
            }
        ).id
        for amount in (1, 2, 3)
    ]
    meter = v1.billing.meters.create(meter_params("m")).id
    customer = v1.customers.create().id
    return {
        "product": product,
        "meter": meter,
        "customer": customer,
        **{f"price_{number}": price for number, price in enumerate(prices)},
    }


def test_of_requests_with_one_key_one_runs_and_the_others_are_told_to_wait(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    save, running, others_done = Context.save, threading.Event(), threading.Event()

    def slow_save(self: Context, *arguments: Any, **named: Any) -> None:
        running.set()
        others_done.wait(20)
        save(self, *arguments, **named)

    monkeypatch.setattr(Context, "save", slow_save)
    with ThreadPoolExecutor(1) as first_thread:
        first = first_thread.submit(_send, api, "POST", "/v1/customers", {"name": "A"}, "once")
        assert running.wait(20)
        others = _posts(api, "/v1/customers", [{"name": "A"}] * THREADS, "once")
        others_done.set()
        status, customer = first.result()
    assert status == 200
    refusals = [(status, body["error"]["code"]) for status, body in others]
    assert refusals == [(409, "idempotency_key_in_use")] * THREADS
    replays = _posts(api, "/v1/customers", [{"name": "A"}] * THREADS, "once")
    assert replays == [(200, customer)] * THREADS
    assert [one.id for one in api.client().v1.customers.list()] == [customer["id"]]


def test_requests_with_one_key_that_start_together_make_one_object(api: Api) -> None:
    answers = _posts(api, "/v1/customers", [{"name": "A"}] * THREADS, "once")
    assert set(_statuses(answers)) <= {200, 409}
    assert len({body["id"] for status, body in answers if status == 200}) == 1
    assert len(api.client().v1.customers.list().data) == 1


def test_a_test_clock_takes_three_customers_however_many_come_together(api: Api) -> None:
    clock = api.client().v1.test_helpers.test_clocks.create({"frozen_time": 1_704_067_200}).id
    answers = _posts(api, "/v1/customers", [{"test_clock": clock}] * THREADS)
    assert _statuses(answers) == {200: 3, 400: THREADS - 3}
    assert len(api.client().v1.customers.list({"test_clock": clock}).data) == 3


def test_a_customer_that_is_deleted_makes_room_on_its_clock(api: Api) -> None:
    v1 = api.client().v1
    clock = v1.test_helpers.test_clocks.create({"frozen_time": 1_704_067_200}).id
    for _ in range(3):
        customer = v1.customers.create({"test_clock": clock}).id
    v1.customers.delete(customer)
    assert _statuses(_posts(api, "/v1/customers", [{"test_clock": clock}] * 3)) == {200: 1, 400: 2}


def _meter() -> Form:
    return {
        "display_name": "N",
        "event_name": "n",
        "default_aggregation[formula]": "sum",
    }


@pytest.mark.parametrize(
    ("path", "form", "code"),
    [
        ("/v1/billing/meters", _meter(), "resource_already_exists"),
        ("/v1/coupons", {"id": "GOLD", "percent_off": 10}, "resource_already_exists"),
        ("/v1/products", {"id": "gold", "name": "Gold"}, "resource_already_exists"),
        ("/v1/customers", {"invoice_prefix": "GOLD"}, None),
    ],
)
def test_what_only_one_object_may_have_goes_to_one(
    api: Api, path: str, form: Form, code: str | None
) -> None:
    answers = _posts(api, path, [form] * THREADS)
    assert _statuses(answers) == {200: 1, 400: THREADS - 1}
    codes = {body["error"].get("code") for status, body in answers if status == 400}
    assert codes == {code}


def test_a_lookup_key_stays_with_one_price(api: Api, shop: dict[str, str]) -> None:
    form = {
        "currency": "usd",
        "unit_amount": 5,
        "product": shop["product"],
        "lookup_key": "gold",
    }
    answers = _posts(api, "/v1/prices", [form] * THREADS)
    assert _statuses(answers) == {200: 1, 400: THREADS - 1}


def test_a_promotion_code_is_redeemed_as_often_as_it_may_be(api: Api, shop: dict[str, str]) -> None:
    v1 = api.client().v1
    coupon = v1.coupons.create({"percent_off": 10}).id
    promotion = {"type": "coupon", "coupon": coupon}
    code = v1.promotion_codes.create({"promotion": promotion, "max_redemptions": 2}).id
    forms = [
        {
            "customer": v1.customers.create().id,
            "items[0][price]": shop["price_0"],
            "discounts[0][promotion_code]": code,
        }
        for _ in range(THREADS)
    ]
    answers = _posts(api, "/v1/subscriptions", forms)
    assert _statuses(answers) == {200: 2, 400: THREADS - 2}
    assert v1.promotion_codes.retrieve(code).times_redeemed == 2
    assert v1.coupons.retrieve(coupon).times_redeemed == 2


def test_credit_notes_never_take_back_more_than_was_billed(api: Api, shop: dict[str, str]) -> None:
    v1 = api.client().v1
    item = {"customer": shop["customer"], "amount": 1_000, "currency": "usd"}
    v1.invoice_items.create(item)
    draft = v1.invoices.create(
        {"customer": shop["customer"], "pending_invoice_items_behavior": "include"}
    )
    v1.invoices.finalize_invoice(draft.id)
    answers = _posts(api, "/v1/credit_notes", [{"invoice": draft.id, "amount": 300}] * THREADS)
    assert _statuses(answers) == {200: 3, 400: THREADS - 3}
    assert v1.invoices.retrieve(draft.id).amount_remaining == 100
    numbers = {body["number"][-2:] for status, body in answers if status == 200}
    assert numbers == {"01", "02", "03"}


def test_webhook_endpoints_stop_at_sixteen(api: Api) -> None:
    form = {"url": "https://example.com/hook", "enabled_events[0]": "*"}
    for _ in range(14):
        assert _send(api, "POST", "/v1/webhook_endpoints", form)[0] == 200
    answers = _posts(api, "/v1/webhook_endpoints", [form] * THREADS)
    assert _statuses(answers) == {200: 2, 400: THREADS - 2}
    gone = next(body["id"] for status, body in answers if status == 200)
    api.client().v1.webhook_endpoints.delete(gone)
    assert _send(api, "POST", "/v1/webhook_endpoints", form)[0] == 200


def test_alerts_on_a_meter_stop_at_twenty_five(api: Api, shop: dict[str, str]) -> None:
    form = {
        "title": "T",
        "alert_type": "usage_threshold",
        "usage_threshold[gte]": 5,
        "usage_threshold[meter]": shop["meter"],
        "usage_threshold[recurrence]": "one_time",
    }
    for _ in range(23):
        status, alert = _send(api, "POST", "/v1/billing/alerts", form)
        assert status == 200
    answers = _posts(api, "/v1/billing/alerts", [form] * THREADS)
    assert _statuses(answers) == {200: 2, 400: THREADS - 2}
    api.client().v1.billing.alerts.archive(alert["id"])
    assert _send(api, "POST", "/v1/billing/alerts", form)[0] == 200


def test_a_subscription_takes_a_price_once(api: Api, shop: dict[str, str]) -> None:
    form = {"customer": shop["customer"], "items[0][price]": shop["price_0"]}
    subscription = _send(api, "POST", "/v1/subscriptions", form)[1]["id"]
    added = {"subscription": subscription, "price": shop["price_1"]}
    answers = _posts(api, "/v1/subscription_items", [added] * THREADS)
    assert _statuses(answers) == {200: 1, 400: THREADS - 1}


def test_a_customer_is_not_deleted_beside_a_subscription_that_begins(
    api: Api, shop: dict[str, str]
) -> None:
    form = {"customer": shop["customer"], "items[0][price]": shop["price_0"]}
    path = f"/v1/customers/{shop['customer']}"
    answers = _together(
        *[lambda: _send(api, "POST", "/v1/subscriptions", form)] * (THREADS - 1),
        lambda: _send(api, "DELETE", path, {}),
    )
    assert answers[-1][0] == 200
    begun = [body["id"] for status, body in answers[:-1] if status == 200]
    listed = api.client().v1.subscriptions.list({"status": "all"}).data
    assert {one.id for one in listed} == set(begun)
    assert {one.status for one in listed} <= {"canceled"}


def test_a_coupon_is_redeemed_no_more_often_than_it_may_be(api: Api, shop: dict[str, str]) -> None:
    coupon = api.client().v1.coupons.create({"percent_off": 10, "max_redemptions": 2}).id
    customers = [api.client().v1.customers.create().id for _ in range(THREADS)]
    forms = [
        {
            "customer": customer,
            "items[0][price]": shop["price_0"],
            "discounts[0][coupon]": coupon,
        }
        for customer in customers
    ]
    assert _statuses(_posts(api, "/v1/subscriptions", forms)) == {200: 2, 400: THREADS - 2}
    assert api.client().v1.coupons.retrieve(coupon).times_redeemed == 2


def test_a_product_is_not_deleted_beside_a_price_that_is_made(api: Api) -> None:
    product = api.client().v1.products.create({"name": "Desk"}).id
    form = {"currency": "usd", "unit_amount": 5, "product": product}
    made, deleted = _together(
        lambda: _send(api, "POST", "/v1/prices", form),
        lambda: _send(api, "DELETE", f"/v1/products/{product}", {}),
    )
    assert {made[0], deleted[0]} == {200, 400}
