"""Whoever hands a request to a handler, and whatever stands before the API: it is listened to."""

import http.client
import json
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import override

import pytest

from meterline.api.app import lambda_handler
from meterline.api.operations import Answer, Operation
from meterline.api.router import Routes
from tests.contract.answers import WATCH
from tests.contract.tap import LOSE, Tap, tapping
from tests.handlers import gateway_event
from tests.lambda_context import LambdaContext

REFUSAL = json.dumps({"error": {"type": "invalid_request_error", "message": "No."}})


def test_what_a_handler_of_this_process_answers_is_judged() -> None:
    wrong = Operation(
        method="GET",
        path="/v1/customers/{id}",
        run=lambda *_: {"object": "customer", "colour": "red"},
        permission="",
        answer=Answer.RAW,
        light=True,
        public=True,
    )
    handler = lambda_handler(Routes([wrong]))
    handler(gateway_event("GET", "/v1/customers/cus_1", {}), LambdaContext())
    with pytest.raises(AssertionError, match="customers/cus_1"):
        WATCH.settle()


class _Api(BaseHTTPRequestHandler):
    """Refuses everything, with or without the headers that it should have."""

    def _refuse(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.send_response(404)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(REFUSAL)))
        if "bare" not in self.path:
            self.send_header("Request-Id", "req_1")
            self.send_header("Stripe-Version", "v")
        self.end_headers()
        self.wfile.write(REFUSAL.encode())

    do_GET = do_POST = _refuse  # noqa: N815 - names of http.server

    @override
    def log_message(self, *_: object) -> None:
        """Keep the test's output to itself."""


@pytest.fixture
def tap() -> Iterator[Tap]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Api) as api:
        thread = threading.Thread(target=api.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        with tapping(f"http://127.0.0.1:{api.server_port}") as tap:
            yield tap
        api.shutdown()
        thread.join()


def _ask(tap: Tap, path: str, body: bytes | None = None) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(tap.address + path, body) as answer:  # noqa: S310 - loopback
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refusal:
        with refusal:
            return refusal.code, refusal.read().decode()


def test_the_tap_passes_answers_on_and_hears_them(tap: Tap) -> None:
    before = WATCH.heard["Customer.retrieve", 404]
    assert _ask(tap, "/v1/customers/cus_1?limit=1") == (404, REFUSAL)
    assert WATCH.heard["Customer.retrieve", 404] == before + 1


def test_an_improper_answer_that_comes_through_the_tap_fails_the_run(tap: Tap) -> None:
    _ask(tap, "/v1/bare")
    with pytest.raises(AssertionError, match="/v1/bare"):
        WATCH.settle()


def test_a_lost_answer_is_one_that_took_effect(tap: Tap) -> None:
    assert _ask(tap, LOSE, b"")[0] == 204
    before = WATCH.heard["Customer.create", 404]
    with pytest.raises(http.client.RemoteDisconnected):
        _ask(tap, "/v1/customers", b"name=A")
    assert WATCH.heard["Customer.create", 404] == before + 1
    assert _ask(tap, "/v1/customers", b"name=A") == (404, REFUSAL)


def test_a_spoilt_answer_says_that_a_function_died(tap: Tap) -> None:
    tap.spoil = 1
    assert _ask(tap, "/v1/customers", b"name=A")[0] == 500
    assert _ask(tap, "/v1/customers", b"name=A")[0] == 404
