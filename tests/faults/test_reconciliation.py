"""Reconciliation under seeds: it finds every counter that was damaged, and no other.

Events come over weeks, some are cancelled; some are never counted, counted twice, or counted as
something else. Passes stop after any round, and rounds are repeated; reads show the past, and pages
are short. Each mistake planted in the rules is noticed by some seed.
"""

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from decimal import Decimal
from functools import partial
from typing import Any

import pytest

from meterline.core.base.timestamps import rfc3339
from meterline.core.metering import packed_rows
from meterline.core.metering.aggregation import Aggregate, Formula, Measure, Row
from meterline.core.metering.recount import Recount
from meterline.services.metering import (
    accept,
    cancel_events,
    count,
    gather,
    reconcile,
    reconcile_pass,
)
from meterline.services.metering.accept import Sender
from meterline.services.metering.cancel_events import CANCEL_LIMIT_SECONDS
from meterline.services.metering.groups import Group
from meterline.services.metering.reconcile import Difference
from meterline.services.metering.reconcile_pass import PASS_SECONDS, SETTLING_SECONDS
from meterline.store.base import batches, clients
from meterline.store.base.settings import settings
from meterline.store.metering import event_scan, usage, usage_commits
from meterline.store.metering.event_scan import EventScan
from meterline.store.metering.meter_events import identity_of, with_own_names
from meterline.store.metering.reconciliations import Progress
from meterline.store.metering.segment_pages import newest_first
from meterline.store.metering.usage import BucketKey
from tests.faults.broken import BrokenRuleError
from tests.faults.engine import FakeDynamoDB, seeded
from tests.integration.metering.worlds import FakeDirectory, meter_body

SEEDS = 60
START = 1_700_157_600
WEEKS = 3
CUSTOMERS = ("cus_a", "cus_b", "cus_c")
SUM = Measure(Formula.SUM)
ALL_FOUND = "every damaged counter is found"
NO_OTHER = "no other counter is found"

type Record = dict[str, Any]
type Break = Callable[[pytest.MonkeyPatch], None]


