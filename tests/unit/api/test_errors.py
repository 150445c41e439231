"""Refusals say where their code is documented, and where the operator finds their log."""

import re
from pathlib import Path

import pytest

import meterline
from meterline.api.errors import error_body, request_log_url
from meterline.core.base.errors import BillingError

_PACKAGE = Path(meterline.__file__).parent
_OWN = {"missing", "url_invalid", "usage_rows_expired"}


@pytest.mark.parametrize(
    ("code", "documented"),
    [
        ("resource_missing", "https://stripe.com/docs/error-codes/resource-missing"),
        ("rate_limit", "https://stripe.com/docs/error-codes/rate-limit"),
        ("usage_rows_expired", None),
        (None, None),
    ],
)
def test_a_code_of_stripes_is_documented_there(code: str | None, documented: str | None) -> None:
    body = error_body(BillingError("No.", code=code), is_v2=False)
    assert body["error"].get("doc_url") == documented


def test_only_codes_that_the_source_has_are_called_our_own() -> None:
    source = "".join(path.read_text() for path in _PACKAGE.rglob("*.py"))
    assert set(re.findall(r'code="([a-z_]+)"', source)) >= _OWN


@pytest.mark.parametrize("is_v2", [True, False])
def test_a_refusal_without_a_log_names_none(*, is_v2: bool) -> None:
    assert "request_log_url" not in error_body(BillingError("No."), is_v2=is_v2)["error"]


def test_a_refusal_of_v2_names_neither() -> None:
    body = error_body(BillingError("No.", code="rate_limit"), is_v2=True, log_url="https://log")
    assert body["error"].keys() == {"code", "message", "type"}


@pytest.mark.parametrize(
    ("region", "console"),
    [
        ("eu-central-1", "https://console.aws.amazon.com/cloudwatch/home?region=eu-central-1#"),
        ("cn-north-1", "https://console.amazonaws.cn/cloudwatch/home?region=cn-north-1#"),
        (
            "us-gov-west-1",
            "https://console.amazonaws-us-gov.com/cloudwatch/home?region=us-gov-west-1#",
        ),
    ],
)
def test_a_log_is_in_the_console_of_the_partition(
    monkeypatch: pytest.MonkeyPatch, region: str, console: str
) -> None:
    monkeypatch.setenv("AWS_REGION", region)
    monkeypatch.setenv("AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/invoices")
    assert request_log_url("req_1") == (
        f"{console}logsV2:log-groups/log-group/$252Faws$252Flambda$252Finvoices/log-events"
        "$3FfilterPattern$3D$2522req_1$2522"
    )
