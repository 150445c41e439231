"""Days of usage: read in place of their hours, and always equal to them."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, tzinfo
from decimal import Decimal
from typing import Any
from unittest.mock import patch
from zoneinfo import ZoneInfo

import pytest
from botocore.client import BaseClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from meterline.core.metering.acceptance import measure_of
from meterline.core.metering.calendar_windows import Grouping, window_around
from meterline.services.metering import count, day_totals, usage_query
from meterline.services.metering.summaries import list_event_summaries
from meterline.services.metering.windows import Windows
from meterline.store.base.batches import Throttled
from meterline.store.metering import day_totals as stored
from meterline.store.metering import usage_commits
from meterline.store.metering.meter_events import identity_of, key_of
from meterline.store.metering.usage import BucketKey
from tests.engines import Engine
from tests.integration.metering.worlds import meter_body

HOUR = 3_600
DAY = 86_400
START = 1_767_225_600
"""2026-01-01."""

METER = meter_body()["id"]
PLAIN = ("sum", "count", "avg", "max", "min")


class Clock:
    """The wall clock of whoever counts."""

    now = START

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(usage_commits, "time", made)
    monkeypatch.setattr(day_totals, "time", made)
    return made


def record(
    customer: str, name: str, second: int, *, value: int = 1, measure: str = "sum", **more: Any
) -> dict[str, Any]:
    image = {
        "identifier": {"S": key_of(livemode=False, identity=identity_of(name))},
        "meter": {"S": METER},
        "customer": {"S": customer},
        "measure": {"S": measure},
        "value": {"S": str(value)},
        "timestamp": {"N": str(second)},
        "accepted_at": {"N": str(second * 1_000_000)},
        **more,
    }
    return {"eventName": "INSERT", "dynamodb": {"SequenceNumber": name, "NewImage": image}}


def counted(*records: dict[str, Any]) -> None:
    assert count.count_records(records) == []


def use_every_hour(customer: str, days: int, measure: str = "sum") -> None:
    for hour in range(days * 24):
        name = f"{customer}{hour}"
        counted(record(customer, name, START + hour * HOUR, value=hour % 7, measure=measure))


def used(customer: str, start: int, end: int, measure: str = "sum") -> Decimal:
    meter = meter_body(formula=measure)
    return usage_query.billed_usage(meter, customer, start, end, livemode=False).quantity


def add_up(customer: str, now: int, measure: str = "sum") -> None:
    key = BucketKey(False, METER, customer, START // HOUR)  # noqa: FBT003
    day_totals.add_up(key, measure_of(meter_body(formula=measure)), now)


def months(dynamodb: Engine, customer: str) -> list[dict[str, Any]]:
    items = dynamodb.scan("usage")
    return [item for item in items if item["sk"]["S"][:2] == "d#" and customer in item["pk"]["S"]]


@contextmanager
def by_hours_alone() -> Iterator[None]:
    """Usage as it is read without totals."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(day_totals, "has_day_totals", lambda _: False)
        yield


@contextmanager
def items_read(dynamodb: Engine) -> Iterator[list[int]]:
    """How many items each query for usage gives inside."""
    found: list[int] = []
    call = vars(BaseClient)["_make_api_call"]

    def noting(client: BaseClient, operation: str, request: dict[str, Any]) -> Any:
        answer = call(client, operation, request)
        if request.get("TableName") == dynamodb.tables["usage"] and operation == "Query":
            found.append(len(answer["Items"]))
        return answer

    with patch.object(BaseClient, "_make_api_call", noting):
        yield found


@pytest.mark.parametrize("measure", PLAIN)
def test_a_month_reads_its_newest_hours_and_an_item_of_totals(
    dynamodb: Engine, clock: Clock, measure: str
) -> None:
    clock.now = START
    use_every_hour("cus_a", 31, measure)
    end = START + 31 * DAY
    expected = used("cus_a", START, end, measure)
    add_up("cus_a", end, measure)
    with items_read(dynamodb) as reads:
        assert used("cus_a", START, end, measure) == expected
    assert sum(reads) <= 60 + 1
    assert len(reads) == 2


def test_a_year_of_levels_reads_totals_and_the_level_before_it(
    dynamodb: Engine, clock: Clock
) -> None:
    clock.now = START
    use_every_hour("cus_a", 31, "weighted_sum")
    start, end = START + DAY, START + 31 * DAY
    expected = used("cus_a", start, end, "weighted_sum")
    assert expected == sum(hour % 7 * HOUR for hour in range(24, 31 * 24))
    add_up("cus_a", end, "weighted_sum")
    with items_read(dynamodb) as reads:
        assert used("cus_a", start, end, "weighted_sum") == expected
    assert sum(reads) <= 60 + 1 + 2
    assert len(reads) == 3


