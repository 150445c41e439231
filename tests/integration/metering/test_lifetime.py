"""Usage since forever: the old hours are added up once, and again whenever one of them changes."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from meterline.core.metering.acceptance import measure_from_text
from meterline.services.metering import count, lifetime
from meterline.services.metering.lifetime import forget_if_old, lifetime_usage
from meterline.store.metering import usage_totals
from meterline.store.metering.meter_events import identity_of, key_of
from meterline.store.metering.usage import BucketKey
from tests.engines import Engine
from tests.integration.metering.worlds import NOW, meter_body

HOUR = 3_600
DAY = 86_400
METER = meter_body()["id"]


@pytest.fixture(autouse=True)
def worthwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    """A total is worthwhile from ten hours on."""
    monkeypatch.setattr(lifetime, "WORTHWHILE_PARTS", 10)


def count_use(*uses: tuple[int, int], measure: str = "sum", name: str = "e") -> None:
    """Count events of (days ago, value)."""
    records: list[dict[str, Any]] = []
    for number, (days, value) in enumerate(uses):
        image = {
            "identifier": {"S": key_of(livemode=False, identity=identity_of(f"{name}{number}"))},
            "meter": {"S": METER},
            "customer": {"S": "cus_a"},
            "measure": {"S": measure},
            "value": {"S": str(value)},
            "timestamp": {"N": str(NOW - days * DAY)},
            "accepted_at": {"N": str((NOW - days * DAY) * 1_000_000)},
        }
        change = {"SequenceNumber": str(number), "NewImage": image}
        records.append({"eventName": "INSERT", "dynamodb": change})
    assert count.count_records(records) == []


def used(measure: str = "sum", *, now: int = NOW) -> Decimal:
    return lifetime_usage(False, METER, "cus_a", measure_from_text(measure), now=now)  # noqa: FBT003


def bucket(days: int) -> BucketKey:
    return BucketKey(False, METER, "cus_a", (NOW - days * DAY) // HOUR)  # noqa: FBT003


def reads(engine: Engine, look: Callable[[], object], monkeypatch: pytest.MonkeyPatch) -> int:
    """How many counters a look reads."""
    items = 0
    query = engine.client.query

    class Client:
        def __getattr__(self, name: str) -> object:
            return getattr(engine.client, name)

        def query(self, **request: Any) -> Any:
            nonlocal items
            answer = query(**request)
            items += len(answer["Items"])
            return answer

    with monkeypatch.context() as patch:
        patch.setattr("meterline.store.metering.usage.dynamodb", Client)
        look()
    return items


def stored(engine: Engine) -> list[Any]:
    return [item for item in engine.scan("usage") if item["sk"]["S"] == "o#"]


@pytest.mark.parametrize(
    ("measure", "expected"),
    [
        ("sum", 1_275),
        ("count", 50),
        ("last", 1),
        ("max", 50),
        ("min", 1),
        ("avg", "25.5"),
        ("unique_count", 50),
        ("sum:day", 1_275),
        ("last:hour", 1),
    ],
)
def test_with_a_total_of_old_hours_it_is_the_same(
    dynamodb: Engine, measure: str, expected: object
) -> None:
    count_use(*((days, days) for days in range(1, 51)), measure=measure)
    assert used(measure) == Decimal(str(expected))
    assert [int(item["events"]["N"]) for item in stored(dynamodb)] == [14]
    assert used(measure) == Decimal(str(expected))


def test_old_hours_are_read_once(dynamodb: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    count_use(*((days, 1) for days in range(500)))
    assert reads(dynamodb, used, monkeypatch) == 500
    assert reads(dynamodb, used, monkeypatch) == 37
    assert used(now=NOW + 30 * DAY) == 500
    assert reads(dynamodb, lambda: used(now=NOW + 30 * DAY), monkeypatch) == 7


def test_usage_that_comes_to_an_old_hour_makes_the_total_anew(dynamodb: Engine) -> None:
    count_use(*((days, 1) for days in range(60)))
    assert used() == 60
    count_use((50, 100), name="late")
    forget_if_old(bucket(50), now=NOW)
    assert used() == 160
    [total] = stored(dynamodb)
    assert total["total"] == {"S": "123"}


def test_a_total_that_was_added_up_before_a_change_is_not_stored_after_it(
    dynamodb: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    count_use(*((days, 1) for days in range(60)))
    save = usage_totals.save_old_total

    def save_late(*arguments: Any) -> None:
        count_use((50, 100), name="late")
        forget_if_old(bucket(50), now=NOW)
        save(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(lifetime, "save_old_total", save_late)
        assert used() == 60
    assert [item for item in stored(dynamodb) if "through" in item] == []
    assert used() == 160


def test_young_hours_leave_the_total_alone(dynamodb: Engine) -> None:
    count_use(*((days, 1) for days in range(60)))
    used()
    before = stored(dynamodb)
    forget_if_old(bucket(34), now=NOW)
    assert stored(dynamodb) == before
    count_use((34, 100), name="late")
    assert used() == 160


def test_a_total_of_very_many_distinct_values_is_not_kept(
    dynamodb: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(usage_totals, "MOST_DISTINCT", 20)
    count_use(*((days, days) for days in range(60)), measure="unique_count")
    assert used("unique_count") == 60
    assert stored(dynamodb) == []
