"""The product's handlers with the network stubbed: what an engine answered is answered again."""

import json
import os
import time
from base64 import b64decode, b64encode
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from meterline.api import auth
from meterline.core.metering.acceptance import meter_rules
from meterline.store.account.access import FULL_RIGHTS, ApiKey, Session, digest_of
from meterline.store.base import clients
from meterline.store.base.connections import Answer
from meterline.store.base.settings import settings
from meterline.store.metering.directory import StoredDirectory
from tests.attempts import exchanging
from tests.benchmarks.worlds import METER, customer_id

TOKEN = auth.SESSION_PREFIX + "0" * 64
SECRET = "sk_test_" + "0" * 32


def stream_request(number: int, sent: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The event that API Gateway makes of a request of usage events."""
    path = "/v2/billing/meter_event_stream"
    return {
        "rawPath": path,
        "requestContext": {"http": {"method": "POST", "path": path}, "stage": "$default"},
        "headers": {
            "authorization": f"Bearer {TOKEN}",
            "content-type": "application/json",
            "idempotency-key": f"bench-{number}",
        },
        "body": json.dumps({"events": sent}),
    }


@contextmanager
def stubbed_client(answers: Iterator[bytes]) -> Iterator[Any]:
    """The process's client, whose requests are answered before they reach the network."""
    os.environ |= {
        "AWS_ACCESS_KEY_ID": "bench",
        "AWS_SECRET_ACCESS_KEY": "bench",
        "AWS_DEFAULT_REGION": "us-east-1",
        "METERLINE_METER_EVENTS_TABLE": "meter_events",
        "METERLINE_USAGE_TABLE": "usage",
    }
    settings.cache_clear()
    clients.reset_clients()
    with exchanging(lambda _: Answer(200, {}, next(answers))):
        yield clients.dynamodb()
    clients.reset_clients()


def on_the_wire(answer: Any) -> bytes:
    """An answer as DynamoDB writes it."""
    return json.dumps(answer, default=lambda data: b64encode(data).decode()).encode()


def with_bytes(value: dict[str, Any]) -> dict[str, Any]:
    """Binary values stand on the wire as text."""
    return {"B": b64decode(value["B"])} if "B" in value else value


@contextmanager
def known_world(customers: int = 1) -> Iterator[None]:
    """Authentication and the directory as a warm function remembers them."""
    key = ApiKey("key", digest_of(SECRET), False, FULL_RIGHTS, "", "", 0)  # noqa: FBT003
    moment = time.monotonic() + 3_600
    session = moment, Session(key.digest, 2**40)
    rules = meter_rules(METER)
    known = {customer_id(number) for number in range(customers)}
    with (
        patch.dict(auth._sessions, {digest_of(TOKEN): session}),  # noqa: SLF001 - a warm cache
        patch.dict(auth._keys, {key.digest: (moment, key)}),  # noqa: SLF001 - a warm cache
        patch.multiple(
            StoredDirectory,
            meters=lambda _, names: {name: rules for name in names if name == rules.event_name},
            customers=lambda _, ids: dict.fromkeys(ids & known),
        ),
    ):
        yield
