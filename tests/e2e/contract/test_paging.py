"""Auto-paging over 250 objects while more are being added: each once, none missing."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.e2e.conftest import Client

MANY = 250
PAGE = 50


@dataclass(frozen=True, slots=True)
class Crowd:
    """A product's prices, newest first, and the moment before the first of them."""

    client: Client
    product: str
    since: int
    prices: list[str]

    def grow(self) -> None:
        """Add one more."""
        self.client.v1.prices.create({"product": self.product, "currency": "usd", "unit_amount": 1})


@pytest.fixture(scope="module")
def crowd(client: Client) -> Crowd:
    product = client.v1.products.create({"name": "Many"}).id
    since = int(time.time())
    price = {"currency": "usd", "product": product}
    made = [client.v1.prices.create({**price, "unit_amount": n}).id for n in range(MANY)]
    return Crowd(client, product, since, made[::-1])


def _walk(rows: Iterator[Any], meanwhile: Callable[[], None]) -> Iterator[Any]:
    """The rows, with something happening once in each page."""
    for number, row in enumerate(rows):
        if number % PAGE == PAGE // 2:
            meanwhile()
        yield row


def test_a_list(crowd: Crowd) -> None:
    rows = crowd.client.v1.prices.list({"product": crowd.product, "limit": PAGE})
    seen = [row.id for row in _walk(rows.auto_paging_iter(), crowd.grow)]
    assert [one for one in seen if one in set(crowd.prices)] == crowd.prices
    assert len(seen) == len(set(seen))


def test_a_list_from_its_old_end(crowd: Crowd) -> None:
    oldest_first = crowd.prices[::-1]
    rows = crowd.client.v1.prices.list(
        {"product": crowd.product, "limit": PAGE, "ending_before": oldest_first[0]}
    )
    seen = [row.id for row in _walk(rows.auto_paging_iter(), crowd.grow)]
    assert seen[: MANY - 1] == oldest_first[1:]
    assert len(seen) == len(set(seen))


def test_a_search(crowd: Crowd) -> None:
    rows = crowd.client.v1.prices.search({"query": f"product:'{crowd.product}'", "limit": PAGE})
    seen = [row.id for row in _walk(rows.auto_paging_iter(), crowd.grow)]
    assert set(seen) >= set(crowd.prices)
    assert len(seen) == len(set(seen))


def test_events(crowd: Crowd) -> None:
    rows = crowd.client.v1.events.list(
        {"type": "price.created", "created": {"gte": crowd.since}, "limit": PAGE}
    )
    seen = [row.data.object.id for row in _walk(rows.auto_paging_iter(), crowd.grow)]
    assert set(seen) >= set(crowd.prices)
    assert len(seen) == len(set(seen))


def test_v2_events_by_the_address_of_the_next_page(crowd: Crowd) -> None:
    rows = crowd.client.v2.core.events.list({"types": ["v1.price.created"], "limit": PAGE})
    seen: list[str] = []
    for row in _walk(rows.auto_paging_iter(), crowd.grow):
        seen.append(row.related_object.id)
        if row.related_object.id == crowd.prices[-1]:
            break
    assert set(seen) >= set(crowd.prices)
    assert len(seen) == len(set(seen))
