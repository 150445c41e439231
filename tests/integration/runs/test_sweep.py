"""The sweep: a backlog is sent once; what stays due is sent again, at a slower pace."""

from collections import Counter, deque
from collections.abc import Iterable, Iterator
from functools import partial
from itertools import count
from typing import Any

import pytest

from meterline.services.work import sweep as sweeping
from meterline.services.work.sweep import (
    BUDGET_SECONDS,
    OVERDUE_SECONDS,
    RESEND_SECONDS,
    SETTLING_SECONDS,
    Swept,
    sweep,
    sweep_while_busy,
)
from meterline.store.base.models import BillingItem, billing_item
from meterline.store.work import queues
from meterline.store.work.queues import DueMessage
from meterline.store.work.sweeps import DueEntry, DuePage, Progress, due_page
from tests.engines import Engine

NOW = 1_700_000_000
MINUTE = 60


class Queues:
    """Takes the place of SQS: what was sent, and how much the queues seem to hold."""

    def __init__(self) -> None:
        self.sent: Counter[str] = Counter()
        self.depth = 0

    def enqueue(self, messages: Iterator[DueMessage]) -> int:
        ids = [message.object_id for message in messages]
        self.sent.update(ids)
        return len(ids)


@pytest.fixture
def sent(dynamodb: Engine, monkeypatch: pytest.MonkeyPatch) -> Queues:
    assert dynamodb.tables
    fake = Queues()
    monkeypatch.setattr(sweeping, "enqueue", fake.enqueue)
    monkeypatch.setattr(sweeping, "depth", lambda _url: fake.depth)
    return fake


def make_due(object_id: str, due_at: int, *, shard: int = 0, livemode: bool = False) -> None:
    mode = "l" if livemode else "t"
    item = billing_item()(f"{mode}#{object_id}", "#", kind="subscription", due_at=due_at)
    item.due_pk = f"{mode}#live#{shard}"
    item.save()


def done(object_id: str) -> None:
    item: BillingItem = billing_item().get(f"t#{object_id}", "#")
    item.delete()


def test_what_is_due_is_sent_once_and_not_again_every_minute(sent: Queues) -> None:
    for shard in range(8):
        make_due(f"sub_{shard}", NOW - 30, shard=shard)
    assert sweep(NOW).sent == 8
    assert [sweep(NOW + minute * MINUTE).sent for minute in range(1, 5)] == [0, 0, 0, 0]
    assert set(sent.sent.values()) == {1}


def test_what_is_not_due_is_not_sent(sent: Queues) -> None:
    make_due("sub_later", NOW + 1)
    assert sweep(NOW) == Swept()
    assert not sent.sent


def test_both_modes_are_swept(sent: Queues) -> None:
    make_due("sub_test", NOW - 30)
    make_due("in_live", NOW - 30, livemode=True)
    sweep(NOW)
    assert set(sent.sent) == {"sub_test", "in_live"}


def test_a_backlog_that_is_due_at_one_instant_is_sent_in_pages_each_object_once(
    sent: Queues, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweeping, "BUDGET_SECONDS", 3)
    ids = {f"sub_{number:03d}" for number in range(70)}
    for id_ in ids:
        make_due(id_, NOW - 30)
    original = due_page
    monkeypatch.setattr(
        sweeping, "due_page", lambda *place, limit=7: original(*place, limit=min(limit, 7))
    )
    ticks = count()
    rounds = 0
    while set(sent.sent) != ids:
        sweep(NOW + rounds * MINUTE, monotonic=lambda: float(next(ticks)))
        rounds += 1
    assert rounds > 3, "one sweep has not the time for all"
    assert set(sent.sent.values()) == {1}


