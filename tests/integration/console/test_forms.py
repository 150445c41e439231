"""What people do in the console is done once, by the API, with the rights of their key."""

import json
import time
from collections.abc import Mapping
from typing import Any

import pytest

from meterline.services.account.api_keys import create_key
from meterline.services.work.test_clocks import run_test_clock
from tests.engines import Engine
from tests.factories.objects import (
    clock,
    context,
    customer,
    licence,
    listed,
    meter,
    stored,
    subscribe,
)
from tests.factories.objects import product as new_product
from tests.factories.webhooks import BUSY, Webhooks
from tests.handlers import gateway_event, load_handler
from tests.integration.console.operators import Operator

EDITOR = "/console/prices/new"
USUAL = {"currency": "usd", "interval": "month", "name": "Calls", "act": "create"}


def made(operator: Operator, form: Mapping[str, str]) -> Any:
    """The price that a form of the editor makes."""
    answer = operator.submit(EDITOR, "/console/prices", {**USUAL, **form})
    assert answer.status == 303, answer.text
    [price] = listed("price")
    assert answer.location == f"/console/catalogue/{price['product']}?done=created"
    return price


@pytest.mark.parametrize(
    ("form", "terms"),
    [
        (
            {"model": "flat", "amount": "49.00"},
            {"unit_amount": 4_900, "billing_scheme": "per_unit"},
        ),
        ({"model": "flat", "amount": "5000", "currency": "JPY"}, {"unit_amount": 5_000}),
        ({"model": "flat", "amount": "1.234", "currency": "kwd"}, {"unit_amount": 1_234}),
        ({"model": "flat", "amount": "1,234.50"}, {"unit_amount": 123_450}),
        (
            {"model": "per_unit", "amount": "0.004"},
            {"unit_amount": None, "unit_amount_decimal": "0.4"},
        ),
        (
            {"model": "package", "amount": "10", "package": "1000"},
            {"unit_amount": 1_000, "transform_quantity": {"divide_by": 1_000, "round": "up"}},
        ),
        ({"model": "flat", "amount": "1", "interval": "year"}, {"unit_amount": 100}),
    ],
)
def test_the_editor_makes_a_price_of_each_model_and_its_product(
    operator: Operator, form: Mapping[str, str], terms: Mapping[str, Any]
) -> None:
    price = made(operator, form)
    shown = {name: price[name] for name in terms}
    assert json.loads(json.dumps(shown, default=str)) == terms
    assert price["recurring"]["interval"] == form.get("interval", "month")
    assert stored(price["product"])["name"] == "Calls"


@pytest.mark.parametrize("model", ["graduated", "volume"])
def test_the_editor_makes_tiers_of_usage(operator: Operator, model: str) -> None:
    form = {
        "model": model,
        "meter": meter("calls"),
        "tier_1_up_to": "1000",
        "tier_1_unit": "0",
        "tier_2_up_to": "50000",
        "tier_2_unit": "0.004",
        "tier_2_flat": "5",
        "tier_3_unit": "0.0025",
    }
    price = made(operator, form)
    assert (price["tiers_mode"], price["recurring"]["usage_type"]) == (model, "metered")
    tiers = [
        (tier["up_to"], str(tier["unit_amount_decimal"]), tier["flat_amount"])
        for tier in price["tiers"]
    ]
    assert tiers == [(1_000, "0", None), (50_000, "0.4", 500), (None, "0.25", None)]


def test_a_price_can_be_of_a_product_that_is_there(operator: Operator) -> None:
    sold = new_product("Seats", at=int(time.time()))
    price = made(operator, {"model": "flat", "amount": "1", "product": sold})
    assert price["product"] == sold


@pytest.mark.parametrize(
    ("form", "problem"),
    [
        ({"model": "flat", "amount": "many"}, "The amount must be a number"),
        ({"model": "flat", "amount": "NaN"}, "The amount must be a number"),
        ({"model": "flat", "amount": ""}, "The amount must be a number"),
        ({"model": "flat", "amount": "1", "currency": "xxx"}, "Invalid currency: xxx."),
        ({"model": "flat", "amount": "1", "name": ""}, "Name the product"),
        ({"model": "flat", "amount": "1", "product": "prod_no"}, "No such product"),
        ({"model": "flat", "amount": "-1"}, "unit_amount_decimal"),
        ({"model": "package", "amount": "1"}, "divide_by"),
        ({"model": "graduated"}, "Give at least one tier an amount."),
        ({"model": "graduated", "tier_1_unit": "x"}, "The amount of tier 1 must be a number"),
        ({"model": "auction"}, "Choose how it is priced."),
        ({}, "Choose how it is priced."),
    ],
)
def test_what_cannot_be_sold_is_refused_and_the_form_keeps_what_was_typed(
    operator: Operator, form: Mapping[str, str], problem: str
) -> None:
    typed = {**USUAL, "nickname": "What I typed", **form}
    answer = operator.submit(EDITOR, "/console/prices", typed)
    assert answer.status == 400
    assert problem in answer.text
    assert 'value="What I typed"' in answer.text
    assert listed("price") == []