def test_a_level_that_comes_late_takes_the_total_of_its_day_away(
    dynamodb: Engine, clock: Clock
) -> None:
    clock.now = START
    use_every_hour("cus_a", 10, "weighted_sum")
    end = START + 10 * DAY
    add_up("cus_a", end, "weighted_sum")
    assert months(dynamodb, "cus_a")
    clock.now = end
    before = used("cus_a", START, end, "weighted_sum")
    late = START + DAY + HOUR // 2
    counted(record("cus_a", "late", late, value=100, measure="weighted_sum"))
    after = used("cus_a", START, end, "weighted_sum")
    assert after - before == (100 - 24 % 7) * HOUR // 2


@pytest.mark.parametrize("measure", ["last", "unique_count", "sum:hour", "max:day"])
def test_other_measures_are_read_by_hours(dynamodb: Engine, clock: Clock, measure: str) -> None:
    clock.now = START
    formula, _, window = measure.partition(":")
    meter = meter_body(formula=formula, event_time_window=window or None)
    for hour in range(6 * 24):
        counted(record("cus_a", f"e{hour}", START + hour * HOUR, measure=measure))
    end = START + 6 * DAY
    day_totals.add_up_if_due([])
    clock.now = end + DAY
    counted(record("cus_a", "late", START + 30, measure=measure))
    assert months(dynamodb, "cus_a") == []
    assert usage_query.billed_usage(meter, "cus_a", START, end, livemode=False).events


def test_sparse_usage_is_not_added_up_and_read_at_once(dynamodb: Engine, clock: Clock) -> None:
    clock.now = START
    for day in range(23):
        counted(record("cus_a", f"e{day}", START + day * DAY))
    add_up("cus_a", START + 31 * DAY)
    assert months(dynamodb, "cus_a") == []
    with items_read(dynamodb) as reads:
        assert used("cus_a", START, START + 31 * DAY) == 23
    assert reads == [23]


@pytest.mark.parametrize("ahead", [0, 90])
def test_whoever_counts_the_first_event_of_an_hour_adds_up_once_a_day(
    dynamodb: Engine, clock: Clock, ahead: int
) -> None:
    # A client whose clock is ahead sends each hour's first event in the hour before.
    for hour in range(4 * 24):
        clock.now = START + hour * HOUR + 60 - ahead
        counted(record("cus_a", f"e{hour}", clock.now + ahead))
    [month] = months(dynamodb, "cus_a")
    assert month["sk"]["S"] == "d#2026-01"
    assert month["01"]["S"] == "24 24"
    assert int(month["version"]["N"]) <= 3


def test_usage_sent_in_the_night_after_costs_no_more(dynamodb: Engine, clock: Clock) -> None:
    clock.now = START + DAY + 11 * HOUR - 1
    counted(record("cus_a", "e", START + 30))
    assert months(dynamodb, "cus_a") == []


def test_a_late_change_takes_its_day_away_until_it_is_added_up_again(
    dynamodb: Engine, clock: Clock
) -> None:
    clock.now = START
    use_every_hour("cus_a", 31)
    end = START + 31 * DAY
    add_up("cus_a", end)
    before = used("cus_a", START, end)
    clock.now = end + 60
    counted(record("cus_a", "late", START + 5 * DAY, value=100))
    [month] = months(dynamodb, "cus_a")
    assert month["06"]["S"] == f"!{clock.now}"
    assert used("cus_a", START, end) == before + 100
    add_up("cus_a", clock.now + HOUR - 1)
    assert months(dynamodb, "cus_a") == [month]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(day_totals, "WORTHWHILE_HOURS", 1)
        add_up("cus_a", clock.now + HOUR)
    [month] = months(dynamodb, "cus_a")
    assert month["06"]["S"].startswith("25 ")
    assert used("cus_a", START, end) == before + 100


def test_late_changes_of_a_day_share_a_mark_for_half_an_hour(
    dynamodb: Engine, clock: Clock
) -> None:
    clock.now = START + 3 * DAY
    for number in range(3):
        clock.now += 600
        counted(record("cus_a", f"e{number}", START + number))
    [month] = months(dynamodb, "cus_a")
    assert month["version"]["N"] == "1"
    clock.now += 1_800
    counted(record("cus_a", "later", START))
    [month] = months(dynamodb, "cus_a")
    assert month["01"]["S"] == f"!{clock.now}"


