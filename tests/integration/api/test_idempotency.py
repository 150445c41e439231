"""A POST takes effect once, wherever its function dies."""

import json
from typing import Any

import pytest

from meterline.api import idempotency
from meterline.services.base.context import Context
from meterline.store.account import idempotency_records
from meterline.store.base import clients
from meterline.store.base.documents import Receipt
from meterline.store.base.packing import unpack_text
from tests.handlers import gateway_event
from tests.integration.api.conftest import Api, Reply


class Died(BaseException):
    """The function's process ended; nothing after it ran."""


def _create(api: Api, body: str = "name=A", key: str = "once") -> Reply:
    return api.ask("POST", "/v1/customers", body, idempotency_key=key)


def _customers(api: Api) -> list[str]:
    return [customer.id for customer in api.client().v1.customers.list()]


def test_a_death_after_the_commit_is_answered_with_what_was_committed(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: object) -> None:
        raise Died

    with monkeypatch.context() as patch:
        patch.setattr(idempotency, "finish", die)
        with pytest.raises(Died):
            _create(api)
    committed = _customers(api)
    assert len(committed) == 1

    status, headers, customer = _create(api)
    assert (status, customer["id"], customer["name"]) == (200, committed[0], "A")
    assert headers["idempotent-replayed"] == "true"
    assert _customers(api) == committed


def test_a_new_item_is_found_again_in_its_subscription(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: object) -> None:
        raise Died

    client = api.client()
    product = client.v1.products.create({"name": "Seats"}).id
    first, second = (
        client.v1.prices.create(
            {
                "product": product,
                "currency": "eur",
                "unit_amount": 100 + number,
                "recurring": {"interval": "month"},
            }
        ).id
        for number in range(2)
    )
    customer = client.v1.customers.create({"name": "A"}).id
    subscription = client.v1.subscriptions.create(
        {"customer": customer, "items": [{"price": first}]}
    ).id
    headers = {"authorization": f"Bearer {api.key}", "idempotency-key": "item"}
    body = f"subscription={subscription}&price={second}".encode()
    event = gateway_event("POST", "/v1/subscription_items", headers, body)

    with monkeypatch.context() as patch:
        patch.setattr(idempotency, "finish", die)
        with pytest.raises(Died):
            api.bridge.call(event)
    response = api.bridge.call(event)
    assert response["statusCode"] == 200
    assert json.loads(response["body"])["price"]["id"] == second
    items = client.v1.subscription_items.list({"subscription": subscription}).data
    assert [item.price.id for item in items] == [first, second]


def test_a_changed_line_is_found_again_after_its_answer_was_lost(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: object) -> None:
        raise Died

    client = api.client()
    customer = client.v1.customers.create({"name": "A"}).id
    draft = client.v1.invoices.create({"customer": customer}).id
    item = {"customer": customer, "invoice": draft, "amount": 700, "currency": "usd"}
    client.v1.invoice_items.create(item)
    line = client.v1.invoices.retrieve(draft).lines.data[0].id
    headers = {"authorization": f"Bearer {api.key}", "idempotency-key": "line"}
    path = f"/v1/invoices/{draft}/lines/{line}"
    event = gateway_event("POST", path, headers, b"description=Again")

    with monkeypatch.context() as patch:
        patch.setattr(idempotency, "finish", die)
        with pytest.raises(Died):
            api.bridge.call(event)
    response = api.bridge.call(event)
    assert response["statusCode"] == 200
    shown = json.loads(response["body"])
    assert (shown["id"], shown["description"], shown["amount"]) == (line, "Again", 700)


def test_a_death_before_the_commit_blocks_until_the_lease_ends_and_then_runs(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: object, **__: object) -> None:
        raise Died

    with monkeypatch.context() as patch:
        patch.setattr(Context, "save", die)
        with pytest.raises(Died):
            _create(api)
    status, headers, refusal = _create(api)
    assert (status, refusal["error"]["code"]) == (409, "idempotency_key_in_use")
    assert headers["stripe-should-retry"] == "true"

    _end_lease(api)
    status, _, customer = _create(api)
    assert (status, customer["name"]) == (200, "A")