class World:
    """Events of three weeks, counters that are partly wrong, and passes over them."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.chance = seeded(seed)
        self.engine = FakeDynamoDB(seeded(seed + 1))
        self.engine.weather.load.is_calm = True
        self.engine.on_event = self._on_event
        self.directory = FakeDirectory([meter_body()], dict.fromkeys(CUSTOMERS))
        self.records: list[Record] = []
        self.states: list[tuple[int, dict[Any, Any]]] = []
        self.damaged: set[BucketKey] = set()
        self.found: set[BucketKey] = set()
        self.progress = Progress()
        self.now = START

    def run(self) -> None:
        """Three weeks, two passes after them, and what was found."""
        names = (f"e{number}" for number in itertools.count())
        for _ in range(WEEKS):
            self.now = max(self.now, self.progress.started_at + PASS_SECONDS)
            for _ in range(self.chance.randint(1, 4)):
                self.now += self.chance.choice((1, 60, 3_600, 50_000))
                self._send(list(itertools.islice(names, self.chance.choice((1, 3, 9)))))
                self._cancel_one()
                self._count()
            self.now += self.chance.choice((0, 1, SETTLING_SECONDS, SETTLING_SECONDS + 1))
            self._reconcile()
            self._cancel_one()
            self._count()
        for _ in range(2):
            self.now += PASS_SECONDS
            self._reconcile()
        self._compare()

    def _on_event(self, kind: str, item: dict[str, Any]) -> None:
        number = str(len(self.records))
        change = {"NewImage": item, "SequenceNumber": number}
        self.records.append({"eventName": kind, "dynamodb": change})

    def _sender(self, key: str) -> Sender:
        return Sender(False, key, self.now * 1_000_000, self.directory)  # noqa: FBT003 - test mode

    def _send(self, names: Sequence[str]) -> None:
        second = self.now - self.chance.choice((0, 0, 4_000))
        events = [
            {
                "event_name": "tokens",
                "identifier": name,
                "payload": {
                    "stripe_customer_id": self.chance.choice(CUSTOMERS),
                    "value": str(self.chance.randint(1, 9)),
                },
                "timestamp": rfc3339(second * 1_000),
            }
            for name in names
        ]
        accept.ingest_stream(self._sender(names[0]), {"events": events})

    def _cancel_one(self) -> None:
        young = [
            item["name"]["S"]
            for item in map(with_own_names, self.engine.items("meter_events"))
            if self.now - int(item["accepted_at"]["N"]) // 1_000_000 < CANCEL_LIMIT_SECONDS
        ]
        if young and self.chance.random() < 0.5:
            name = self.chance.choice(young)
            params = {"type": "cancel", "event_name": "tokens", "cancel": {"identifier": name}}
            cancel_events.create_meter_event_adjustment(self._sender("cancel"), params)

    def _count(self) -> None:
        """Count what came; of it a record is lost now and then, or counted wrongly."""
        records, self.records = self.records, []
        if records and self.chance.random() < 0.2:
            lost = records.pop(self.chance.randrange(len(records)))
            self.damaged.add(_key(with_own_names(lost["dynamodb"]["NewImage"])))
        assert count.count_records(records) == []
        if records and self.chance.random() < 0.3:
            image = with_own_names(self.chance.choice(records)["dynamodb"]["NewImage"])
            self._damage(_key(image), identity_of(image["name"]["S"]))
        self.states.append((self.now, dict(self.engine.database.table("usage").items)))

    def _damage(self, key: BucketKey, identity: bytes) -> None:
        """Count an event once more or as something else, if its row is in the counter."""
        [counter] = [item for item in self.engine.items("usage") if _is_counter_of(item, key)]
        rows = packed_rows.unpack(counter["rows"]["B"], key.start, SUM)
        place = next((n for n, row in enumerate(rows) if row.identity == identity), None)
        if place is None or any(row.cancels for row in rows):
            return
        number, total, *others = counter["sums"]["S"].split()
        sums = [number, str(Decimal(total) + 1)]
        if self.chance.random() < 0.5:
            sums = [str(int(number) + 1), str(Decimal(total) + rows[place].value)]
            rows.append(rows[place])
        else:
            rows[place] = rows[place]._replace(value=rows[place].value + 1)
        changed = {
            **counter,
            "rows": {"B": packed_rows.pack(rows, key.start, SUM)},
            "sums": {"S": " ".join([*sums, *others])},
        }
        self.engine.put_item(TableName="usage", Item=changed)
        self.damaged.add(key)

    def _reconcile(self) -> None:
        """Go on until the pass is done; what a round notes is lost now and then."""
        events, counters = map(self.engine.database.table, ("meter_events", "usage"))
        events.past = None  # what is an hour old is seen
        counters.past = self._counters_of_before()
        for _ in range(500):
            before = self.progress
            clock = itertools.count(step=self.chance.choice((1, 150))).__next__
            if reconcile_pass.reconcile(self.now, monotonic=clock).is_done:
                return
            if before.started_at == self.progress.started_at and self.chance.random() < 0.2:
                self.progress = before
            self.now += 1_200
        raise BrokenRuleError("a pass ends", f"seed {self.seed}")

    def _counters_of_before(self) -> dict[Any, Any]:
        """What an eventual read may show; sometimes it lags behind what counts as settled."""
        moment = self.now - self.chance.choice((0, 3 * SETTLING_SECONDS))
        return next((was for at, was in reversed(self.states) if at <= moment), {})

    def _compare(self) -> None:
        missed = sorted(key for key in self.damaged - self.found if self._is_wrong(key))
        _hold(ALL_FOUND, not missed, f"seed {self.seed}: {missed}")
        others = sorted(self.found - self.damaged)
        _hold(NO_OTHER, not others, f"seed {self.seed}: {others}")

    def _is_wrong(self, key: BucketKey) -> bool:
        """Whether an hour is wrong at the end: plainly compared."""
        items = [item for item in self.engine.items("usage") if _is_of(item, key)]
        rows = [
            row for item in items for row in packed_rows.unpack(item["rows"]["B"], key.start, SUM)
        ]
        total = sum(
            Decimal(item["sums"]["S"].split()[1]) for item in items if _is_counter_of(item, key)
        )
        cancelled = {row.identity for row in rows if row.cancels}
        counted = [row for row in rows if row.identity not in cancelled]
        events = [
            item
            for item in map(with_own_names, self.engine.items("meter_events"))
            if _key(item) == key
        ]
        wanted = sorted(
            (identity_of(event["name"]["S"]), Decimal(event["value"]["S"]))
            for event in events
            if "cancelled_at" not in event
        )
        lacking = {identity_of(event["name"]["S"]) for event in events if "cancelled_at" in event}
        is_right = wanted == sorted((row.identity, row.value) for row in counted)
        return not is_right or not lacking <= cancelled or total != sum(v for _, v in wanted)


def _hold(rule: str, holds: bool, text: str) -> None:  # noqa: FBT001 - it is what is held
    if not holds:
        raise BrokenRuleError(rule, text)


def _key(image: dict[str, Any]) -> BucketKey:
    hour = int(image["timestamp"]["N"]) // usage.HOUR_SECONDS
    return BucketKey(False, image["meter"]["S"], image["customer"]["S"], hour)  # noqa: FBT003


def _is_counter_of(item: dict[str, Any], key: BucketKey) -> bool:
    return {name: item[name] for name in ("pk", "sk")} == usage.counter_place(key)


def _is_of(item: dict[str, Any], key: BucketKey) -> bool:
    is_segment = item["sk"]["S"].startswith(usage.segment_prefix(key))
    is_mine = item["pk"] == usage.counter_place(key)["pk"]
    return is_mine and (is_segment or _is_counter_of(item, key))


@pytest.fixture
def passes(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[int], None]]:
    """Runs a seed's world on its own engine; rounds, counters and pages are small."""
    for name in ("meter_events", "usage"):
        monkeypatch.setenv(f"METERLINE_{name.upper()}_TABLE", name)
    settings.cache_clear()
    one_by_one = partial(map, lambda call: call())

    def run(seed: int) -> None:
        world = World(seed)
        clients.reset_clients()

        def save(_: int, progress: Progress) -> None:
            world.progress = progress

        monkeypatch.setattr(clients, "_client", lambda _: world.engine)
        monkeypatch.setattr(batches, "sleep", lambda _: None)
        monkeypatch.setattr(usage_commits, "COUNTER_BYTES", world.chance.choice((260, 400)))
        monkeypatch.setattr(reconcile_pass, "FIRST_EVENTS", world.chance.choice((1, 10)))
        monkeypatch.setattr(reconcile_pass, "read_progress", lambda _: world.progress)
        monkeypatch.setattr(reconcile_pass, "save_progress", save)
        monkeypatch.setattr(reconcile_pass, "emit", lambda found: world.found.add(found.key))
        for module in (gather, reconcile):
            monkeypatch.setattr(module, "in_parallel", lambda calls: list(one_by_one(calls)))
        world.run()

    yield run
    clients.reset_clients()
    settings.cache_clear()


