"""However much comes to a counter at once is counted, in as many commits as it takes."""

import itertools
from collections.abc import Callable, Sequence
from decimal import Decimal

import pytest

from meterline.core.metering.acceptance import measure_from_text
from meterline.core.metering.aggregation import Row
from meterline.services.metering import groups
from meterline.services.metering.count import count_groups
from meterline.services.metering.groups import Group
from meterline.store.metering import usage, usage_commits
from meterline.store.metering.usage import HOUR_SECONDS, BucketKey
from meterline.store.metering.usage_commits import Change, Committed

KEY = BucketKey(False, "mtr_1", "cus_1", 500_000)  # noqa: FBT003 - a part of the key
ROWS = 125_000
"""As many as a call of a function brings in parcels: of an ordered measure more than the 4 MB of a
transaction.
"""


def arrivals(number: int) -> list[Row]:
    start = KEY.hour * HOUR_SECONDS
    return [
        Row(place.to_bytes(16), start + place % 3_600, Decimal(10**12), start * 1_000_000 + place)
        for place in range(number)
    ]


@pytest.mark.usefixtures("dynamodb")
def test_more_than_a_transaction_takes_is_counted() -> None:
    group = Group(KEY, measure_from_text("last"))
    group.arrivals = arrivals(ROWS)
    for _ in range(2):
        assert count_groups({KEY: group}) == {}
    counted = usage.read_buckets([KEY], [group.measure])[KEY]
    assert counted.aggregate.count == ROWS


@pytest.mark.usefixtures("dynamodb")
def test_what_fails_on_its_way_comes_again_whole_and_is_counted_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(groups, "MOST_ARRIVALS", 10)
    group = Group(KEY, measure_from_text("sum"))
    group.arrivals = arrivals(35)
    group.changes = [{"SequenceNumber": "7"}]
    monkeypatch.setattr(usage_commits, "commit_many", failing_at(3))
    [left] = count_groups({KEY: group}).values()
    assert left.sequence_numbers == ["7"]
    assert count_groups({KEY: group}) == {}
    counted = usage.read_buckets([KEY], [group.measure])[KEY]
    assert counted.aggregate.count == 35


def failing_at(number: int) -> Callable[[Sequence[Change]], Committed]:
    """Commits, of which one fails."""
    commits = itertools.count(1)
    commit_many = usage_commits.commit_many

    def commit(changes: Sequence[Change]) -> Committed:
        if next(commits) == number:
            raise RuntimeError("no answer")
        return commit_many(changes)

    return commit