def _conflicting(times: int, patch: pytest.MonkeyPatch, write: str) -> list[int]:
    """Let writes to the Access table meet a running transaction so many times."""
    client = clients.dynamodb()
    call = getattr(client, write)
    met: list[int] = []

    def conflicts(**parameters: Any) -> Any:
        if len(met) < times:
            met.append(1)
            details = {"Error": {"Code": "TransactionConflictException", "Message": "ongoing"}}
            raise client.exceptions.TransactionConflictException(details, write)
        return call(**parameters)

    patch.setattr(client, write, conflicts)
    return met


@pytest.mark.parametrize("write", ["put_item", "update_item"])
def test_a_record_waits_for_the_transaction_that_is_at_work_on_it(
    api: Api, monkeypatch: pytest.MonkeyPatch, write: str
) -> None:
    met = _conflicting(2, monkeypatch, write)
    first, again = _create(api), _create(api)
    assert len(met) == 2
    assert (first[0], again[0]) == (200, 200)
    assert first[2] == again[2]


def test_a_key_whose_first_request_is_just_committing_is_in_use(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        _conflicting(100, patch, "put_item")
        status, headers, refusal = _create(api)
    assert (status, refusal["error"]["code"]) == (409, "idempotency_key_in_use")
    assert headers["stripe-should-retry"] == "true"
    assert _create(api)[0] == 200


def test_an_answer_that_cannot_be_stored_is_made_again(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        _conflicting(100, patch, "update_item")
        first = _create(api)
    again = _create(api)
    assert (first[0], again[0]) == (200, 200)
    assert first[2] == again[2]
    assert again[1]["idempotent-replayed"] == "true"


def test_an_attempt_that_lost_its_lease_commits_nothing(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A function that froze past its lease wakes up after another one did the work."""
    save = Context.save
    late: list[Context] = []

    def take_over_then_save(self: Context, *arguments: Any, **named: Any) -> None:
        if not late:
            late.append(self)
            _end_lease(api)
            assert _create(api)[0] == 200
        save(self, *arguments, **named)

    monkeypatch.setattr(Context, "save", take_over_then_save)
    status, _, refusal = _create(api)
    assert (status, refusal["error"]["code"]) == (409, "idempotency_key_in_use")
    assert len(_customers(api)) == 1


def test_an_unexpected_failure_lets_the_same_key_try_again(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("secret detail")

    with monkeypatch.context() as patch:
        patch.setattr(Context, "save", fail)
        status, headers, refusal = _create(api)
    assert (status, refusal["error"]["type"]) == (500, "api_error")
    assert "secret detail" not in str(refusal)
    assert headers["stripe-should-retry"] == "true"
    assert _create(api)[0] == 200
    assert len(_customers(api)) == 1


def test_a_key_is_free_again_after_a_day(api: Api) -> None:
    assert _create(api)[0] == 200
    for item in api.engine.scan("access"):
        if item["pk"]["S"].startswith("idem#"):
            past = item | {"expires_at": {"N": "1"}}
            api.engine.client.put_item(TableName=api.engine.tables["access"], Item=past)
    assert _create(api, "name=B")[2]["name"] == "B"
    assert len(_customers(api)) == 2


def test_an_answer_too_large_to_store_is_rendered_again(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(idempotency, "_MAX_ANSWER_BYTES", 10)
    first = _create(api)[2]
    status, headers, again = _create(api)
    assert (status, again) == (200, first)
    assert headers["idempotent-replayed"] == "true"


def _create_endpoint(api: Api) -> tuple[int, Any]:
    headers = {"authorization": f"Bearer {api.key}", "idempotency-key": "hook"}
    body = b"url=https://example.com/hook&enabled_events[]=*"
    event = gateway_event("POST", "/v1/webhook_endpoints", headers, body)
    response = api.bridge.call(event)
    return response["statusCode"], response["body"]


def _stored_answers(api: Api) -> list[str]:
    return [
        unpack_text(bytes(item["answer"]["B"])).decode()
        for item in api.engine.scan("access")
        if "answer" in item
    ]


def test_a_secret_is_replayed_and_yet_in_no_stored_answer(api: Api) -> None:
    status, first = _create_endpoint(api)
    endpoint = json.loads(first)
    assert (status, endpoint["secret"][:6]) == (200, "whsec_")
    [stored] = _stored_answers(api)
    assert json.loads(stored) == {name: endpoint[name] for name in endpoint if name != "secret"}
    api.client().v1.webhook_endpoints.update(endpoint["id"], {"description": "changed since"})
    assert _create_endpoint(api) == (200, first)


def test_a_session_token_is_stored_nowhere(api: Api) -> None:
    headers = {"authorization": f"Bearer {api.key}", "idempotency-key": "session"}
    event = gateway_event("POST", "/v2/billing/meter_event_session", headers, b"{}")
    session = json.loads(api.bridge.call(event)["body"])
    assert session["authentication_token"]
    assert session["authentication_token"] not in str(api.engine.scan("access"))
    assert _stored_answers(api) == []


def test_a_secret_that_was_deleted_is_gone_for_replays_too(api: Api) -> None:
    endpoint = json.loads(_create_endpoint(api)[1])
    api.client().v1.webhook_endpoints.delete(endpoint["id"])
    status, refusal = _create_endpoint(api)
    assert status == 404
    assert "its result is gone" in refusal
    assert "whsec_" not in refusal


def test_a_secret_is_replayed_when_its_answer_was_never_stored(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(idempotency, "_MAX_ANSWER_BYTES", 10)
    first = _create_endpoint(api)
    assert _stored_answers(api) == []
    again = _create_endpoint(api)
    assert (again[0], json.loads(again[1])) == (200, json.loads(first[1]))
    assert "whsec_" in again[1]


def test_a_replay_says_what_was_answered_though_the_object_changed(api: Api) -> None:
    first = _create(api)[2]
    api.client().v1.customers.update(first["id"], {"name": "B"})
    assert _create(api)[2] == first


def test_an_answer_in_the_form_of_another_release_is_rendered_again(api: Api) -> None:
    first = _create(api)[2]
    for item in api.engine.scan("access"):
        if "answer" in item:
            changed = item | {"answer": {"B": b"\xff" + bytes(item["answer"]["B"])[1:]}}
            api.engine.client.put_item(TableName=api.engine.tables["access"], Item=changed)
    assert _create(api)[2] == first
    assert _customers(api) == [first["id"]]


def test_a_receipt_names_its_attempt(api: Api) -> None:
    assert api.key
    claimed = idempotency_records.claim("idem#x", "f", "req_1", 1_000)
    assert isinstance(claimed, Receipt)
    running = idempotency_records.claim("idem#x", "f", "req_2", 1_001)
    assert isinstance(running, idempotency_records.Record)
    assert (running.request_id, running.lease) == ("req_1", claimed.lease)
    taken = idempotency_records.claim("idem#x", "f", "req_3", 1_000 + 46)
    assert isinstance(taken, Receipt)
    idempotency_records.store_answer(claimed, 200, b"late")
    current = idempotency_records.claim("idem#x", "f", "req_4", 1_050)
    assert isinstance(current, idempotency_records.Record)
    assert current.state is idempotency_records.State.RUNNING


def _end_lease(api: Api) -> None:
    """Let all leases be over, as time would."""
    for item in api.engine.scan("access"):
        if item["pk"]["S"].startswith("idem#"):
            api.engine.client.update_item(
                TableName=api.engine.tables["access"],
                Key={"pk": item["pk"]},
                UpdateExpression="SET leased_until = :past",
                ExpressionAttributeValues={":past": {"N": "1"}},
            )