def test_partitions_take_turns_so_that_none_waits_for_anothers_backlog(
    sent: Queues, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(30):
        make_due(f"sub_{number:03d}", NOW - 30, shard=0)
    make_due("sub_other", NOW - 30, shard=7)
    original = due_page
    monkeypatch.setattr(
        sweeping, "due_page", lambda *place, limit=3: original(*place, limit=min(limit, 3))
    )
    monkeypatch.setattr(sweeping, "BUDGET_SECONDS", 2)
    ticks = count()
    sweep(NOW, monotonic=lambda: float(next(ticks)))
    assert "sub_other" in sent.sent
    assert len(sent.sent) < 31


def test_what_falls_due_while_a_backlog_is_sent_comes_after_it(sent: Queues) -> None:
    make_due("sub_first", NOW - 30)
    sweep(NOW)
    make_due("sub_second", NOW + 20)
    assert sweep(NOW + MINUTE).sent == 1
    assert sent.sent == {"sub_first": 1, "sub_second": 1}


class Time:
    """Passes only while a sweep sleeps; ``falls_due`` happens then."""

    def __init__(self, falls_due: Iterable[int]) -> None:
        self.passed = 0.0
        self._falls_due = iter(falls_due)
        self._numbers = count()
        self.sleep(0)

    def now(self) -> int:
        return NOW + int(self.passed)

    def sleep(self, seconds: float) -> None:
        self.passed += seconds
        for _ in range(next(self._falls_due, 0)):
            make_due(f"sub_{next(self._numbers):03d}", self.now() - SETTLING_SECONDS)


# how many fall due between its looks | how many a sweep sends, how long it takes
@pytest.mark.parametrize(
    ("falls_due", "sends", "seconds"),
    [
        ([0], 0, 0),
        ([2], 2, 0),
        ([3], 3, SETTLING_SECONDS),
        ([2, 3], 2, 0),
        ([3, 4, 2, 5], 9, 2 * SETTLING_SECONDS),
        ([3] * 99, 3 * BUDGET_SECONDS // SETTLING_SECONDS, BUDGET_SECONDS - SETTLING_SECONDS),
    ],
)
def test_a_sweep_that_sent_much_looks_again_until_its_time_is_up(
    sent: Queues,
    monkeypatch: pytest.MonkeyPatch,
    falls_due: list[int],
    sends: int,
    seconds: int,
) -> None:
    monkeypatch.setattr(sweeping, "BUSY", 3)
    time = Time(falls_due)
    swept = sweep_while_busy(time.now, sleep=time.sleep, monotonic=lambda: time.passed)
    assert (swept.sent, time.passed) == (sends, seconds)
    assert sent.sent.total() == sends
    assert set(sent.sent.values()) <= {1}


def test_what_stays_due_is_sent_again_at_a_slower_pace(sent: Queues) -> None:
    make_due("sub_stuck", NOW - 30)
    for minute in range(61):
        sweep(NOW + minute * MINUTE)
    first = OVERDUE_SECONDS // MINUTE
    assert sent.sent["sub_stuck"] == 1 + (60 - first) // (RESEND_SECONDS // MINUTE) + 1


def test_what_was_overdue_when_it_was_sent_gets_its_time_too(sent: Queues) -> None:
    make_due("sub_old", NOW - 86_400)
    for minute in range(RESEND_SECONDS // MINUTE):
        sweep(NOW + minute * MINUTE)
    assert sent.sent["sub_old"] == 1


def test_nothing_is_sent_again_to_a_queue_that_may_still_hold_it(sent: Queues) -> None:
    make_due("sub_waiting", NOW - 30)
    sweep(NOW)
    sent.depth = sweeping.RESEND_BELOW_DEPTH
    assert sweep(NOW + 3_600).resent == 0
    sent.depth = 0
    assert sweep(NOW + 3_600 + RESEND_SECONDS).resent == 1


def test_sending_again_goes_round_so_that_stuck_objects_do_not_hide_others(
    sent: Queues, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweeping, "RESEND_LIMIT", 2)
    for number in range(4):
        make_due(f"sub_{number}", NOW - 30 + number)
    for hour in range(3):
        sweep(NOW + hour * 3_600)
    assert set(sent.sent.values()) == {2}


def test_what_the_index_shows_late_is_sent_again_later(sent: Queues) -> None:
    make_due("sub_first", NOW - 30)
    sweep(NOW)
    make_due("sub_unseen", NOW - 40)
    sweep(NOW + MINUTE)
    assert "sub_unseen" not in sent.sent
    sweep(NOW + RESEND_SECONDS)
    assert sent.sent["sub_unseen"] == 1


def test_the_lag_is_that_of_the_oldest_due_object(sent: Queues) -> None:
    make_due("sub_old", NOW - 500, shard=1)
    make_due("sub_new", NOW - 5, shard=2)
    assert sweep(NOW).lag_seconds == 500
    done("sub_old")
    assert sweep(NOW + 10).lag_seconds == 15
    assert sent.sent["sub_old"] == 1


def test_many_messages_reach_their_queues_each_once(dynamodb: Engine) -> None:
    kinds = ("subscription", "invoice", "test_helpers.test_clock")
    messages = [
        DueMessage(livemode=False, kind=kind, object_id=f"{kind}_{number}")
        for kind in kinds
        for number in range(35)
    ]
    assert queues.enqueue(messages) == len(messages)
    for name in ("RENEWALS", "INVOICES", "CLOCKS"):
        assert queues.depth(dynamodb.environment[f"METERLINE_{name}_QUEUE_URL"]) == 35


DAY_MINUTES = 24 * 60


def test_sweeps_that_overlap_send_a_page_twice_and_not_a_backlog(
    sent: Queues, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two more sweeps begin in the middle of a first one, before it has saved anything."""
    monkeypatch.setattr(sweeping, "due_page", partial(due_page, limit=4))
    for one in range(12):
        make_due(f"sub_{one:02d}", NOW - 30)
    overlapping = iter([sweep, sweep])
    enqueue = sent.enqueue

    def meanwhile(messages: Iterator[DueMessage]) -> int:
        found = list(messages)
        if another := next(overlapping, None):
            another(NOW)
        return enqueue(iter(found))

    monkeypatch.setattr(sweeping, "enqueue", meanwhile)
    sweep(NOW)
    assert len(sent.sent) == 12
    assert sum(sent.sent.values()) == 12 + 2 * 4


def test_progress_that_was_saved_without_a_version_is_gone_on_with(sent: Queues) -> None:
    make_due("sub_1", NOW - 30)
    stored = {"reached": NOW - 40, "until": NOW - 40, "after": None}
    billing_item()("t#sweep#live#0", "#", body=stored).save()
    sweep(NOW)
    make_due("sub_2", NOW + 30)
    sweep(NOW + MINUTE)
    assert sent.sent == {"sub_1": 1, "sub_2": 1}


class Burst:
    """A shard with a burst at midnight and a little work every hour, and workers with a pace."""

    def __init__(self, number: int, an_hour: int, done_a_minute: int) -> None:
        midnight = [DueEntry(NOW, "subscription", f"sub_{one:07d}") for one in range(number)]
        hourly = [
            DueEntry(NOW + hour * 3_600, "invoice", f"in_{hour:03d}{one:03d}")
            for hour in range(1, 25)
            for one in range(an_hour)
        ]
        self.due = midnight + hourly
        self.first_to_do = 0
        self.done_a_minute = done_a_minute
        self.queue: deque[str] = deque()
        self.finished: dict[str, int] = {}
        self.sent: Counter[str] = Counter()
        self.progress = Progress()
        self.now = NOW

    def due_page(
        self, partition: str, first: int, until: int, after: Any = None, *, limit: int = 1_000
    ) -> DuePage:
        if not partition.startswith("t#live#0"):
            return DuePage([], None)
        start = 0 if after is None else int(after["place"]) + 1
        found: list[DueEntry] = []
        for place in range(max(start, self.first_to_do), len(self.due)):
            entry = self.due[place]
            if entry.due_at > until:
                break
            if entry.due_at >= first and entry.object_id not in self.finished:
                found.append(entry)
                if len(found) == limit:
                    return DuePage(found, {"place": place, "due_at": {"N": str(entry.due_at)}})
        return DuePage(found, None)

    def enqueue(self, messages: Iterable[DueMessage]) -> int:
        ids = [message.object_id for message in messages]
        self.queue.extend(ids)
        self.sent.update(ids)
        return len(ids)

    def work(self) -> None:
        """What the workers do in a minute."""
        for _ in range(min(self.done_a_minute, len(self.queue))):
            self.finished.setdefault(self.queue.popleft(), self.now)
        while self.first_to_do < len(self.due) and self._is_done(self.due[self.first_to_do]):
            self.first_to_do += 1

    def _is_done(self, entry: DueEntry) -> bool:
        return entry.object_id in self.finished


def test_a_burst_is_sent_but_once_and_does_not_starve_what_falls_due_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """40,000 at midnight on a shard, which workers need hours for; some more each hour."""
    burst = Burst(40_000, an_hour=10, done_a_minute=150)
    monkeypatch.setattr(sweeping, "due_page", burst.due_page)
    monkeypatch.setattr(sweeping, "enqueue", burst.enqueue)
    monkeypatch.setattr(sweeping, "depth", lambda _url: len(burst.queue))
    monkeypatch.setattr(sweeping, "read_stuck", lambda *_: {})
    monkeypatch.setattr(sweeping, "save_progress", lambda _, one: setattr(burst, "progress", one))
    monkeypatch.setattr(sweeping, "read_progress", lambda busy: dict.fromkeys(busy, burst.progress))
    ticks = count()
    for minute in range(1, DAY_MINUTES + 30):
        burst.now = NOW + minute * MINUTE
        sweep(burst.now, modes=[False], monotonic=lambda: float(next(ticks)))
        burst.work()
    assert len(burst.finished) == 40_000 + 240, "all of it is done within the day"
    again = sum(burst.sent.values()) - len(burst.finished)
    assert again <= sweeping.RESEND_LIMIT, "only when the queue was all but empty"
    late = [burst.finished[entry.object_id] - entry.due_at for entry in burst.due[-10:]]
    assert max(late) <= 2 * MINUTE, "what falls due the next midnight is done at once"
