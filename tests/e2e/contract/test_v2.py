"""The v2 dialect through the SDK: sessions, streams, and the classes of its errors."""

import time
from collections.abc import Callable
from typing import Any

import pytest
import stripe

from local.aws import Stack
from meterline.store.account.access import digest_of
from tests.contract.world import World
from tests.e2e.conftest import Client


@pytest.fixture
def world(client: Client, with_key: Callable[..., Client]) -> World:
    return World(client, with_key)


def test_the_token_of_a_session_sends_streams_and_nothing_else(world: World) -> None:
    world.streamer.v2.billing.meter_event_stream.create({"events": [world.event()]})
    elsewhere = (
        world.streamer.v1.customers.list,
        world.streamer.v2.billing.meter_event_session.create,
        lambda: world.streamer.v2.billing.meter_events.create(world.event()),
    )
    for refused in elsewhere:
        with pytest.raises(stripe.AuthenticationError):
            refused()


def test_an_expired_session_is_told_as_the_sdk_expects_it(
    world: World, stack: Stack, with_key: Callable[..., Client]
) -> None:
    token = world.v2.billing.meter_event_session.create().authentication_token
    _end_session(stack, token)
    with pytest.raises(stripe.TemporarySessionExpiredError) as refused:
        with_key(token).v2.billing.meter_event_stream.create({"events": [world.event()]})
    assert refused.value.code == "billing_meter_event_session_expired"


def _end_session(stack: Stack, token: str) -> None:
    """Let a session's time be over: it is stored under the digest of its token."""
    dynamodb = stack.client("dynamodb")
    table = stack.function_environment()["METERLINE_ACCESS_TABLE"]
    pages = dynamodb.get_paginator("scan").paginate(TableName=table)
    items = (item for page in pages for item in page["Items"])
    session = next(item for item in items if digest_of(token) in item["pk"]["S"])
    assert int(session["usable_until"]["N"]) > time.time()
    dynamodb.put_item(TableName=table, Item=session | {"usable_until": {"N": "1"}})


@pytest.mark.parametrize(
    ("call", "status", "code", "words"),
    [
        (
            lambda w: w.v2.billing.meter_events.create({"payload": {}}),
            400,
            "parameter_missing",
            "event_name",
        ),
        (
            lambda w: w.v2.billing.meter_events.create(w.event(colour="red")),
            400,
            "parameter_unknown",
            "colour",
        ),
        (
            lambda w: w.v2.billing.meter_events.create(w.event(identifier=w.sent)),
            400,
            "duplicate_meter_event",
            "already exists",
        ),
        (
            lambda w: w.v2.billing.meter_events.create(w.event(timestamp="2020-01-01T00:00:00Z")),
            400,
            "timestamp_too_far_in_past",
            "35",
        ),
        (lambda w: w.v2.core.events.retrieve("evt_test_x"), 404, "not_found", "evt_test_x"),
        (
            lambda w: w.v2.core.events.list({"page": "forged"}),
            400,
            "invalid_request",
            "page",
        ),
    ],
)
def test_a_wrong_request_is_an_invalid_request_error(
    world: World, call: Callable[[World], Any], status: int, code: str | None, words: str
) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        call(world)
    assert (refused.value.http_status, refused.value.code) == (status, code)
    assert words in str(refused.value)
    assert refused.value.request_id


def test_a_wrong_key_and_a_lacking_right_have_their_classes(
    stack: Stack, with_key: Callable[..., Client]
) -> None:
    with pytest.raises(stripe.AuthenticationError):
        with_key("sk_test_wrong").v2.core.events.list()
    with pytest.raises(stripe.PermissionError):
        with_key(stack.api_key, stripe_account="acct_1").v2.core.events.list()
