"""Who may do what, over every operation there is: modes, rights, keys that end, sessions."""

import json
import re
import time
from collections.abc import Iterable
from typing import Any

import pytest

from meterline.api.auth import forget_cached
from meterline.api.operations import Answer, Operation
from meterline.api.routes.description import all_operations
from meterline.services.account.api_keys import create_key, revoke_key, roll_key
from tests.engines import Engine
from tests.factories.params import form, meter_params
from tests.integration.api.conftest import Api, Client, forget_events

OPERATIONS = [operation for operation in all_operations() if not operation.public]
KEYED = [operation for operation in OPERATIONS if not operation.takes_session]
SHARED = "GET /v1/accounts/{id}"
"""The account is one for both modes; any other id is refused whatever the key's rights are."""
STREAM = "/v2/billing/meter_event_stream"

SPAN = {"start_time": 0, "end_time": 3_600}
NEEDED: dict[str, dict[str, Any]] = {
    "GET /v1/billing/alerts/{id}/notifications": {"customer": "cus_x"},
    "GET /v1/billing/meters/{id}/event_summaries": {"customer": "cus_x", **SPAN},
    "GET /v1/billing/meters/{id}/events": {"customer": "cus_x", **SPAN},
    "POST /v1/customers/{customer}/balance_transactions": {"amount": 1, "currency": "usd"},
    "POST /v1/customers/{customer}/tax_ids": {"type": "eu_vat", "value": "DE123456789"},
    "POST /v1/invoices/{id}/add_lines": {"lines[0][amount]": 1},
    "POST /v1/invoices/{id}/attach_payment": {"payment_record": "pay_1"},
    "POST /v1/invoices/{id}/remove_lines": {
        "lines[0][behavior]": "delete",
        "lines[0][id]": "il_x",
    },
    "POST /v1/invoices/{id}/update_lines": {"lines[0][id]": "il_x"},
    "GET /v1/credit_notes/preview/lines": {"amount": 1},
    "POST /v1/products/{product}/features": {"entitlement_feature": "feat_x"},
    "POST /v1/subscriptions/{id}/migrate": {"billing_mode[type]": "flexible"},
    "POST /v1/test_helpers/test_clocks/{id}/advance": {"frozen_time": 1_800_000_000},
}
"""What operations on one object must be given."""

OF_ONE = {
    "/v1/billing/credit_balance_transactions": ("customer", "customers"),
    "/v1/credit_notes/preview/lines": ("invoice", "invoices"),
    "/v1/entitlements/active_entitlements": ("customer", "customers"),
    "/v1/subscription_items": ("subscription", "subscriptions"),
}
"""Lists of what belongs to one object, by the parameter that names it."""


def name_of(operation: Operation) -> str:
    return f"{operation.method} {operation.path}"


def _ask(
    api: Api, key: str, operation: Operation, path: str, params: dict[str, Any]
) -> tuple[int, Any]:
    """Status and error of a request with a key."""
    query, body = "", ""
    if operation.path.startswith("/v2/") and operation.method == "POST":
        body = json.dumps(params)
    elif operation.method == "POST":
        body = form(params)
    elif params:
        query = f"?{form(params)}"
    status, _, answer = api.ask(operation.method, path + query, body, key=key)
    return status, answer


