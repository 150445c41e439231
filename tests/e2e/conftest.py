"""The deployed template as its users meet it: the official SDK outside, AWS behind.

Uses the stack of ``METERLINE_API_BASE`` or of ``make up``, else starts one and stops it at the end.
Every answer goes through a tap, where the contract judges it.
"""

import functools
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
import stripe

from local import aws
from local import stack as local_stack
from local.aws import Stack
from tests.contract.tap import Tap, tapping

PATIENCE_SECONDS = 90.0

type Client = Any
"""A ``stripe.StripeClient``; its own types refuse parameters that are put together at run time."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests that look at what all others did come last."""
    items.sort(key=lambda item: item.get_closest_marker("last") is not None)


@pytest.fixture(scope="session")
def deployed() -> Iterator[Stack]:
    """A running stack with the code as it is now."""
    given = aws.running_stack() if "METERLINE_API_BASE" in os.environ else None
    if given is not None:
        yield given
        return
    was_running = local_stack.is_running()
    yield local_stack.up()
    if not was_running:
        local_stack.down()


@pytest.fixture(scope="session")
def tap(deployed: Stack) -> Iterator[Tap]:
    """What stands between the clients and the API."""
    with tapping(deployed.api_base) as tap:
        yield tap


@pytest.fixture(scope="session")
def stack(deployed: Stack, tap: Tap) -> Stack:
    """The stack, its API behind the tap."""
    return replace(deployed, api_base=tap.address)


@pytest.fixture(scope="session")
def with_key(stack: Stack) -> Callable[..., Client]:
    """Makes the SDK's clients, pointed at the stack, of a key and the SDK's options."""
    base = stack.api_base
    addresses: Any = {"api": base, "meter_events": base, "files": base, "connect": base}
    return functools.partial(stripe.StripeClient, base_addresses=addresses)


@pytest.fixture(scope="session")
def client(stack: Stack, with_key: Callable[..., Client]) -> Client:
    """The SDK, pointed at the stack."""
    return with_key(stack.api_key)


def eventually[T](look: Callable[[], T], seconds: float = PATIENCE_SECONDS) -> T:
    """What ``look`` finds, as soon as it finds something true; fails when it takes too long."""
    deadline = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < deadline, f"still {found!r} after {seconds:.0f} s"
        time.sleep(0.1)
    return found
