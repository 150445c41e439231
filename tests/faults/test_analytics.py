"""Analytics of usage and of amounts say what a plain recount of the events says, in random worlds.

Events come in any order, late, twice, and are cancelled; days are added up in between; the clocks
of the time zone change in each world.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from itertools import pairwise, product
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from meterline.core.analytics.window_amounts import amount_until
from meterline.core.base.periods import Period
from meterline.core.billing.cycles import CyclePeriod
from meterline.core.catalog.price_models import Usage
from meterline.core.metering.acceptance import measure_of
from meterline.core.metering.calendar_windows import Grouping
from meterline.core.metering.day_totals import has_day_totals
from meterline.core.metering.dimensions import cell_of, with_cell
from meterline.core.metering.distinct import value_of
from meterline.services.analytics import amounts
from meterline.services.analytics.amounts import AmountsAsked
from meterline.services.analytics.usage_periods import UsagePeriod, overlaps
from meterline.services.base.context import Context
from meterline.services.billing.item_terms import metered_item
from meterline.services.catalog.price_segments import segment_of
from meterline.services.metering import count, day_totals
from meterline.services.metering.analytics import Asked, meter_usage
from meterline.services.metering.series import Breakdown
from meterline.services.metering.summaries import list_event_summaries
from meterline.services.metering.windows import Windows
from meterline.store.base import clients
from meterline.store.base.documents import Document
from meterline.store.base.settings import settings
from meterline.store.billing.repository import BillingStore
from meterline.store.metering import cells, usage_commits
from meterline.store.metering.cells import CellsKey, month_of
from meterline.store.metering.meter_events import identity_of, key_of
from meterline.store.metering.usage import BucketKey
from tests.faults.engine import FakeDynamoDB, seeded
from tests.faults.recount import (
    Event,
    counting_events,
    expected_levels,
    expected_percentile,
    expected_usage,
)
from tests.faults.test_faults import SHARES, seeds_of
from tests.integration.metering.worlds import meter_body

CHANGES = {
    "Europe/Berlin": ("2026-03-29T01:00Z", "2026-10-25T01:00Z"),
    "America/New_York": ("2026-03-08T07:00Z", "2026-11-01T06:00Z"),
    "Australia/Lord_Howe": ("2026-04-04T15:00Z", "2026-10-03T15:30Z"),
}
"""When the clocks of three time zones change (UTC); those of the last one by half an hour."""

DIMENSIONS = ("model", "token_type")
MODELS = ("small", "large")
TYPES = ("input", "output")
FORMULAS = (
    *("sum", "sum", "count", "max", "min", "avg", "last", "unique_count", "last:day"),
    *("weighted_sum", "weighted_sum", "percentile", "percentile"),
)
DAY = 86_400
CUSTOMER = "cus_a"


class World:
    """The events of a customer on one meter, around a change of the clocks."""

    def __init__(self, seed: int) -> None:
        self.chance = seeded(seed)
        self.zone = ZoneInfo(self.chance.choice([*CHANGES]))
        change = datetime.fromisoformat(self.chance.choice(CHANGES[self.zone.key]))
        middle = int(change.timestamp())
        self.start = middle - self.chance.randrange(1, 4) * DAY
        self.end = middle + self.chance.randrange(1, 4) * DAY
        self.formula = self.chance.choice(FORMULAS)
        formula, _, window = self.formula.partition(":")
        self.percentile = self.chance.choice(("99.5", "98.5", "97"))
        self.meter = meter_body(
            formula=formula,
            percentile=self.percentile,
            event_time_window=window or None,
            dimension_payload_keys=list(DIMENSIONS),
        )
        self.events = [self._event(number) for number in range(self.chance.randint(5, 60))]
        self.cancelled: set[bytes] = set()
        self.clock = self.start

    def _event(self, number: int) -> Event:
        value = Decimal(self.chance.randint(-50, 50)).scaleb(-self.chance.choice((0, 2)))
        if self.formula.startswith("unique_count"):
            value = value_of(str(self.chance.randint(1, 9)))
        return Event(
            self.chance.randrange(self.start, self.end),
            self.start * 1_000_000 + number,
            identity_of(f"e{number}"),
            value,
            (self.chance.choice(MODELS), self.chance.choice(TYPES)),
        )

    def live(self) -> None:
        """Events come, days are added up, more events and cancellations come, as it happens."""
        late = [event for event in self.events if self.chance.random() < 0.3]
        self._deliver([event for event in self.events if event not in late])
        self._add_up()
        cancelled = [event for event in self.events if self.chance.random() < 0.2]
        self.cancelled = {event.identity for event in cancelled}
        self._deliver([*late, *cancelled, *self.chance.sample(self.events, 3)])
        self._add_up()

    def _deliver(self, events: list[Event]) -> None:
        self.chance.shuffle(events)
        while events:
            number = self.chance.randint(1, 20)
            batch, events = events[:number], events[number:]
            assert count.count_records([self._record(event) for event in batch]) == []
            self.clock += 600

    def _record(self, event: Event) -> dict[str, Any]:
        cell = cell_of(event.dimensions)
        key = CellsKey(False, self.meter["id"], CUSTOMER, month_of(event.timestamp))  # noqa: FBT003
        assert cells.admit({key: {cell: event.dimensions}}) == set()
        image = {
            "identifier": {"S": key_of(livemode=False, identity=event.identity)},
            "meter": {"S": self.meter["id"]},
            "customer": {"S": CUSTOMER},
            "measure": {"S": with_cell(self.formula, cell)},
            "value": {"S": format(event.value, "f")},
            "timestamp": {"N": str(event.timestamp)},
            "accepted_at": {"N": str(event.accepted_at)},
        }
        if event.identity in self.cancelled:
            image["cancelled_at"] = {"N": str(self.clock)}
        return {"eventName": "INSERT", "dynamodb": {"NewImage": image, "SequenceNumber": "1"}}

    def _add_up(self) -> None:
        """Days are added up where the measure has totals of days, some time after the last one."""
        self.clock = max(self.clock, self.end) + self.chance.choice((2, 20)) * DAY
        measure = measure_of(self.meter)
        if not has_day_totals(measure):
            return
        for dimensions in product(MODELS, TYPES):
            cell = cell_of(dimensions)
            key = BucketKey(False, self.meter["id"], CUSTOMER, 0, cell)  # noqa: FBT003
            day_totals.add_up(key, measure, self.clock)


def ask(world: World) -> tuple[Windows, Breakdown]:
    """Any question about a world."""
    chance = world.chance
    first, last = (
        chance.randrange(world.start - DAY, world.end + DAY) // 60 * 60 for _ in range(2)
    )
    grouping = chance.choice(
        (None, Grouping.HOUR, Grouping.DAY, Grouping.DAY, Grouping.WEEK, Grouping.MONTH)
    )
    filters = chance.choice(
        ({}, {"model": ["small"]}, {"model": ["small", "large"], "token_type": ["input"]})
    )
    keys = chance.choice(((), ("model",), ("token_type", "model")))
    windows = Windows(min(first, last), max(first, last) + 60, grouping, world.zone)
    return windows, Breakdown(filters, keys)


def answered(world: World, windows: Windows, breakdown: Breakdown) -> Mapping[Any, Decimal]:
    """What the product says, by the local time of each row's first second."""
    store = BillingStore(livemode=False)
    ctx = Context(store=store, now=world.clock, wall_clock=world.clock)
    usage = meter_usage(ctx, CUSTOMER, windows, [Asked(world.meter, breakdown)])
    rows = usage["rows"]["data"]
    assert [row["starts_at"] for row in rows] == sorted(row["starts_at"] for row in rows)
    assert all(windows.start <= row["starts_at"] < row["ends_at"] <= windows.end for row in rows)
    found = {
        (
            label(row["starts_at"], windows.grouping, world.zone),
            tuple((row["dimensions"] or {}).values()),
        ): row["value"]
        for row in rows
    }
    assert len(found) == len(rows)
    return found


