"""What Meterline promises of its costs, its speed and its scale, in the order of telling.

A benchmark gives each figure that a promise covers that promise as its goal.
"""

from tests.benchmarks.goals import Promise, at_least, at_most, below

MIXED_DOLLARS = Promise.that(
    "dollars a million events, everything included: 100 mixed customers a request", at_most(1.80)
)
LONE_DOLLARS = Promise.that(
    "dollars a million events, everything included: one event a request", at_most(3.50)
)
WATCHED_DOLLARS = Promise.that(
    "dollars that an alert, a threshold or all kinds add to a million lone events", at_most(0.30)
)
RECONCILED_DOLLARS = Promise.that(
    "dollars of reconciling a million events, at 10^6 to 10^9 a month", at_most(0.30)
)
RECONCILED_DAYS = Promise.that("days of a pass of reconciliation, as a week has seven", below(7))
ONE_CUSTOMER_WRITES = Promise.that(
    "write units an event, one customer a request, on 1 to 200 shards", at_most(1.15)
)
MIXED_WRITES = Promise.that(
    "write units an event, 100 mixed customers a request, on 1 to 200 shards", at_most(2.0)
)
MIXED_READS = Promise.that(
    "read units an event, 100 mixed customers a request, on 1 to 200 shards", at_most(1.0)
)
HOT_UNITS = Promise.that(
    "units/s on the partition of a customer with 10,000 events/s, on 10 to 200 shards",
    at_most(700),
)
HOT_HANDED_BACK = Promise.that("records of that customer that are handed back", at_most(0))
WATCHED_CHANGES = Promise.that("counter changes/s that a shard is watched at", at_least(1_000))
PUBLISHED_EVENTS = Promise.that("events/s that a shard publishes", at_least(1_000))
MONTH_CPU = Promise.that("ms of a month's usage of 720 hours, counted as time goes by", at_most(3))
MONTH_UNITS = Promise.that("read units of that month", at_most(20))
RENEWAL_CPU = Promise.that(
    "ms of a renewal with two items used in every hour, draft and final", at_most(15)
)
MIDNIGHT_MINUTES = Promise.that(
    "minutes of a million renewals at midnight, on a warm table", at_most(10)
)
ALERT_SECONDS = Promise.that("seconds from an event to its alert, on AWS", at_most(2))
CREATE_CALLS = Promise.that("calls one after another: create a subscription", at_most(5))
PREVIEW_CALLS = Promise.that("calls one after another: preview an invoice", at_most(5))
CANCEL_CALLS = Promise.that("calls one after another: cancel a subscription", at_most(6))
LIST_CALLS = Promise.that("calls one after another: list invoices", at_most(3))
SMALL_CALL_CPU = Promise.that("µs of the client for a small call", at_most(150))
IDLE_DOLLARS = Promise.that("dollars a month of a deployment that does nothing", at_most(2))
COLD_START = Promise.that("cold start of any function, to boto3's alone", at_most(1.7).of_ratio())
COLD_INGESTION = Promise.that("cold start of ingestion, to boto3's alone", at_most(1.25).of_ratio())

PROMISES = tuple(promise for promise in globals().values() if isinstance(promise, Promise))
"""All of them, in the order of this page."""