@pytest.mark.usefixtures("dynamodb")
def test_a_cancellation_of_old_usage_takes_its_day_away(clock: Clock) -> None:
    clock.now = START
    use_every_hour("cus_a", 31)
    end = START + 31 * DAY
    add_up("cus_a", end)
    before = used("cus_a", START, end)
    clock.now = end
    cancelled = {"N": str(end)}
    counted(record("cus_a", "cus_a3", START + 3 * HOUR, value=3, cancelled_at=cancelled))
    assert used("cus_a", START, end) == before - 3


def test_totals_are_not_stored_over_a_mark_that_came_meanwhile(
    dynamodb: Engine, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock.now = START
    use_every_hour("cus_a", 3)
    later = START + 5 * DAY
    save = stored.save_totals

    def late(*saved: Any) -> None:
        clock.now = later
        counted(record("cus_a", "late", START + 30, value=100))
        save(*saved)

    monkeypatch.setattr(stored, "save_totals", late)
    add_up("cus_a", later)
    [month] = months(dynamodb, "cus_a")
    assert set(month) == {"pk", "sk", "version", "01"}


def test_a_change_that_cannot_be_marked_is_not_made(
    dynamodb: Engine, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock.now = START + 3 * DAY

    def busy(*_: Any) -> list[Any]:
        raise Throttled

    monkeypatch.setattr(stored, "_change", busy)
    assert count.count_records([record("cus_a", "e", START)]) == ["e"]
    assert dynamodb.scan("usage") == []


_hours = st.integers(0, 12 * 24 - 1)


@dataclass(frozen=True)
class Question:
    """A range of usage, and how it is divided."""

    measure: str
    start: int
    end: int
    grouping: Grouping | None
    zone: tzinfo

    def answers(self, customer: str) -> tuple[Decimal, Sequence[Mapping[str, Any]]]:
        """What was used, and the summaries of the windows that the range touches."""
        meter = meter_body(formula=self.measure)
        low, high = self.start // 60 * 60, -(-self.end // 60) * 60
        if self.grouping:
            low, _ = window_around(self.start, self.grouping, self.zone)
            _, high = window_around(self.end - 1, self.grouping, self.zone)
        summaries = list_event_summaries(
            meter, customer, Windows(low, high, self.grouping, self.zone), livemode=False
        )
        return used(customer, self.start, self.end, self.measure), summaries


@st.composite
def questions(draw: st.DrawFn) -> Question:
    start = START + draw(_hours) * HOUR + draw(st.sampled_from([0, 0, 900]))
    end = start + draw(_hours) * HOUR + draw(st.sampled_from([HOUR, 1_801]))
    zones = (UTC, ZoneInfo("America/New_York"), ZoneInfo("Asia/Kathmandu"))
    grouping = draw(
        st.sampled_from([None, *(one for one in Grouping if one is not Grouping.MINUTE)])
    )
    measure = draw(st.sampled_from(PLAIN))
    return Question(measure, start, end, grouping, draw(st.sampled_from(zones)))


@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    question=questions(),
    late=st.lists(st.tuples(_hours, st.integers(-50, 50)), max_size=4),
    is_added_up_again=st.booleans(),
)
def test_any_range_reads_what_its_hours_say(
    dynamodb: Engine,
    clock: Clock,
    question: Question,
    late: list[tuple[int, int]],
    is_added_up_again: bool,  # noqa: FBT001 - a case
) -> None:
    customer = f"cus_{len({item['pk']['S'] for item in dynamodb.scan('usage')})}"
    measure = question.measure

    def use(name: str, hour: int, value: int) -> dict[str, Any]:
        second = START + hour * HOUR + 77
        return record(customer, f"{customer}{name}", second, value=value, measure=measure)

    clock.now = START
    counted(*[use(str(hour), hour, hour) for hour in range(12 * 24)])
    clock.now = START + 14 * DAY
    add_up(customer, clock.now, measure)
    for number, (hour, value) in enumerate(late):
        counted(use(f"l{number}", hour, value))
    if is_added_up_again:
        add_up(customer, clock.now + 2 * HOUR, measure)
    found = question.answers(customer)
    with by_hours_alone():
        assert question.answers(customer) == found
