"""What a million events costs stays what the page about costs says, watching apart."""

import pytest

from tests.benchmarks.bench_costs import MIXES, Mix, dollars

MOST_DOLLARS = {
    "100 mixed customers a request": 2.00,
    "100 events of one customer a request": 1.10,
    "one event a request": 3.90,
}


@pytest.mark.parametrize("mix", MIXES, ids=lambda mix: str(mix.title))
def test_a_million_events_cost_no_more_than_stated(mix: Mix) -> None:
    pieces = dollars(mix)
    watching = sum(amount for name, amount in pieces.items() if "watching" in name)
    assert sum(pieces.values()) - watching <= MOST_DOLLARS[mix.title]
    assert set(pieces) >= {"API requests", "writes", "storage of 45 days", "reconciliation"}