def test_every_damaged_counter_is_found_and_no_other(passes: Callable[[int], None]) -> None:
    for seed in range(SEEDS):
        passes(seed)


# ---------------------------------------------------------------- planted mistakes


def spans_with_a_gap(patch: pytest.MonkeyPatch) -> None:
    begun = reconcile_pass._begun  # noqa: SLF001 - the mistake is in there

    def later(progress: Progress, now: int) -> Progress:
        fresh = begun(progress, now)
        gap = SETTLING_SECONDS * 1_000_000
        is_new = fresh.started_at == now and fresh.received_from
        return replace(fresh, received_from=fresh.received_from + gap) if is_new else fresh

    patch.setattr(reconcile_pass, "_begun", later)


def cancellations_forgotten_once_an_event_was_compared(patch: pytest.MonkeyPatch) -> None:
    old = event_scan._WHAT["FilterExpression"]  # noqa: SLF001 - the mistake is in there
    new = str(old).partition(" AND NOT ((#accepted < :from")[0]
    new += " AND NOT (#accepted < :from OR #own_accepted < :from)"
    patch.setitem(event_scan._WHAT, "FilterExpression", new)  # noqa: SLF001 - as above
    bounds = EventScan._bounds  # noqa: SLF001 - as above

    def used(scan: EventScan) -> dict[str, int]:
        return {name: one for name, one in bounds(scan).items() if name != ":from_second"}

    patch.setattr(EventScan, "_bounds", used)


