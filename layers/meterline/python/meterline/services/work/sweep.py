"""The sweep: every minute, what has fallen due is sent to the workers' queues, once.

Each partition of the due index remembers how far it was sent, so a backlog of a million is sent
once and not again every minute. What is still due long after that (its message was lost, or its
work keeps failing) is sent again at a slower pace, unless the queue holds so much that it may be
waiting there or is stuck. Repeating is harmless: workers decide from stored state.

Of sweeps that overlap, whichever saves its progress first goes on with a partition; the others
have sent a page of it too, and leave it.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

from meterline.store.base import keys
from meterline.store.base.documents import LIVE, Conflict
from meterline.store.work.queues import DueMessage, depth, enqueue, queue_of
from meterline.store.work.stuck import read_stuck
from meterline.store.work.sweeps import (
    PAGE,
    DueEntry,
    Place,
    Progress,
    due_page,
    read_progress,
    save_progress,
)

SETTLING_SECONDS = 5
"""The index follows its table with a delay: what fell due just now is left to the next sweep."""

BUDGET_SECONDS = 40
"""A sweep stops here, well before the next one starts."""

BUSY = PAGE
"""A sweep that sent so many looks again, for more is falling due: else all that falls due within a
minute would reach the workers at once, and they would wait for it before.
"""

OVERDUE_SECONDS = 600
RESEND_SECONDS = 900
RESEND_LIMIT = 500
"""What is due for ten minutes is sent again every quarter of an hour, so many a partition."""

RESEND_BELOW_DEPTH = 1_000
"""A queue with more messages than this may still hold the work: nothing is sent again to it."""


@dataclass(slots=True)
class Swept:
    """What a sweep did: messages sent and sent again, overdue objects that it skipped because they
    are stuck, and the lag of the oldest due object.
    """

    sent: int = 0
    resent: int = 0
    stuck: int = 0
    lag_seconds: int = 0
    depths: dict[str, int] = field(default_factory=dict)

    def add(self, other: "Swept") -> None:
        """Add what a later look did; the lag is the longest."""
        self.sent += other.sent
        self.resent += other.resent
        self.stuck += other.stuck
        self.lag_seconds = max(self.lag_seconds, other.lag_seconds)


@dataclass(slots=True)
class _Shard:
    """One partition on its way through a sweep; ``is_lost`` once another sweep goes on with it."""

    livemode: bool
    partition: str
    oldest: DueEntry
    progress: Progress
    is_lost: bool = False

    def save(self, progress: Progress) -> None:
        """Remember how far it has come, unless another sweep has remembered that meanwhile."""
        self.progress = replace(progress, version=self.progress.version + 1)
        try:
            save_progress(self.partition, self.progress)
        except Conflict:
            self.is_lost = True


def sweep_while_busy(
    clock: Callable[[], int],
    *,
    sleep: Callable[[float], object] = time.sleep,
    monotonic: Callable[[], float] = time.monotonic,
) -> Swept:
    """Sweep, and again every few seconds while much is falling due, until the time is up.

    ``clock`` tells the wall clock's time. Returns what all of them did.
    """
    deadline = monotonic() + BUDGET_SECONDS
    looks = [sweep(clock(), monotonic=monotonic)]
    while looks[-1].sent >= BUSY and monotonic() + SETTLING_SECONDS < deadline:
        sleep(SETTLING_SECONDS)
        looks.append(sweep(clock(), seconds=deadline - monotonic(), monotonic=monotonic))
    for other in looks[1:]:
        looks[0].add(other)
    return looks[0]


def sweep(
    now: int,
    *,
    modes: Iterable[bool] = (True, False),
    seconds: float | None = None,
    monotonic: Callable[[], float] = time.monotonic,
) -> Swept:
    """Send what has fallen due by ``now`` (wall clock, UTC seconds) in these modes.

    The partitions take turns by the page, so none starves behind another's backlog; what is left
    when the time is up (``seconds``, or all that a sweep has) comes first in the next sweep.
    """
    deadline = monotonic() + (BUDGET_SECONDS if seconds is None else seconds)
    shards = [shard for livemode in modes for shard in _shards(livemode, now)]
    swept = Swept(lag_seconds=max((now - shard.oldest.due_at for shard in shards), default=0))
    waiting = shards
    while waiting and monotonic() < deadline:
        waiting = [shard for shard in waiting if _send_page(shard, now, swept)]
    for shard in shards:
        if not shard.is_lost and monotonic() < deadline:
            _resend(shard, now, swept)
    return swept


def _shards(livemode: bool, now: int) -> list[_Shard]:  # noqa: FBT001 - a part of the key
    """The partitions that hold anything due; all others cost one small read."""
    partitions = keys.due_keys(livemode, LIVE)
    oldest = {partition: due_page(partition, 0, now, limit=1).entries for partition in partitions}
    busy = [partition for partition in partitions if oldest[partition]]
    progress = read_progress(busy) if busy else {}
    return [
        _Shard(livemode, partition, oldest[partition][0], progress[partition]) for partition in busy
    ]


def _send_page(shard: _Shard, now: int, swept: Swept) -> bool:
    """Send the next page of a partition and remember it; whether there may be more."""
    before = shard.progress
    until = now - SETTLING_SECONDS
    end = before.until if before.after else until
    page = due_page(shard.partition, before.reached + 1, end, before.after)
    if not page.entries:
        if before.after is None:
            return False
        shard.progress = replace(before, reached=end, after=None)
        return True
    swept.sent += enqueue(_messages(shard, page.entries))
    reached = before.reached if page.after else end
    # What was overdue when it was sent gets its time too before it is sent again.
    late = page.entries[0].due_at <= now - OVERDUE_SECONDS
    resent_at = now if late else before.resent_at
    shard.save(replace(before, reached=reached, until=end, after=page.after, resent_at=resent_at))
    return not shard.is_lost and (page.after is not None or end < until)


def _resend(shard: _Shard, now: int, swept: Swept) -> None:
    """Send overdue objects again, a limited number at a time, going round the whole backlog."""
    before = shard.progress
    overdue = min(now - OVERDUE_SECONDS, before.reached)
    if shard.oldest.due_at > overdue or now - before.resent_at < RESEND_SECONDS:
        return
    page = due_page(shard.partition, 0, overdue, _within(before, overdue), limit=RESEND_LIMIT)
    moving = _without_stuck(shard, page.entries)
    swept.stuck += len(page.entries) - len(moving)
    swept.resent += enqueue(
        message for message in _messages(shard, moving) if _has_room(message, swept)
    )
    shard.save(replace(before, resent_at=now, resent_after=page.after))


def _within(progress: Progress, until: int) -> Place | None:
    """Where to go on sending again; from the start if that place lies beyond ``until``."""
    after = progress.resent_after
    return after if after is not None and int(after["due_at"]["N"]) <= until else None


def _without_stuck(shard: _Shard, entries: Sequence[DueEntry]) -> list[DueEntry]:
    """Those that are not known to be stuck: their dead letter waits for an operator."""
    stuck = read_stuck(shard.livemode, [entry.object_id for entry in entries])
    return [
        entry
        for entry in entries
        if entry.object_id not in stuck or stuck[entry.object_id].due_at != entry.due_at
    ]


def _has_room(message: DueMessage, swept: Swept) -> bool:
    url = queue_of(message)
    if url not in swept.depths:
        swept.depths[url] = depth(url)
    return swept.depths[url] < RESEND_BELOW_DEPTH


def _messages(shard: _Shard, entries: Iterable[DueEntry]) -> list[DueMessage]:
    return [DueMessage(shard.livemode, entry.kind, entry.object_id) for entry in entries]
