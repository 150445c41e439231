"""Each operation through the official SDK against the deployed template: what it does, and how it
refuses its most typical mistake.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.contract.answers import WATCH
from tests.contract.cases.table import assert_shows
from tests.contract.coverage import CASES
from tests.contract.world import World
from tests.e2e.conftest import Client

_SUCCESS = 200


@pytest.fixture
def world(
    client: Client, with_key: Callable[[str], Client], request: pytest.FixtureRequest
) -> Iterator[World]:
    """A world of its own; what few there may be of does not stay."""
    yield World(client, with_key)
    if "Endpoint" in request.node.name or "Destination" in request.node.name:
        for endpoint in client.v1.webhook_endpoints.list({"limit": 100}):
            client.v1.webhook_endpoints.delete(endpoint.id)
        for destination in client.v2.core.event_destinations.list().data:
            client.v2.core.event_destinations.delete(destination.id)


@contextmanager
def _asked(operation: str, status: int) -> Iterator[None]:
    """Fails unless the wire saw an answer to the operation with the status meanwhile."""
    before = Counter(WATCH.heard)
    yield
    assert (WATCH.heard - before)[operation, status], f"nobody asked for {operation}"


@pytest.mark.parametrize("name", CASES)
def test_it_does(name: str, world: World) -> None:
    case = CASES[name]
    with _asked(name, _SUCCESS):
        answer = case.does(world)
    assert_shows(answer, case.shows(world))


@pytest.mark.parametrize("name", CASES)
def test_it_refuses(name: str, world: World) -> None:
    refused = CASES[name].refused
    with _asked(name, refused.status), pytest.raises(refused.error) as caught:
        refused.call(world)
    error: Any = caught.value
    assert type(error) is refused.error
    told = (error.http_status, error.code, getattr(error, "param", None))
    assert told == (refused.status, refused.code, refused.param), str(error)
    assert refused.says in str(error)
    assert error.request_id