def test_the_editor_shows_the_call_and_does_nothing(operator: Operator) -> None:
    form = {**USUAL, "model": "flat", "amount": "49", "act": "show"}
    answer = operator.submit(EDITOR, "/console/prices", form)
    assert answer.status == 200
    assert "-d unit_amount_decimal=4900" in answer.text
    assert "-d &#39;product_data[name]=Calls&#39;" in answer.text
    assert listed("price") == []


def test_a_form_that_is_sent_twice_acts_once(operator: Operator) -> None:
    page = operator.get(EDITOR)
    form = {
        **USUAL,
        "model": "flat",
        "amount": "49",
        "token": page.field("token"),
        "once": page.field("once"),
    }
    first, second = (operator.post("/console/prices", form) for _ in range(2))
    assert first.location == second.location
    assert len(listed("price")) == 1


def test_a_clock_is_made_and_advanced(operator: Operator) -> None:
    answer = operator.submit(
        "/console/test-clocks",
        "/console/test-clocks",
        {"name": "A year", "frozen_time": "1700000000"},
    )
    page = answer.location.partition("?")[0]
    shown = operator.get(page)
    assert "2023-11-14 22:13:20" in shown.text
    operator.submit(page, f"{page}/advance", {"days": "31"})
    shown = operator.get(page)
    assert "advancing" in shown.text
    assert 'data-again="1"' in shown.text
    assert "2023-12-15 22:13:20" in shown.text


def test_a_clock_that_advances_says_how_far_its_subscriptions_have_come(
    operator: Operator,
) -> None:
    start, month = 1_700_000_000, 30 * 86_400
    whose = clock(start, at=int(time.time()))
    price = licence(at=int(time.time()))
    subscribe(customer(at=start, test_clock=whose), price, at=start)
    page = f"/console/test-clocks/{whose}"
    operator.submit(page, f"{page}/advance", {"days": "40"})
    text = operator.get(page).text
    assert f'max="{40 * 86_400}" value="{month}"' in text
    assert "have come to 2023-12-14 22:13:20 UTC" in text
    run_test_clock(context(), whose)
    assert "<progress" not in operator.get(page).text


@pytest.mark.parametrize(
    ("form", "problem"),
    [
        ({"days": "0"}, "frozen_time"),
        ({}, "frozen_time"),
        ({"days": "-3"}, "frozen_time"),
        ({"seconds": "9999999999"}, "frozen_time"),
    ],
)
def test_a_clock_that_cannot_be_advanced_says_why(
    operator: Operator, form: Mapping[str, str], problem: str
) -> None:
    whose = clock(at=int(time.time()))
    price = licence(at=int(time.time()))
    subscribe(customer(at=1_700_000_000, test_clock=whose), price, at=1_700_000_000)
    page = f"/console/test-clocks/{whose}"
    answer = operator.submit(page, f"{page}/advance", form)
    assert answer.status == 400
    assert "That was not done" in answer.text
    assert problem in answer.text
    assert stored(whose)["status"] == "ready"


def test_a_clock_is_deleted(operator: Operator) -> None:
    whose = clock(at=int(time.time()))
    page = f"/console/test-clocks/{whose}"
    answer = operator.submit(page, f"{page}/delete", {})
    assert answer.location == "/console/test-clocks?done=deleted"
    assert operator.get(page).status == 404


def _endpoint(operator: Operator) -> str:
    form = {"url": "https://a.example/hook", "enabled_events": "customer.*, invoice.paid"}
    answer = operator.submit("/console/webhooks", "/console/webhooks", form)
    assert answer.status == 200
    [endpoint] = listed("webhook_endpoint")
    assert endpoint["enabled_events"] == ["customer.*", "invoice.paid"]
    assert "whsec_" in answer.text
    return str(endpoint["id"])


