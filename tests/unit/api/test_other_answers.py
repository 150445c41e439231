"""Answers that are no JSON, and operations that ask for no key."""

import json
import logging
from base64 import b64decode
from typing import Any

import pytest
from botocore.exceptions import ClientError

from meterline.api import app
from meterline.api.call import Call
from meterline.api.lists import list_operation
from meterline.api.openapi import openapi_document
from meterline.api.operations import Answer, Operation
from meterline.api.params.specs import Params
from meterline.api.router import Routes
from meterline.core.base.errors import BillingError
from tests.contract.answers import WATCH
from tests.handlers import gateway_event

PDF = b"%PDF-1.7\n\xff\xfe"
PAGE = "<p>Łódź</p>"


def page(call: Call, params: Params) -> bytes:
    assert call.key_id is None
    return f"{PAGE}{params}".encode()


def document(_call: Call, _name: str, _params: Params) -> bytes:
    return PDF


def refused(_call: Call, _params: Params) -> bytes:
    raise BillingError("This link has expired.", status=410)


def throttled(_call: Call, _params: Params) -> bytes:
    error: Any = {"Error": {"Code": "ThrottlingException"}}
    raise ClientError(error, "Query")


def mode_of(call: Call, _params: Params) -> bytes:
    return json.dumps({"livemode": call.context_in(livemode=True).livemode}).encode()


def public(method: str, path: str, run: Any, content_type: str) -> Operation:
    return Operation(
        method=method,
        path=path,
        run=run,
        permission="",
        kind="invoice",
        answer=Answer.BYTES,
        content_type=content_type,
        light=True,
        public=True,
    )


ROUTES = Routes(
    [
        public("GET", "/toy/page", page, "text/html; charset=utf-8"),
        public("POST", "/toy/page", page, "text/html; charset=utf-8"),
        public("GET", "/toy/documents/{id}", document, "application/pdf"),
        public("GET", "/toy/refused", refused, "text/html; charset=utf-8"),
        public("GET", "/toy/throttled", throttled, "text/html; charset=utf-8"),
        public("GET", "/toy/mode", mode_of, "application/json"),
        list_operation("/toy/secret", "invoice", lambda: pytest.fail("nobody may call it")),
    ]
)


@pytest.fixture(autouse=True)
def off_contract() -> Any:
    """The contract knows none of these operations."""
    yield
    WATCH.improper = [one for one in WATCH.improper if "/toy/" not in one]


def call(method: str, path: str, query: str = "", **headers: str) -> app.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return app.handle(gateway_event(method, f"{path}?{query}", named), ROUTES)


def test_a_page_is_text_of_its_own_type() -> None:
    answer = call("GET", "/toy/page")
    assert answer["headers"]["content-type"] == "text/html; charset=utf-8"
    assert (answer["statusCode"], answer["isBase64Encoded"]) == (200, False)
    assert answer["body"].startswith(PAGE)


def test_a_binary_answer_is_base64_as_api_gateway_takes_it() -> None:
    answer = call("GET", "/toy/documents/in_1")
    assert answer["headers"]["content-type"] == "application/pdf"
    assert answer["isBase64Encoded"]
    assert b64decode(answer["body"]) == PDF


def test_a_refusal_is_json_whatever_the_operation_answers_with() -> None:
    answer = call("GET", "/toy/refused")
    assert (answer["statusCode"], answer["isBase64Encoded"]) == (410, False)
    assert answer["headers"]["content-type"] == "application/json"
    assert json.loads(answer["body"])["error"]["message"] == "This link has expired."


def test_a_public_operation_is_limited_as_all_are() -> None:
    answer = call("GET", "/toy/throttled")
    assert answer["statusCode"] == 429
    assert json.loads(answer["body"])["error"]["code"] == "rate_limit"


def test_a_public_operation_is_logged_without_a_key(capsys: pytest.CaptureFixture[str]) -> None:
    logging.getLogger().handlers.clear()
    call("GET", "/toy/page")
    [line] = [
        json.loads(splitline)
        for splitline in capsys.readouterr().out.splitlines()
        if "request" in splitline
    ]
    assert (line["route"], line["status"], line.get("api_key")) == ("/toy/page", 200, None)


def test_a_public_operation_checks_its_parameters() -> None:
    assert call("GET", "/toy/page", "colour=red")["statusCode"] == 400


def test_a_public_operation_keeps_no_answer_under_an_idempotency_key() -> None:
    answer = call("POST", "/toy/page", idempotency_key="once")
    assert answer["statusCode"] == 200


def test_nobody_expands_what_needs_a_right_without_a_key() -> None:
    answer = call("GET", "/toy/page", "expand[0]=customer")
    assert answer["statusCode"] == 403


def test_a_public_operation_says_itself_in_which_mode_it_reads() -> None:
    assert json.loads(call("GET", "/toy/mode")["body"]) == {"livemode": True}


def test_all_others_ask_for_a_key() -> None:
    assert call("GET", "/toy/secret")["statusCode"] == 401


def test_the_description_tells_the_type_and_that_no_key_is_needed() -> None:
    paths = openapi_document(ROUTES.operations)["paths"]
    page, document = paths["/toy/page"]["get"], paths["/toy/documents/{id}"]["get"]
    assert list(page["responses"]["200"]["content"]) == ["text/html; charset=utf-8"]
    assert page["security"] == []
    content = document["responses"]["200"]["content"]
    assert content == {"application/pdf": {"schema": {"type": "string", "format": "binary"}}}
