"""What a request says, who signed it, and where it is sent."""

import socket
import ssl
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSPreparedRequest, AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import NoCredentialsError

from meterline.store.base import signatures
from meterline.store.base.first_attempts import HOOK
from tests.attempts import as_request, said
from tests.unit.store.certificates import certificate
from tests.unit.store.first_attempts.service import (
    ITEM,
    Server,
    botocores,
    get,
    ours,
    outcome,
    serving,
)


def test_a_request_is_signed_as_botocore_signs_it() -> None:
    now = 1_900_000_000
    headers = {
        "x-amz-target": "DynamoDB_20120810.GetItem",
        "content-type": "application/x-amz-json-1.0",
        "user-agent": "Meterline",
        "x-amzn-trace-id": "Root=1",
        "host": "dynamodb.eu-west-1.amazonaws.com",
        "x-odd": "  two   words ",
    }
    for credentials in (Credentials("key", "secret"), Credentials("key", "secret", "token")):
        request = AWSRequest("POST", f"https://{headers['host']}/", dict(headers), b"{}")
        with patch("botocore.auth.get_current_datetime", lambda: datetime.fromtimestamp(now, UTC)):
            SigV4Auth(credentials, "dynamodb", "eu-west-1").add_auth(request)
        signed = dict(headers)
        scope = signatures.Scope("eu-west-1", "dynamodb")
        signatures.sign(signed, b"{}", scope, credentials, now=now)
        assert signed["authorization"] == request.headers["Authorization"]
        assert signed["x-amz-date"] == request.headers["X-Amz-Date"]


@pytest.mark.parametrize(
    ("seconds", "secret"), [(86_400, "secret"), (0, "other")], ids=["the next day", "rotated"]
)
def test_a_kept_key_signs_for_its_day_and_secret_only(seconds: int, secret: str) -> None:
    scope = signatures.Scope("eu-west-1", "dynamodb")
    now = 1_900_000_000

    def signature(seconds: int, secret: str) -> str:
        headers = {"host": "x"}
        credentials = Credentials("key", secret)
        signatures.sign(headers, b"", scope, credentials, now=now + seconds)
        return headers["authorization"]

    signature(0, "secret")
    after_another = signature(seconds, secret)
    signatures._key.cache_clear()  # noqa: SLF001 - as in a new process
    assert after_another == signature(seconds, secret)


def test_credentials_that_rotate_sign_the_next_call() -> None:
    server = Server()
    with serving(server) as port, ours(port) as client:
        frozen = iter(
            SimpleNamespace(access_key=key, secret_key="s", token=f"token-{key}")
            for key in ("first", "second")
        )
        credentials = client._request_signer._credentials  # noqa: SLF001 - what botocore refreshes
        with patch.object(credentials, "get_frozen_credentials", lambda: next(frozen)):
            get(client)
            get(client)
    for request, key in zip(map(as_request, server.requests), ("first", "second"), strict=True):
        assert f"Credential={key}/" in said(request, "authorization")
        assert said(request, "x-amz-security-token") == f"token-{key}"


def test_without_credentials_nothing_is_sent(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    server = Server()
    with serving(server) as port, ours(port) as client, pytest.raises(NoCredentialsError):
        get(client)
    assert server.requests == []


def test_a_request_says_what_botocores_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "serve")
    heard = []
    for is_first in (True, False):
        server = Server()
        with serving(server) as port, ours(port) as client:
            if not is_first:
                client.meta.events.unregister("before-call", unique_id=HOOK)
            for trace in ("Root=1-2;Parent=3", "Root=1-2;Parent=4"):
                monkeypatch.setenv("_X_AMZN_TRACE_ID", trace)
                get(client)
        heard.append([_said_alike(as_request(request), port) for request in server.requests])
    assert heard[0] == heard[1]


def _said_alike(request: AWSPreparedRequest, port: int) -> Any:
    headers: dict[str, Any] = {name.lower(): text for name, text in request.headers.items()}
    assert headers.pop("host").decode() == f"127.0.0.1:{port}"
    assert headers.pop("user-agent").startswith(b"Meterline")
    changing = ("authorization", "x-amz-date", "amz-sdk-invocation-id")
    return request.method, headers | dict.fromkeys(changing), request.body


def test_botocore_finds_the_address_of_credentials_that_name_their_account(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server = Server()
    with serving(server) as port, ours(port) as client:
        get(client)
        credentials = client._request_signer._credentials  # noqa: SLF001 - what botocore refreshes
        asked: list[str] = []
        find = client._ruleset_resolver.construct_endpoint  # noqa: SLF001 - how it finds addresses

        def noted(**call: Any) -> Any:
            asked.append(call["operation_model"].name)
            return find(**call)

        monkeypatch.setattr(client._ruleset_resolver, "construct_endpoint", noted)  # noqa: SLF001
        get(client)
        assert asked == []
        credentials.account_id = "123456789012"
        get(client)
    assert asked == ["GetItem"]
    assert len(server.requests) == 3


@pytest.fixture(scope="module")
def proof(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return certificate(tmp_path_factory.mktemp("tls"), "localhost")


def _proving(proof: Path) -> Server:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(proof)
    return Server(tls=context)


TLS = {
    "its name": ("localhost", True, "answered"),
    "another name": ("127.0.0.1", True, "SSLError"),
    "an authority that nobody knows": ("localhost", False, "SSLError"),
}


@pytest.mark.parametrize("case", TLS)
def test_a_service_proves_its_name(proof: Path, case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    host, is_trusted, expected = TLS[case]
    for name in ("REQUESTS_CA_BUNDLE", "AWS_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    if is_trusted:
        monkeypatch.setenv("AWS_CA_BUNDLE", str(proof))
    for made in (ours, botocores):
        server = _proving(proof)
        with serving(server) as port, made(port, "https", host) as client:
            assert outcome(client)[0] == expected
            if expected == "answered":
                assert outcome(client)[0] == expected
                assert server.connections == 1
        assert bool(server.requests) == (expected == "answered")


@pytest.mark.usefixtures("impatient")
def test_a_service_that_never_agrees_on_tls_is_given_up_in_time() -> None:
    for made in (ours, botocores):
        listening = socket.create_server(("127.0.0.1", 0))
        with listening, made(listening.getsockname()[1], "https") as client:
            assert outcome(client)[0] in {"ReadTimeoutError", "ConnectTimeoutError"}


def test_proxies_are_botocores_to_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    proxy = Server()
    with serving(proxy) as port:
        monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{port}")
        monkeypatch.setenv("NO_PROXY", "")
        with ours(8, host="dynamodb.test") as client:
            assert get(client)["Item"] == ITEM
    assert proxy.requests[0].startswith(b"POST http://dynamodb.test:8/ ")


def test_a_service_under_a_path_is_botocores_to_ask() -> None:
    server = Server()
    with serving(server) as port, ours(port, path="/dynamodb") as client:
        assert get(client)["Item"] == ITEM
    assert server.requests[0].startswith(b"POST /dynamodb")