def recounted(world: World, windows: Windows, breakdown: Breakdown) -> Mapping[Any, Decimal]:
    """The same from the events alone."""
    left = [event for event in world.events if event.identity not in world.cancelled]
    meant = [event for event in left if meets(event, breakdown.conditions)]
    groups: dict[tuple[str, ...], list[Event]] = {}
    for event in meant:
        values = tuple(event.dimensions[DIMENSIONS.index(key)] for key in breakdown.keys)
        groups.setdefault(values, []).append(event)
    if world.formula == "weighted_sum":
        return {
            (place, values): total
            for values, events in groups.items()
            for place, total in levels_by_window(world, windows, events).items()
        }
    if world.formula == "percentile":
        return {
            (place, values): value
            for values, events in groups.items()
            for place, value in percentiles_by_window(world, windows, events).items()
        }
    found: dict[Any, list[Event]] = {}
    for values, events in groups.items():
        for event in counting_events(world.formula, events):
            if windows.start <= event.timestamp < windows.end:
                place = label(event.timestamp, windows.grouping, world.zone), values
                found.setdefault(place, []).append(event)
    return {place: expected_usage(world.formula, events) for place, events in found.items()}


def percentiles_by_window(
    world: World, windows: Windows, events: Iterable[Event]
) -> Mapping[object, Decimal]:
    """What five minutes come to, all of a window sorted, without the greatest."""
    sums: dict[object, list[Decimal]] = {}
    used = set()
    step = 60 if windows.grouping is Grouping.MINUTE else 300
    for first in range(windows.start - windows.start % step, windows.end, step):
        start, end = max(first, windows.start), min(first + step, windows.end)
        inside = [event.value for event in events if start <= event.timestamp < end]
        place = label(start, windows.grouping, world.zone)
        sums.setdefault(place, []).append(sum(inside, Decimal(0)))
        used |= {place} if inside else set()
    share = 100 - Decimal(world.percentile)
    return {
        place: sorted(some, reverse=True)[int(len(some) * share // 100)]
        for place, some in sums.items()
        if place in used
    }


def levels_by_window(
    world: World, windows: Windows, events: Iterable[Event]
) -> Mapping[object, Decimal]:
    """What levels come to by half hours, at which all clocks change; those of each cell."""
    step = 60 if windows.grouping is Grouping.MINUTE else 1_800
    halves = range(windows.start - windows.start % step, windows.end, step)
    steps = [*pairwise([windows.start, *halves[1:], windows.end])]
    found: dict[object, Decimal] = {}
    for dimensions in {event.dimensions for event in events}:
        own = [event for event in events if event.dimensions == dimensions]
        for start, end in steps:
            total = expected_levels(own, start, end)
            if total or any(start <= event.timestamp < end for event in own):
                place = label(start, windows.grouping, world.zone)
                found[place] = found.get(place, Decimal(0)) + total
    return found


def meets(event: Event, conditions: Mapping[str, Iterable[str]]) -> bool:
    said = dict(zip(DIMENSIONS, event.dimensions, strict=True))
    return all(said[key] in values for key, values in conditions.items())


def label(second: int, grouping: Grouping | None, zone: ZoneInfo) -> object:
    """What tells windows apart, in the words of the calendar."""
    local = datetime.fromtimestamp(second, zone)
    match grouping:
        case Grouping.MINUTE:
            return second // 60
        case Grouping.HOUR:
            return local.date(), local.hour, local.utcoffset()
        case Grouping.DAY:
            return local.date()
        case Grouping.WEEK:
            return local.isocalendar()[:2]
        case Grouping.MONTH:
            return local.year, local.month
        case _:
            return None


TIERS = [
    {"up_to": 20, "unit_amount_decimal": "1.7", "flat_amount_decimal": "300"},
    {"up_to": 200, "unit_amount_decimal": "0.31", "flat_amount_decimal": None},
    {"up_to": None, "unit_amount_decimal": "0.02", "flat_amount_decimal": "5"},
]
TERMS: list[dict[str, Any]] = [
    {"unit_amount_decimal": "0.35"},
    {"unit_amount_decimal": "70", "transform_quantity": {"divide_by": 30, "round": "up"}},
    {"tiers": TIERS, "tiers_mode": "graduated"},
    {"tiers": TIERS, "tiers_mode": "volume"},
    {"unit_amount_decimal": "3", "meterline": {"minimum_amount": 500}},
    {"unit_amount_decimal": "9", "meterline": {"maximum_amount": 400}},
]
SEGMENT = [{"dimension": "model", "value": "small"}]


def price_of(world: World, number: int) -> Any:
    """A price of all usage, or of that of a model."""
    terms: dict[str, Any] = {
        "unit_amount_decimal": None,
        "transform_quantity": None,
        "tiers_mode": None,
    }
    terms |= world.chance.choice(TERMS)
    if world.chance.random() < 0.3:
        own = {"meter_segment_conditions": SEGMENT}
        terms["meterline"] = terms.get("meterline", {}) | own
    recurring = {"meter": world.meter["id"]}
    return {"id": f"price_{number}", "currency": "usd", "recurring": recurring, **terms}


def periods_of(world: World) -> list[UsagePeriod]:
    """Billing periods that follow each other, cut at any second, at one or two prices."""
    chance = world.chance
    periods = []
    for number in range(chance.choice((1, 2))):
        price, cuts = price_of(world, number), chance.randint(0, 3)
        places = [chance.randrange(world.start, world.end) for _ in range(cuts)]
        for start, end in pairwise([world.start, *sorted(places), world.end]):
            period = Period(start, end)
            whole = chance.choice((period, Period(start - 2 * DAY, end)))
            periods.append(UsagePeriod("sub", price, CyclePeriod(period, whole)))
    return periods


class Meters:
    """A store that has the meter of a world, and nothing else."""

    livemode = False

    def __init__(self, world: World) -> None:
        self.meter = world.meter

    def get_many(self, _: Iterable[str]) -> dict[str, Any]:
        return {self.meter["id"]: Document("billing.meter", self.livemode, self.meter)}


def cost_until(world: World, period: UsagePeriod, instant: int) -> int:
    """What a recount of the events of a period up to an instant costs; nothing before it."""
    own = period.span.period
    if instant < own.start or (instant == own.start and own.seconds):
        return 0
    end = min(instant, own.end)
    conditions = segment_of(period.price)
    meant = [
        event
        for event in world.events
        if event.identity not in world.cancelled and meets(event, conditions)
    ]
    used = [
        event
        for event in counting_events(world.formula, meant)
        if own.start <= event.timestamp < end
    ]
    if world.formula == "weighted_sum":
        quantity = expected_levels(meant, own.start, end)
    elif world.formula == "percentile":
        quantity = (
            expected_percentile(used, own.start, end, world.percentile) if used else Decimal(0)
        )
    else:
        quantity = expected_usage(world.formula, used) if used else Decimal(0)
    usage = Usage(quantity, len(used))
    return amount_until(metered_item(period.price), period.span, end, usage)


def amounts_in(
    world: World, periods: list[UsagePeriod], windows: Windows, *, by_model: bool
) -> list[Any]:
    """What the product says."""
    store: Any = Meters(world)
    ctx = Context(store=store, now=world.clock, wall_clock=world.clock)
    customer: Any = Document("customer", store.livemode, {"id": CUSTOMER})
    dimensions = ("model",) if by_model else ()
    asked = AmountsAsked(windows, world.chance.random() < 0.2, dimensions=dimensions)
    if asked.by_period:
        asked = replace(asked, windows=replace(windows, grouping=None))
    with pytest.MonkeyPatch.context() as patch:
        overlap = [one for one in periods if overlaps(one.span.period, windows.start, windows.end)]
        patch.setattr(amounts, "usage_periods", lambda *_: overlap)
        return list(amounts.amounts(ctx, customer, asked))


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Iterable[Callable[[int], World]]:
    """Runs a world on an engine of its own, with small counters and few events to a segment."""
    for name in ("meter_events", "usage"):
        monkeypatch.setenv(f"METERLINE_{name.upper()}_TABLE", name)
    settings.cache_clear()

    def begin(seed: int) -> World:
        world, engine = World(seed), FakeDynamoDB(seeded(seed))
        engine.weather.is_calm = engine.weather.load.is_calm = True
        clients.reset_clients()
        monkeypatch.setattr(clients, "_client", lambda _: engine)
        monkeypatch.setattr(usage_commits, "time", lambda: world.clock)
        monkeypatch.setattr(usage_commits, "COUNTER_BYTES", world.chance.choice((300, 1_000)))
        monkeypatch.setattr(day_totals, "NEWEST_HOURS", 1)
        monkeypatch.setattr(day_totals, "WORTHWHILE_HOURS", 1)
        world.live()
        return world

    yield begin
    clients.reset_clients()
    settings.cache_clear()


@pytest.mark.parametrize("share", range(SHARES))
def test_analytics_say_what_a_recount_says(
    run: Callable[[int], World], request: pytest.FixtureRequest, share: int
) -> None:
    for seed in seeds_of(request.config, share, one_in=10):
        world = run(seed)
        for _ in range(6):
            question = ask(world)
            expected = recounted(world, *question)
            assert answered(world, *question) == expected, (seed, world.formula, question)


@pytest.mark.parametrize("share", range(SHARES))
def test_summaries_of_minutes_say_what_a_recount_says(
    run: Callable[[int], World], request: pytest.FixtureRequest, share: int
) -> None:
    for seed in seeds_of(request.config, share, one_in=10):
        world = run(seed)
        middle = world.chance.choice(world.events).timestamp // 60 * 60
        start = middle - world.chance.randrange(0, 600) * 60
        end = middle + world.chance.randrange(1, 600) * 60
        windows = Windows(start, end, Grouping.MINUTE, world.zone)
        _, breakdown = ask(world)
        whose = world.meter, CUSTOMER, windows, breakdown
        found = {
            (row["start_time"] // 60, tuple(row.get("dimensions", {}).values())): row[
                "aggregated_value"
            ]
            for row in list_event_summaries(*whose, livemode=False)
        }
        assert found == recounted(world, windows, breakdown), (seed, world.formula)


@pytest.mark.parametrize("share", range(SHARES))
def test_amounts_add_up_to_what_a_recount_bills(
    run: Callable[[int], World], request: pytest.FixtureRequest, share: int
) -> None:
    for seed in seeds_of(request.config, share, one_in=20):
        world = run(seed)
        periods = periods_of(world)
        divisible = world.formula in ("sum", "count")
        for _ in range(3):
            windows, _ = ask(world)
            by_model = divisible and world.chance.random() < 0.5
            rows = amounts_in(world, periods, windows, by_model=by_model)
            expected = expected_amounts(world, periods, rows)
            assert billed(rows) == expected, (seed, world.formula, windows)
            bounds = windows.start, windows.end
            assert sum(row["amount"] for row in rows) == sum(
                cost_until(world, one, bounds[1]) - cost_until(world, one, bounds[0])
                for one in periods
            ), (seed, world.formula, windows)
        whole = Windows(world.start // 60 * 60, world.end + 60, Grouping.DAY, world.zone)
        rows = amounts_in(world, periods, whole, by_model=False)
        lines = sum(cost_until(world, one, one.span.period.end) for one in periods)
        assert sum(row["amount"] for row in rows) == lines, seed


type Billed = dict[tuple[int, int, str], int]


def billed(rows: list[Any]) -> Billed:
    """What rows come to, by window and price."""
    found: Billed = {}
    for row in rows:
        key = row["starts_at"], row["ends_at"], row["price"]
        found[key] = found.get(key, 0) + row["amount"]
    return found


def expected_amounts(world: World, periods: list[UsagePeriod], rows: list[Any]) -> Billed:
    """The same from the events alone."""
    return {
        (start, end, price): sum(
            cost_until(world, one, end) - cost_until(world, one, start)
            for one in periods
            if one.price["id"] == price
        )
        for start, end, price in billed(rows)
    }