def test_the_secret_of_an_endpoint_is_shown_once(operator: Operator) -> None:
    page = f"/console/webhooks/{_endpoint(operator)}"
    assert "whsec_" not in operator.get(page).text
    rolled = operator.submit(page, f"{page}/roll", {})
    assert "whsec_" in rolled.text
    assert "whsec_" not in operator.get(page).text


def test_an_endpoint_is_disabled_enabled_and_deleted(operator: Operator) -> None:
    endpoint = _endpoint(operator)
    page = f"/console/webhooks/{endpoint}"
    for disabled, status in (("true", "disabled"), ("false", "enabled")):
        operator.submit(page, f"{page}/switch", {"disabled": disabled})
        assert stored(endpoint)["status"] == status
    operator.submit(page, f"{page}/delete", {})
    assert operator.get(page).status == 404


def test_an_address_that_may_not_be_called_is_refused(operator: Operator) -> None:
    answer = operator.submit("/console/webhooks", "/console/webhooks", {"url": "ftp://a.example"})
    assert answer.status == 400
    assert listed("webhook_endpoint") == []


def test_an_event_that_was_not_taken_is_sent_again(
    operator: Operator, deployment: Engine, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    webhooks = Webhooks(deployment)
    webhooks.follow(monkeypatch)
    _endpoint(operator)
    headers = {"authorization": f"Bearer {key}"}
    load_handler("serve_customers")(gateway_event("POST", "/v1/customers", headers), None)
    webhooks.receivers.answers["a.example"] = BUSY
    webhooks.send()
    waiting = operator.get("/console/events?delivery=false")
    [event] = [
        href for href in waiting.tags.values("a", "href") if href.startswith("/console/events/evt_")
    ]
    shown = operator.get(event)
    assert "503" in shown.text
    assert "pending" in shown.text
    del webhooks.receivers.answers["a.example"]
    assert operator.submit(event, f"{event}/retry", {}).location == f"{event}?done=resent"
    webhooks.deliver()
    assert len(webhooks.receivers.posts) == 2
    assert "succeeded" in operator.get(event).text


@pytest.mark.parametrize(
    ("page", "target", "form"),
    [
        ("/console/webhooks", "/console/webhooks", {"url": "https://a.example/hook"}),
        ("/console/test-clocks", "/console/test-clocks", {"name": "A clock"}),
        (EDITOR, "/console/prices", {**USUAL, "model": "flat", "amount": "1"}),
    ],
)
@pytest.mark.usefixtures("deployment")
def test_a_key_that_may_only_read_changes_nothing(
    page: str, target: str, form: Mapping[str, str]
) -> None:
    operator = Operator()
    operator.sign_in(create_key(livemode=False, rights={"*": "read"}).secret)
    token = operator.get("/console").field("token")
    assert operator.get(page).status == 200
    answer = operator.post(target, {**form, "token": token})
    assert answer.status in (400, 403)
    assert "does not have the required permissions" in answer.text
    assert [listed(kind) for kind in ("webhook_endpoint", "test_helpers.test_clock", "price")] == [
        [],
        [],
        [],
    ]


@pytest.mark.parametrize(
    ("words", "led_to"),
    [
        ("cus_1", "/console/customers/cus_1"),
        (" sub_1 ", "/console/subscriptions/sub_1"),
        ("in_1", "/console/invoices/in_1"),
        ("prod_1", "/console/catalogue/prod_1"),
        ("mtr_test_1", "/console/meters/mtr_test_1"),
        ("evt_1", "/console/events/evt_1"),
        ("we_1", "/console/webhooks/we_1"),
        ("clock_1", "/console/test-clocks/clock_1"),
        ("sub_sched_1", "/console/schedules/sub_sched_1"),
        ("alrt_1", "/console/alerts/alrt_1"),
        ("ed_test_1", "/console/destinations/ed_test_1"),
    ],
)
def test_an_id_leads_to_its_page(operator: Operator, words: str, led_to: str) -> None:
    answer = operator.get(f"/console/search?q={words.replace(' ', '+')}")
    assert (answer.status, answer.location) == (303, led_to)


@pytest.mark.parametrize("words", ["ada@example.com", "Lovelace", "lovel"])
def test_customers_are_found_by_their_e_mail_and_name(operator: Operator, words: str) -> None:
    found = customer(at=int(time.time()), name="Ada Lovelace", email="ada@example.com")
    customer(at=int(time.time()), name="Charles", email="charles@example.com")
    text = operator.get(f"/console/search?q={words}").text
    assert found in text
    assert "Charles" not in text
