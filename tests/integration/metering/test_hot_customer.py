"""A customer with 10,000 events a second: the counter's partition takes 1,000 write units a second,
and no number of shards may ask more of it than 700.
"""

import pytest
from botocore.exceptions import ClientError

from tests.benchmarks.bench_hot_customer import PARTITION, Hot
from tests.benchmarks.bench_shards import mixed_customers, one_customer, units
from tests.benchmarks.partitions import UNITS_A_SECOND, PartitionedDynamoDB

MOST_UNITS_A_SECOND = 700


@pytest.mark.parametrize(("shards", "a_request"), [(10, 100), (200, 100), (80, 10)])
def test_the_partition_of_a_hot_counter_keeps_within_bounds_on_any_number_of_shards(
    shards: int, a_request: int
) -> None:
    hot = Hot(shards, a_request, seconds=1)
    engine = hot.run()
    assert engine.busiest(PARTITION) <= MOST_UNITS_A_SECOND
    assert (hot.handed_back, engine.throttled) == (0, 0)
    assert hot.behind < 2


def test_a_partition_that_is_asked_too_much_throttles() -> None:
    engine = PartitionedDynamoDB()
    item = {"pk": {"S": "hot"}, "sk": {"S": "#"}}
    for _ in range(UNITS_A_SECOND):
        engine.put_item(TableName="usage", Item=item)
    with pytest.raises(ClientError, match="ProvisionedThroughputExceededException"):
        engine.put_item(TableName="usage", Item=item)
    engine.put_item(TableName="usage", Item={**item, "pk": {"S": "other"}})
    engine.clock = lambda: 1.0
    engine.put_item(TableName="usage", Item=item)


@pytest.mark.parametrize("shards", [1, 200])
def test_an_event_costs_little_on_any_number_of_shards(shards: int) -> None:
    write_units, read_units = units(one_customer(), shards)
    assert write_units <= 1.15
    assert read_units <= 1.0


@pytest.mark.parametrize("shards", [1, 200])
def test_mixed_customers_cost_two_write_units_and_a_read_unit_an_event(shards: int) -> None:
    write_units, read_units = units(mixed_customers(), shards)
    assert write_units <= 2.0
    assert read_units <= 1.05  # its counter, and the day's totals now and then
