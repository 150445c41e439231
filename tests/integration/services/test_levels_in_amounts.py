"""What is left to a billing threshold grows less by a level alone, as time goes by."""

from typing import Any

import pytest

from meterline.services.metering.count import count_records
from meterline.services.metering.usage_stream import usage_change
from meterline.services.work.amount_watch import look_at_amounts, may_have_crossed
from tests.engines import Engine
from tests.factories import objects
from tests.factories.objects import NOW, context
from tests.factories.streams import counters_changed
from tests.factories.usage import usage_record

HOUR = 3_600


def use(meter: str, customer: str, at: int, measure: str) -> None:
    record = usage_record(meter, customer, at, 1)
    record["dynamodb"]["NewImage"]["measure"] = {"S": measure}
    assert count_records([record]) == []


def changes(engine: Engine, meter: str) -> list[Any]:
    items = [
        item
        for item in engine.scan("usage")
        if item["sk"]["S"].startswith("h#") and f"#{meter}#" in item["pk"]["S"]
    ]
    return [change for record in counters_changed(items) if (change := usage_change(record))]


@pytest.mark.parametrize(("formula", "is_looked_at"), [("sum", False), ("weighted_sum", True)])
def test_beside_a_level_every_change_is_looked_at(
    dynamodb: Engine, formula: str, *, is_looked_at: bool
) -> None:
    customer, calls = objects.customer(), objects.meter("calls")
    other = objects.meter("others", formula)
    prices = [objects.metered(meter, at=NOW) for meter in (calls, other)]
    objects.subscribe(customer, *prices, billing_thresholds={"amount_gte": 100_000})
    before, now = NOW + 2 * HOUR, NOW + 3 * HOUR
    use(other, customer, before, formula)
    use(calls, customer, before, "sum")
    assert look_at_amounts(context(before), customer, changes(dynamodb, calls)) == []
    use(calls, customer, now, "sum")
    ctx = context(now)
    stored = ctx.store.get_many([customer])[customer]
    found = may_have_crossed(ctx, stored, changes(dynamodb, calls), everybody=False)
    assert found is is_looked_at