def _world(client: Client) -> dict[str, str]:
    """One of everything, by the word that stands before its id in a path."""
    v1 = client.v1
    meter = v1.billing.meters.create(meter_params("m"))
    threshold = {"gte": 5, "meter": meter.id, "recurrence": "one_time"}
    alert = v1.billing.alerts.create(
        {"title": "T", "alert_type": "usage_threshold", "usage_threshold": threshold}
    )
    clock = v1.test_helpers.test_clocks.create({"frozen_time": 1_704_067_200})
    customer = v1.customers.create()
    product = v1.products.create({"name": "P"})
    price = v1.prices.create(
        {
            "currency": "usd",
            "product": product.id,
            "unit_amount": 100,
            "recurring": {"interval": "month"},
        }
    )
    coupon = v1.coupons.create({"percent_off": 10})
    code = v1.promotion_codes.create({"promotion": {"type": "coupon", "coupon": coupon.id}})
    feature = v1.entitlements.features.create({"name": "F", "lookup_key": "f"})
    v1.products.features.create(product.id, {"entitlement_feature": feature.id})
    given = {"customer": customer.id, "items": [{"price": price.id}]}
    subscription = v1.subscriptions.create(given)
    item = v1.invoice_items.create({"customer": customer.id, "amount": 5, "currency": "usd"})
    transaction = v1.customers.balance_transactions.create(
        customer.id, {"amount": -5, "currency": "usd"}
    )
    amount = {"type": "monetary", "monetary": {"currency": "usd", "value": 5}}
    scope = {"scope": {"price_type": "metered"}}
    grant = v1.billing.credit_grants.create(
        {"customer": customer.id, "amount": amount, "applicability_config": scope}
    )
    [granted] = v1.billing.credit_balance_transactions.list({"credit_grant": grant.id})
    tax_id = v1.customers.tax_ids.create(customer.id, {"type": "eu_vat", "value": "DE123456789"})
    hook = v1.webhook_endpoints.create({"url": "https://a.example", "enabled_events": ["*"]})
    destination = client.v2.core.event_destinations.create(
        {
            "name": "All",
            "type": "webhook_endpoint",
            "event_payload": "thin",
            "enabled_events": ["*"],
            "webhook_endpoint": {"url": "https://a.example"},
        }
    )
    rate = v1.tax_rates.create({"display_name": "VAT", "inclusive": False, "percentage": 20})
    phases = [{"items": [{"price": price.id}]}]
    schedule = v1.subscription_schedules.create({"customer": customer.id, "phases": phases})
    invoice = v1.invoices.retrieve(subscription.latest_invoice)
    v1.invoices.attach_payment(invoice.id, {"payment_record": "pay_1"})
    note = v1.credit_notes.create({"invoice": invoice.id, "amount": 1, "out_of_band_amount": 1})
    payment = v1.invoice_payments.list({"invoice": invoice.id}).data[0]
    answer = client.raw_request(
        "post",
        "/v1/meterline/credit_top_ups",
        customer=customer.id,
        amount=500,
        currency="usd",
        threshold=1,
    )
    top_up = json.loads(answer.body)
    [entitlement] = v1.entitlements.active_entitlements.list({"customer": customer.id})
    return {
        "active_entitlements": entitlement.id,
        "alerts": alert.id,
        "balance_transactions": transaction.id,
        "coupons": coupon.id,
        "credit_balance_transactions": granted.id,
        "credit_grants": grant.id,
        "credit_notes": note.id,
        "credit_top_ups": top_up["id"],
        "customers": customer.id,
        "discount": "",
        "event_destinations": destination.id,
        "events": v1.events.list({"limit": 1}).data[0].id,
        "features": feature.id,
        "invoice_payments": payment.id,
        "invoiceitems": item.id,
        "invoices": invoice.id,
        "lines": invoice.lines.data[0].id,
        "meters": meter.id,
        "plans": price.id,
        "prices": price.id,
        "promotion_codes": code.id,
        "products": product.id,
        "subscription_items": subscription["items"].data[0].id,
        "subscription_schedules": schedule.id,
        "subscriptions": subscription.id,
        "tax_rates": rate.id,
        "tax_ids": tax_id.id,
        "test_clocks": clock.id,
        "webhook_endpoints": hook.id,
    }


def _path(operation: Operation, world: dict[str, str]) -> str:
    """The operation's path with ids in it."""

    def fill(match: re.Match[str]) -> str:
        return f"{match[1]}/{world[match[1]]}"

    return re.sub(r"(\w+)/\{\w+\}", fill, operation.path)


@pytest.fixture
def live_key(dynamodb: Engine) -> str:
    secret = create_key(livemode=True).secret
    forget_events(dynamodb)
    return secret


def test_no_operation_reaches_an_object_of_the_other_mode(api: Api, live_key: str) -> None:
    world = _world(api.client())
    answers = {}
    for operation in KEYED:
        if "{" in operation.path and name_of(operation) != SHARED:
            params = NEEDED.get(name_of(operation), {})
            status, body = _ask(api, live_key, operation, _path(operation, world), params)
            answers[name_of(operation)] = (status, body.get("error", {}).get("code"))
    assert len(answers) > 40
    assert answers == {name: (404, _missing_code(name)) for name in answers}


def _missing_code(name: str) -> str | None:
    """How an object that is not there is told; Stripe gives no code for subscription items."""
    if "/v2/" in name:
        return "not_found"
    return None if "/subscription_items/{id}" in name else "resource_missing"


