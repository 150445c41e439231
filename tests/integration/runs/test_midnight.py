"""The night that the benchmark simulates keeps DynamoDB's limits and loses no renewal."""

import pytest

from tests.benchmarks.midnight import Deployment, Midnight, Night, deployed
from tests.benchmarks.renewals import LATER, Renewal, Step

RENEWALS = 3_000
RENEWAL = Renewal(Step(5, 4, 17, 3, 6.0, 4.0, 0.006), Step(6, 5, 13, 1, 6.0, 4.0, 0.004))


def night_of(deployment: Deployment) -> Night:
    return Midnight(RENEWAL, RENEWALS, deployment).run()


def test_the_deployment_is_that_of_the_template() -> None:
    assert deployed() == Deployment(100, 10, 1_024, 4_000, 12_000, 8)


@pytest.mark.parametrize("writes", [400, 4_000, 40_000])
def test_all_are_final_an_hour_after_they_were_drafted(writes: int) -> None:
    night = night_of(deployed(writes=writes, reads=40_000))
    assert night.done == {"drafted": RENEWALS, "final": RENEWALS}
    assert LATER < night.final < LATER + 2 * night.drafted + 135
    assert night.peak_writes <= 2 * writes  # a table that was full takes more half an hour later


def test_a_table_that_takes_less_refuses_and_takes_longer() -> None:
    slow, quick = (night_of(deployed(writes=writes, reads=40_000)) for writes in (400, 40_000))
    assert slow.throttles > quick.throttles
    assert slow.drafted > RENEWALS * RENEWAL.drafting.write_units / 400 > quick.drafted


def test_fewer_shards_of_the_due_index_take_less() -> None:
    one, eight = (night_of(deployed(writes=40_000, reads=40_000, shards=n)) for n in (1, 8))
    assert one.peak_shard <= 1_000
    assert one.throttles > eight.throttles
    assert one.drafted > eight.drafted


def test_fewer_workers_take_longer() -> None:
    few, many = (night_of(deployed(writes=40_000, reads=40_000, concurrency=n)) for n in (2, 100))
    assert few.drafted > 2 * many.drafted
