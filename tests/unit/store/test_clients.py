"""Our DynamoDB client writes its requests in a way of its own, and they are those of boto3."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, parse_qs, urlsplit

import boto3
import pytest
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from moto import mock_aws

from meterline.store.base import clients
from tests.attempts import Response, answering

ITEM = {
    "pk": {"S": "t#café\u2028"},
    "amount": {"N": "-12.5"},
    "rows": {"B": b"\x00\xff"},
    "both": {"M": {"list": {"L": [{"BOOL": True}, {"NULL": True}, {"B": b"\x01"}]}}},
    "set": {"BS": [b"a", b"b"]},
}
CALLS: dict[str, dict[str, Any]] = {
    "put_item": {"TableName": "t", "Item": ITEM, "ConditionExpression": "attribute_not_exists(pk)"},
    "get_item": {"TableName": "t", "Key": {"pk": {"S": "1"}}, "ConsistentRead": True},
    "query": {
        "TableName": "t",
        "KeyConditionExpression": "pk = :pk",
        "ExpressionAttributeValues": {":pk": {"S": "1"}},
        "Limit": 5,
    },
    "batch_get_item": {"RequestItems": {"t": {"Keys": [{"pk": {"S": "1"}}]}}},
    "batch_execute_statement": {
        "Statements": [{"Statement": "INSERT", "Parameters": list(ITEM.values())}]
    },
    "transact_write_items": {
        "TransactItems": [{"Put": {"TableName": "t", "Item": ITEM}}],
        "ClientRequestToken": "token",
    },
}


@pytest.fixture
def ours(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    clients.reset_clients()
    yield clients.dynamodb()
    clients.reset_clients()


@pytest.mark.parametrize("operation", CALLS)
def test_a_request_says_what_boto3_would_say(ours: Any, operation: str) -> None:
    sent = [_sent(client, operation) for client in (ours, boto3.client("dynamodb"))]
    bodies = [json.loads(_body(request)) for request in sent]
    targets = [request.headers["X-Amz-Target"] for request in sent]
    assert bodies[0] == bodies[1]
    assert targets[0] == targets[1]
    assert sent[0].url == sent[1].url


def test_a_request_is_signed_as_it_is_sent(ours: Any) -> None:
    request = _sent(ours, "put_item")
    assert int(request.headers["Content-Length"]) == len(_body(request))
    assert b"Signature=" in request.headers["Authorization"]


ROLE = "arn:aws:iam::123456789012:role/operator"
PROFILES = {
    "an assumed role": (
        f"[profile operator]\nrole_arn = {ROLE}\nsource_profile = base\n"
        "[profile base]\naws_access_key_id = a\naws_secret_access_key = b\n"
    ),
    "a web identity": (
        f"[profile operator]\nrole_arn = {ROLE}\nrole_session_name = operator\n"
        "web_identity_token_file = {token}\n"
    ),
}


@pytest.mark.parametrize("profile", PROFILES)
def test_credentials_may_come_by_way_of_other_services(
    profile: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    token, config = tmp_path / "token", tmp_path / "config"
    token.write_text("token")
    config.write_text("".join(PROFILES[profile]).replace("{token}", str(token)))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    monkeypatch.setenv("AWS_PROFILE", "operator")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)
    clients.reset_clients()
    with mock_aws(config={"core": {"mock_credentials": False}}):
        assert clients.dynamodb().list_tables()["TableNames"] == []
    clients.reset_clients()


@pytest.mark.parametrize(("in_lambda", "known"), [(True, False), (False, True)])
def test_only_a_function_does_without_the_services_that_lead_to_credentials(
    monkeypatch: pytest.MonkeyPatch,
    in_lambda: bool,  # noqa: FBT001 - a case
    known: bool,  # noqa: FBT001 - a case
) -> None:
    if in_lambda:
        monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "serve")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    clients.reset_clients()
    offered = set(clients.session().get_available_services())
    clients.reset_clients()
    assert offered >= set(clients.SERVICES)
    assert ({"sso", "sso-oidc", "sts"} <= offered) == known


# region | the host of a bucket of its own
HOSTS = [
    ("us-east-1", "pdfs.s3.amazonaws.com"),
    ("eu-west-1", "pdfs.s3.eu-west-1.amazonaws.com"),
    ("eu-central-1", "pdfs.s3.eu-central-1.amazonaws.com"),
    ("ap-southeast-5", "pdfs.s3.ap-southeast-5.amazonaws.com"),
    ("us-gov-west-1", "pdfs.s3.us-gov-west-1.amazonaws.com"),
    ("cn-north-1", "pdfs.s3.cn-north-1.amazonaws.com.cn"),
]


def _address_of_an_object() -> SplitResult:
    clients.reset_clients()
    where = {"Bucket": "pdfs", "Key": "l/cus_1/a.pdf"}
    address: str = clients.s3().generate_presigned_url("get_object", Params=where)
    return urlsplit(address)


@pytest.mark.usefixtures("ours")
@pytest.mark.parametrize(("region", "host"), HOSTS)
def test_an_address_in_a_bucket_is_one_that_s3_takes_without_a_redirect(
    monkeypatch: pytest.MonkeyPatch, region: str, host: str
) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", region)
    address = _address_of_an_object()
    assert (address.hostname, address.path) == (host, "/l/cus_1/a.pdf")
    assert parse_qs(address.query)["X-Amz-Algorithm"] == ["AWS4-HMAC-SHA256"]


@pytest.mark.usefixtures("ours")
@pytest.mark.parametrize("variable", ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"])
def test_another_endpoint_has_one_host_for_all_buckets(
    monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, "http://stack.internal:4566")
    address = _address_of_an_object()
    assert (address.hostname, address.path) == ("stack.internal", "/pdfs/l/cus_1/a.pdf")


def _sent(client: Any, operation: str) -> AWSPreparedRequest:
    """The request that a call sends."""
    sent: list[AWSPreparedRequest] = []

    def respond(request: AWSPreparedRequest) -> AWSResponse:
        sent.append(request)
        return Response(b"{}")

    with answering(client, respond):
        getattr(client, operation)(**CALLS[operation])
    return sent[0]


def _body(request: AWSPreparedRequest) -> bytes:
    assert isinstance(request.body, bytes)
    return request.body