def test_no_list_shows_objects_of_the_other_mode(api: Api, live_key: str) -> None:
    world = _world(api.client())
    shown = {}
    for operation in KEYED:
        lists = operation.answer in (Answer.LIST, Answer.SEARCH) or operation.path.endswith(
            "/v2/core/events"
        )
        if lists and "{" not in operation.path and operation.path not in OF_ONE:
            params = {"query": "created>0"} if operation.answer is Answer.SEARCH else {}
            status, body = _ask(api, live_key, operation, operation.path, params)
            shown[name_of(operation)] = (status, body.get("data"))
    assert len(shown) > 15
    assert shown == dict.fromkeys(shown, (200, []))
    for path, (param, kind) in OF_ONE.items():
        [operation] = [one for one in KEYED if name_of(one) == f"GET {path}"]
        needed = NEEDED.get(name_of(operation), {})
        answer = _ask(api, live_key, operation, path, {param: world[kind], **needed})
        assert answer[0] in (400, 404)
        assert answer[1]["error"].get("code") == "resource_missing"


@pytest.mark.parametrize(
    ("path", "params", "param"),
    [
        ("/v1/prices", {"product": "{products}", "unit_amount": 1}, "product"),
        (
            "/v1/prices",
            {
                "product_data[name]": "P",
                "unit_amount": 1,
                "recurring[interval]": "month",
                "recurring[usage_type]": "metered",
                "recurring[meter]": "{meters}",
            },
            "recurring[meter]",
        ),
        ("/v1/customers", {"test_clock": "{test_clocks}"}, "test_clock"),
        ("/v1/subscriptions", {"customer": "{customers}", "items[0][price]": "p"}, "customer"),
        ("/v1/invoices", {"customer": "{customers}"}, "customer"),
        ("/v1/invoiceitems", {"customer": "{customers}", "amount": 1}, "customer"),
        ("/v1/invoices/create_preview", {"subscription": "{subscriptions}"}, "subscription"),
        (
            "/v1/subscription_items",
            {"subscription": "{subscriptions}", "price": "{prices}"},
            "subscription",
        ),
    ],
)
def test_no_parameter_reaches_an_object_of_the_other_mode(
    api: Api, live_key: str, path: str, params: dict[str, Any], param: str
) -> None:
    world = _world(api.client())
    operation = next(one for one in KEYED if name_of(one) == f"POST {path}")
    given = {name: str(value).format(**world) for name, value in params.items()}
    if path in ("/v1/prices", "/v1/invoiceitems"):
        given["currency"] = "usd"
    status, body = _ask(api, live_key, operation, path, given)
    assert (status, body["error"]["code"], body["error"]["param"]) == (
        404 if path == "/v1/subscriptions" else 400,
        "resource_missing",
        param,
    )


def _statuses(api: Api, key: str, operations: Iterable[Operation]) -> dict[str, int]:
    return {
        name_of(operation): _ask(
            api, key, operation, operation.path.replace("{", "").replace("}", ""), {}
        )[0]
        for operation in operations
    }


def test_a_key_without_rights_may_do_nothing(api: Api) -> None:
    key = create_key(livemode=False, rights={"nothing": "write"}).secret
    assert set(_statuses(api, key, KEYED).values()) == {403}


def test_a_key_that_may_only_read_changes_nothing(api: Api) -> None:
    rights = {one.permission: "read" for one in KEYED}
    key = create_key(livemode=False, rights=rights).secret
    statuses = _statuses(api, key, KEYED)
    refused = {name for name, status in statuses.items() if status == 403}
    assert refused - {SHARED} == {name_of(one) for one in KEYED if one.writes}


def test_a_key_that_has_ended_may_do_nothing(api: Api) -> None:
    made = create_key(livemode=False)
    revoke_key(made.key.id)
    forget_cached()
    assert set(_statuses(api, made.secret, KEYED).values()) == {401}


def test_nobody_may_do_anything(api: Api) -> None:
    assert set(_statuses(api, "", OPERATIONS).values()) == {401}
    assert set(_statuses(api, "sk_test_" + "x" * 40, OPERATIONS).values()) == {401}


def test_a_rolled_key_ends_when_its_grace_does(api: Api) -> None:
    made = create_key(livemode=False)
    roll_key(made.key.id, old_usable_seconds=0)
    forget_cached()
    assert set(_statuses(api, made.secret, KEYED[:1]).values()) == {401}


