"""A million subscriptions renew at midnight: when they are done, and what DynamoDB has to take."""

from collections.abc import Iterator

from tests.benchmarks import promises
from tests.benchmarks.midnight import QUOTA, Midnight, Night, deployed
from tests.benchmarks.renewals import HOURS, LATER, business, measured
from tests.benchmarks.results import Result, processes

RENEWALS = 1_000_000
USED = {"sparse": (24,), "dense": tuple(range(HOURS))}
"""The hours of the month in which both metered items are used."""
TABLES = {
    "a new table": deployed(),
    "a warm table": deployed(writes=QUOTA, reads=QUOTA),
}


def measure() -> Iterator[Result]:
    """What a renewal takes, then nights of each kind."""
    with business() as made:
        renewals = {use: measured(made, hours) for use, hours in USED.items()}
    for use, renewal in renewals.items():
        for name, step in (("draft", renewal.drafting), ("final", renewal.finalising)):
            title = f"{use} renewal, {name}"
            yield Result(f"{title}: one after another", step.round_trips, "round trips")
            yield Result(f"{title}: write units", step.write_units, "write units")
            reads = step.billing_reads + step.usage_reads
            yield Result(f"{title}: read units", reads, "read units")
        goal = promises.RENEWAL_CPU if use == "dense" else None
        milliseconds = renewal.cpu_seconds * 1_000
        yield Result(f"{use} renewal, both: CPU", milliseconds, "ms", goal=goal)
    nights = {
        f"{RENEWALS:,} {use}, {table}": Midnight(renewal, RENEWALS, deployment)
        for use, renewal in renewals.items()
        for table, deployment in TABLES.items()
    }
    with processes() as pool:
        for title, night in zip(nights, pool.map(Midnight.run, nights.values()), strict=True):
            yield from _told(title, night)


def _told(title: str, night: Night) -> Iterator[Result]:
    goal = promises.MIDNIGHT_MINUTES if "warm" in title else None
    yield Result(f"{title}: drafted after", night.drafted / 60, "minutes", goal=goal)
    after = (night.final - LATER) / 60
    yield Result(f"{title}: final, an hour and", after, "minutes", goal=goal)
    yield Result(f"{title}: most of the billing table", night.peak_writes, "write units/s")
    yield Result(f"{title}: most of a table", night.peak_reads, "read units/s")
    yield Result(f"{title}: most of a due shard", night.peak_shard, "write units/s")
    yield Result(f"{title}: throttled", night.throttles, "transactions")
    yield Result(f"{title}: handed back to a queue", night.handed_back, "messages")
