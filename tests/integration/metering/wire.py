"""The metering endpoints for an HTTP client, on the handlers that are deployed."""

import json
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, urlencode

import pytest

from meterline.store.account import access
from meterline.store.account.access import ApiKey
from meterline.store.account.api_keys import save_keys
from meterline.store.billing.repository import BillingStore
from meterline.store.metering.directory import forget_directory
from tests.engines import Engine
from tests.factories.objects import meter, place
from tests.handlers import gateway_event, load_handler

SECRET = "sk_test_0123456789abcdefghijABCD"
NOW = int(time.time())
CUSTOMER = "payload[stripe_customer_id]"

type Answer = tuple[int, dict[str, Any]]


class Api:
    """The deployed handlers, behind one method."""

    def __init__(self) -> None:
        self.ingest = load_handler("ingest_meter_events")
        self.catalog = load_handler("serve_catalog")
        self.usage = load_handler("serve_usage")
        self.events = load_handler("serve_events")

    def post(self, path: str, body: Any, *, secret: str = SECRET, **headers: str) -> Answer:
        """A POST of a form (text) or of JSON (anything else)."""
        return self._post(self.ingest, path, body, secret, headers)

    def catalog_post(self, path: str, form: str) -> Answer:
        """A POST to what is sold, and how it is counted."""
        return self._post(self.catalog, path, form, SECRET, {})

    def _post(
        self,
        handler: Callable[..., dict[str, Any]],
        path: str,
        body: Any,
        secret: str,
        headers: dict[str, str],
    ) -> Answer:
        is_form = isinstance(body, str)
        kind = "application/x-www-form-urlencoded" if is_form else "application/json"
        text = body if is_form else json.dumps(body)
        return _ask(handler, "POST", path, secret, headers | {"content-type": kind}, text)

    def get(self, path: str, **query: Any) -> Answer:
        """A GET with a query."""
        handler = self.events if path == "/v2/core/events" else self.usage
        return _ask(handler, "GET", f"{path}?{urlencode(query)}", SECRET, {})


def _ask(
    handler: Callable[..., dict[str, Any]],
    method: str,
    target: str,
    secret: str,
    headers: dict[str, str],
    text: str = "",
) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    sent = {"authorization": f"Bearer {secret}", **named}
    response = handler(gateway_event(method, target, sent, text.encode()), None)
    return response["statusCode"], json.loads(response["body"])


@pytest.fixture
def api(dynamodb: Engine) -> Api:  # noqa: ARG001 - the handlers find it
    """The API with a key, a meter ``tokens``, the customers ``cus_a`` and ``cus_b``, and
    ``cus_clock``.

    The clocks of two more are deleted, and gone.
    """
    forget_directory()
    digest = access.digest_of(SECRET)
    key = ApiKey("key_1", digest, False, access.FULL_RIGHTS, "", "ABCD", NOW)  # noqa: FBT003
    save_keys([key], events=[])
    meter("tokens", at=NOW)
    place(
        {"id": "cus_a", "object": "customer", "created": NOW, "test_clock": None},
        {"id": "cus_b", "object": "customer", "created": NOW, "test_clock": None},
        {"id": "cus_clock", "object": "customer", "created": NOW, "test_clock": "clock_1"},
        {"id": "clock_1", "object": "test_helpers.test_clock", "frozen_time": 1_700_000_000},
        {"id": "cus_buried", "object": "customer", "created": NOW, "test_clock": "clock_2"},
        {"id": "clock_2", "object": "test_helpers.test_clock", "deleted": True},
        {"id": "cus_orphan", "object": "customer", "created": NOW, "test_clock": "clock_3"},
    )
    return Api()


def event_v1(identifier: str, **changes: str) -> str:
    fields = {
        "event_name": "tokens",
        "payload[stripe_customer_id]": "cus_a",
        "payload[value]": "25",
        "identifier": identifier,
    }
    return urlencode(fields | changes)


def event_v2(identifier: str, customer: str = "cus_a", value: str = "1") -> dict[str, Any]:
    return {
        "event_name": "tokens",
        "identifier": identifier,
        "payload": {"stripe_customer_id": customer, "value": value},
    }


def joined(pages: list[list[dict[str, Any]]]) -> list[dict[str, Any]]:
    return [event for page in pages for event in page]


def pages_of(api: Api, *, types: str | None = None, **filters: Any) -> list[list[dict[str, Any]]]:
    """All pages of the list of v2 events."""
    chosen = {"types[0]": types} if types else {}
    _, answer = api.get("/v2/core/events", **filters, **chosen)
    pages = [answer["data"]]
    while answer["next_page_url"]:
        path, _, query = answer["next_page_url"].partition("?")
        status, answer = api.get(path, **dict(parse_qsl(query)))
        assert status == 200
        pages.append(answer["data"])
    return pages


def streamed(api: Api, events: list[dict[str, Any]], key: str = "") -> list[str]:
    """What became of each event of a stream request."""
    status, body = stream(api, events, key)
    assert status == 200
    return [result["status"] for result in body["results"]]


def stream(api: Api, events: list[dict[str, Any]], key: str) -> Answer:
    _, session = api.post("/v2/billing/meter_event_session", {})
    return api.post(
        "/v2/billing/meter_event_stream",
        {"events": events},
        secret=session["authentication_token"],
        meterline_event_results="true",
        **({"idempotency_key": key} if key else {}),
    )


def meter_id() -> str:
    holder = BillingStore(livemode=False).claim_holder("meter_event_name", "tokens")
    assert holder
    return holder
