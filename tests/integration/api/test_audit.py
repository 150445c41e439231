"""Who did what: in the log line of each request, and in events, those of keys and settings too."""

import json
from typing import Any

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError

from meterline.api.auth import forget_cached
from meterline.services.account import api_keys
from meterline.store.base import clients
from meterline_cli.main import main
from tests.handlers import gateway_event
from tests.integration.api.conftest import Api, Client

SETTINGS = "/v1/meterline/settings"


def _key_id(secret: str) -> str:
    return next(key.id for key in api_keys.list_keys() if key.hint.endswith(secret[-4:]))


def _logged(api: Api, capsys: pytest.CaptureFixture[str], key: str) -> tuple[int, Any, str]:
    """A call with a key: its status, the log line of the request, and all that was logged."""
    capsys.readouterr()
    headers = {"authorization": f"Bearer {key}"}
    response = api.bridge.call(gateway_event("GET", "/v1/customers", headers))
    text = capsys.readouterr().out
    [line] = [one for one in map(json.loads, text.splitlines()) if one.get("message") == "request"]
    assert line["correlation_id"] == response["headers"]["request-id"]
    return response["statusCode"], line, text


def _told(client: Client, kind: str) -> list[Any]:
    """The events of a kind, oldest first."""
    found = client.v1.events.list({"type": kind, "limit": 100}).data
    return [json.loads(str(event)) for event in found][::-1]


def test_the_log_line_of_a_request_has_the_id_of_its_key_and_never_the_key(
    api: Api, capsys: pytest.CaptureFixture[str]
) -> None:
    status, line, text = _logged(api, capsys, api.key)
    assert (status, line["api_key"]) == (200, _key_id(api.key))
    assert api.key not in text


def test_the_log_line_names_a_key_that_has_no_right(
    api: Api, capsys: pytest.CaptureFixture[str]
) -> None:
    made = api_keys.create_key(livemode=False, rights={"prices": "read"})
    status, line, _ = _logged(api, capsys, made.secret)
    assert (status, line["api_key"]) == (403, made.key.id)


def test_an_event_names_the_key_of_the_request_that_caused_it(api: Api, client: Client) -> None:
    client.v1.customers.create({"name": "Ada"})
    [event] = _told(client, "customer.created")
    assert event["request"]["meterline"] == {"api_key": _key_id(api.key), "aws_principal": None}
    assert event["request"]["id"]
    assert api.key not in str(event)


def test_every_change_of_a_key_leaves_an_event_that_names_who_made_it(
    client: Client, capsys: pytest.CaptureFixture[str]
) -> None:
    me = boto3.client("sts").get_caller_identity()["Arn"]
    assert main(["api-key", "create", "--name", "ci", "--right", "customers=read"]) == 0
    secret = capsys.readouterr().out.strip()
    [created] = _told(client, "meterline.api_key.created")
    first = created["data"]["object"]["id"]
    assert created["data"]["object"] == {
        "id": first,
        "object": "meterline.api_key",
        "created": created["data"]["object"]["created"],
        "hint": f"rk_test_…{secret[-4:]}",
        "livemode": False,
        "name": "ci",
        "rights": {"customers": "read"},
        "usable_until": None,
    }

    assert main(["api-key", "roll", first, "--grace-seconds", "60"]) == 0
    [rolled] = _told(client, "meterline.api_key.rolled")
    second = _told(client, "meterline.api_key.created")[1]["data"]["object"]["id"]
    assert rolled["data"]["object"]["id"] == first
    assert rolled["data"]["object"]["usable_until"] >= rolled["created"] + 60
    assert rolled["data"]["previous_attributes"] == {"usable_until": None}

    assert main(["api-key", "revoke", second]) == 0
    [revoked] = _told(client, "meterline.api_key.revoked")
    assert revoked["data"]["object"]["id"] == second
    assert revoked["data"]["object"]["usable_until"] <= revoked["created"]

    told = _told(client, "meterline.api_key.*")
    assert len(told) == 4
    for event in told:
        assert event["request"]["id"] is None
        assert event["request"]["meterline"] == {"api_key": None, "aws_principal": me}
    digests = [key.digest for key in api_keys.list_keys()]
    assert not [one for one in [secret, *digests] if one in str(told)]


def test_a_key_is_stored_listed_and_told_of_or_nothing_is(
    api: Api, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = {key.id for key in api_keys.list_keys()}
    keys_before = len(api.engine.scan("access"))
    sent = clients.dynamodb()

    def fail(**_: Any) -> None:
        raise EndpointConnectionError(endpoint_url="https://dynamodb")

    monkeypatch.setattr(sent, "transact_write_items", fail)
    with pytest.raises(EndpointConnectionError):
        api_keys.create_key(livemode=False)
    assert {key.id for key in api_keys.list_keys()} == before
    assert len(api.engine.scan("access")) == keys_before
    assert _told(client, "meterline.api_key.created") == []


def test_keys_can_be_changed_where_sts_cannot_be_asked(
    api: Api,
    client: Client,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert api.key
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    assert main(["api-key", "create"]) == 0
    secret = capsys.readouterr().out.strip()
    forget_cached()
    assert api.client(secret).v1.customers.list().data == []
    [created] = _told(client, "meterline.api_key.created")
    assert created["request"]["meterline"] == {"api_key": None, "aws_principal": None}


def test_a_name_that_is_too_long_for_a_key_is_refused(
    api: Api, capsys: pytest.CaptureFixture[str]
) -> None:
    before = api_keys.list_keys()
    assert main(["api-key", "create", "--name", "x" * 251]) == 1
    assert "250 characters" in capsys.readouterr().err
    assert api_keys.list_keys() == before
    assert api.key


def test_a_change_of_the_settings_leaves_an_event(api: Api, client: Client) -> None:
    for grace in (7_200, 7_200, 60):
        client.raw_request("post", SETTINGS, invoice_grace_seconds=grace)
    first, second = _told(client, "meterline.settings.updated")
    assert first["data"]["previous_attributes"] == {"invoice_grace_seconds": 3_600}
    assert second["data"]["previous_attributes"] == {"invoice_grace_seconds": 7_200}
    assert second["data"]["object"]["invoice_grace_seconds"] == 60
    assert second["request"]["meterline"]["api_key"] == _key_id(api.key)
