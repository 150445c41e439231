"""The API as a client sees it: the real SDK over the bridge, on a fresh engine."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import pytest
import stripe

from meterline.api.auth import forget_cached
from meterline.services.account.api_keys import create_key
from tests.engines import Engine
from tests.factories.params import Params, form
from tests.factories.webhooks import Webhooks
from tests.handlers import gateway_event
from tests.integration.api.bridge import Bridge, serving

type Client = Any
"""A ``stripe.StripeClient``; its own types refuse parameters that are put together at run time."""


class Reply(NamedTuple):
    """What the API answered."""

    status: int
    headers: dict[str, str]
    body: Any


@dataclass(frozen=True, slots=True)
class Api:
    """A running API with a secret test key."""

    bridge: Bridge
    engine: Engine
    key: str

    def client(self, key: str | None = None, **options: Any) -> Client:
        """An SDK client; with another key than the usual one if given."""
        base = self.bridge.address
        addresses: Any = {"api": base, "meter_events": base, "files": base, "connect": base}
        return stripe.StripeClient(key or self.key, base_addresses=addresses, **options)

    def ask(
        self,
        method: str,
        target: str,
        body: Params | str | bytes = b"",
        *,
        key: str | None = None,
        **headers: str,
    ) -> Reply:
        """The answer to a request that no SDK checks or changes: parameters go as a form.

        Names of headers are written with underscores; with another key than the usual one if given.
        """
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        sent = {"authorization": f"Bearer {self.key if key is None else key}", **named}
        text = form(body) if isinstance(body, dict) else body
        data = text.encode() if isinstance(text, str) else text
        response = self.bridge.call(gateway_event(method, target, sent, data))
        return Reply(response["statusCode"], response["headers"], json.loads(response["body"]))

    def post(self, target: str, text: str) -> tuple[int, Any]:
        """Status and body of a POST of a form, without an SDK that would check or change it."""
        headers = {"authorization": f"Bearer {self.key}"}
        event = gateway_event("POST", target, headers, text.encode(), encoded=True)
        response = self.bridge.call(event)
        return response["statusCode"], json.loads(response["body"])


def forget_events(engine: Engine) -> None:
    """Remove all events, such as those of keys that were made before a test begins."""
    for item in engine.scan("billing"):
        if item.get("kind") == {"S": "event"}:
            address = {name: item[name] for name in ("pk", "sk")}
            engine.client.delete_item(TableName=engine.tables["billing"], Key=address)


@pytest.fixture
def api(dynamodb: Engine) -> Iterator[Api]:
    forget_cached()
    secret = create_key(livemode=False, name="tests").secret
    forget_events(dynamodb)
    with serving() as bridge:
        yield Api(bridge, dynamodb, secret)


@pytest.fixture
def client(api: Api) -> Client:
    return api.client()


@pytest.fixture
def webhooks(api: Api, monkeypatch: pytest.MonkeyPatch) -> Webhooks:
    """The deployment as it delivers, at a wall clock of the test's."""
    deployment = Webhooks(api.engine)
    deployment.follow(monkeypatch)
    return deployment