# ---------------------------------------------------------------- idempotent replays


def _create(api: Api, key: str, name: str, expand: str = "") -> tuple[int, Any, str | None]:
    params = {"name": name} | ({"expand": [expand]} if expand else {})
    reply = api.ask("POST", "/v1/customers", params, key=key, idempotency_key="once")
    return reply.status, reply.body, reply.headers.get("idempotent-replayed")


def test_an_idempotency_key_belongs_to_the_api_key_that_used_it(api: Api, live_key: str) -> None:
    other = create_key(livemode=False).secret
    answers = [_create(api, key, "A") for key in (api.key, other, live_key)]
    assert [(status, replayed) for status, _, replayed in answers] == [(200, None)] * 3
    assert len({body["id"] for _, body, _ in answers}) == 3


def test_a_replay_shows_only_what_the_key_may_read(api: Api) -> None:
    key = create_key(livemode=False, rights={"customers": "write"}).secret
    assert _create(api, key, "A")[0] == 200
    assert _create(api, key, "A", expand="subscriptions")[0] in (400, 403)


def test_a_key_that_has_ended_gets_no_replay(api: Api) -> None:
    made = create_key(livemode=False)
    assert _create(api, made.secret, "A")[0] == 200
    revoke_key(made.key.id)
    forget_cached()
    status, body, _ = _create(api, made.secret, "A")
    assert (status, "id" in body) == (401, False)


def test_the_secret_of_an_endpoint_is_replayed_but_not_readable_in_the_table(api: Api) -> None:
    params = {"url": "https://a.example", "enabled_events": ["*"]}
    first, again = (
        api.ask("POST", "/v1/webhook_endpoints", params, idempotency_key="hook").body
        for _ in range(2)
    )
    assert first["secret"].startswith("whsec_")
    assert again == first
    assert first["secret"] not in str(api.engine.scan("access"))


# ---------------------------------------------------------------- stream sessions


def _session(api: Api, key: str) -> tuple[int, Any]:
    status, _, body = api.ask("POST", "/v2/billing/meter_event_session", "{}", key=key)
    return status, body


def _stream(api: Api, token: str) -> tuple[int, str | None]:
    text = json.dumps(
        {"events": [{"event_name": "m", "payload": {"stripe_customer_id": "c", "value": "1"}}]}
    )
    status, _, body = api.ask("POST", STREAM, text, key=token, content_type="application/json")
    return status, body.get("error", {}).get("code")


def test_a_session_is_for_streams_only_and_a_key_is_not(api: Api) -> None:
    token = _session(api, api.key)[1]["authentication_token"]
    assert _stream(api, token)[0] == 200
    assert set(_statuses(api, token, KEYED).values()) == {401}
    assert _stream(api, api.key)[0] == 401


def test_a_session_is_stored_as_a_digest(api: Api) -> None:
    token = _session(api, api.key)[1]["authentication_token"]
    assert token not in str(api.engine.scan("access"))


def test_a_session_has_the_rights_of_its_key(api: Api) -> None:
    session, stream = "billing_meter_event_session", "billing_meter_event_stream"
    keys = [
        create_key(livemode=False, rights=rights).secret
        for rights in ({session: "read"}, {session: "write"}, {session: "write", stream: "write"})
    ]
    answers = [_session(api, key) for key in keys]
    assert [status for status, _ in answers] == [403, 200, 200]
    tokens = [body["authentication_token"] for status, body in answers if status == 200]
    assert [_stream(api, token)[0] for token in tokens] == [403, 200]


def test_a_session_has_the_mode_of_its_key(api: Api, live_key: str) -> None:
    _, session = _session(api, live_key)
    assert session["livemode"]
    assert not _session(api, api.key)[1]["livemode"]


def test_a_session_dies_with_its_key(api: Api) -> None:
    made = create_key(livemode=False)
    token = _session(api, made.secret)[1]["authentication_token"]
    revoke_key(made.key.id)
    forget_cached()
    assert _stream(api, token) == (401, "billing_meter_event_session_expired")


def test_a_session_ends_after_fifteen_minutes(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    token = _session(api, api.key)[1]["authentication_token"]
    moment = int(time.time())
    for minutes, status in ((14, 200), (16, 401)):
        with monkeypatch.context() as patch:
            patch.setattr("meterline.api.app.time.time", lambda at=moment + minutes * 60: at)
            assert _stream(api, token)[0] == status