def an_eventual_read_taken_for_the_truth(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(reconcile, "_differences", _believing)


def segments_recounted_from_the_oldest(patch: pytest.MonkeyPatch) -> None:
    def oldest_first(*args: Any) -> Iterator[list[Row]]:
        yield from reversed(list(newest_first(*args)))

    def inline_last(recount: Recount, rows: Sequence[Row]) -> None:
        taken = [row for row in rows if not row.cancels]
        add(recount, taken)
        add(recount, [row for row in rows if row.cancels])

    add = Recount.add
    patch.setattr(reconcile, "newest_first", oldest_first)
    patch.setattr(Recount, "add", inline_last)
    patch.setattr(reconcile, "_differences", _believing)


def _believing(group: Group) -> list[Difference]:
    """As if what the first look says were the end of it."""
    nothing = Aggregate()
    return [Difference(group.key, group.measure, 0, (), (), nothing, nothing)]


def rows_that_count_twice_overlooked(patch: pytest.MonkeyPatch) -> None:
    agrees_with = Recount.agrees_with

    def blind(recount: Recount, counted: Aggregate) -> bool:
        recount._is_contradicted = False  # noqa: SLF001 - the mistake
        return agrees_with(recount, counted)

    patch.setattr(Recount, "agrees_with", blind)


def a_lost_event_overlooked(patch: pytest.MonkeyPatch) -> None:
    def sums_only(recount: Recount, counted: Aggregate) -> bool:
        return recount._parts.whole() == counted  # noqa: SLF001 - the mistake

    patch.setattr(Recount, "agrees_with", sums_only)


def segments_that_forget_their_place(patch: pytest.MonkeyPatch) -> None:
    gathering = gather.gather

    def forgetful(*args: Any, **options: Any) -> Any:
        gathered, places = gathering(*args, **options)
        return gathered, dict(list(places.items())[1:])

    patch.setattr(reconcile_pass, "gather", forgetful)


def events_on_their_way_taken_for_lost(patch: pytest.MonkeyPatch) -> None:
    """A pass that looks at everything that was received, and does not wait for it."""
    count_records = count.count_records

    def tardy(records: Sequence[Record]) -> list[str]:
        reconcile_pass.reconcile(_second_of(records) + PASS_SECONDS, monotonic=lambda: 0.0)
        return count_records(records)

    patch.setattr(reconcile_pass, "SETTLING_SECONDS", -PASS_SECONDS)
    patch.setattr(count, "count_records", tardy)


def _second_of(records: Sequence[Record]) -> int:
    images = [with_own_names(record["dynamodb"]["NewImage"]) for record in records]
    return max((int(image["accepted_at"]["N"]) // 1_000_000 for image in images), default=START)


NOTICED_BY: dict[Break, str] = {
    spans_with_a_gap: ALL_FOUND,
    cancellations_forgotten_once_an_event_was_compared: ALL_FOUND,
    an_eventual_read_taken_for_the_truth: NO_OTHER,
    segments_recounted_from_the_oldest: NO_OTHER,
    rows_that_count_twice_overlooked: ALL_FOUND,
    a_lost_event_overlooked: ALL_FOUND,
    segments_that_forget_their_place: ALL_FOUND,
    events_on_their_way_taken_for_lost: NO_OTHER,
}
"""The rule by which each is noticed: that the code fails in some other way does not count."""


@pytest.mark.parametrize("mistake", NOTICED_BY, ids=lambda mistake: str(mistake.__name__))
def test_a_planted_mistake_is_noticed(
    mistake: Break, passes: Callable[[int], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    mistake(monkeypatch)
    for seed in range(SEEDS):
        try:
            passes(seed)
        except BrokenRuleError as broken:
            if broken.rule == NOTICED_BY[mistake]:
                return
    pytest.fail(f"{mistake.__name__} broke no rule in {SEEDS} seeds")
