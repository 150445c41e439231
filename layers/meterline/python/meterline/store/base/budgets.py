"""How long things may take: one table, from the shortest to the longest.

| what | seconds | why |
|---|---|---|
| a lease of an idempotency record | 8 | whoever repeats a request of a function that died goes on |
| a call to AWS, with its repetitions | 9, and 3 of waits | a lost answer is asked for again |
| the waits of a batch that is left undone | 4 | throttled partitions recover |
| a call to the tax engine | 5 | whoever drafts an invoice waits for it; due work asks again |
| a call to a webhook endpoint | 10 | receivers answer first, and work then |
| a function of the API | 15 | it must answer, though a call and a batch took all they may |
| API Gateway | 30 | it waits for the function |
| the function that delivers webhooks | 60 | it waits for its calls side by side, and records each |

A test holds them against each other and against the time-outs of ``template.yaml``.
"""

from typing import Final

CONNECT_SECONDS: Final = 1
READ_SECONDS: Final = 2
ATTEMPTS: Final = 3
CALL_SECONDS: Final = ATTEMPTS * (CONNECT_SECONDS + READ_SECONDS)
"""How long AWS is waited for, and how often: a lost answer is asked for again in time."""

RETRY_WAIT_SECONDS: Final = sum(2**attempt for attempt in range(ATTEMPTS - 1))
"""What botocore waits at most between the attempts, in its standard mode."""

BATCH_ATTEMPTS: Final = 8
FIRST_WAIT_MILLISECONDS: Final = 20
MOST_WAIT_MILLISECONDS: Final = 1_000
JITTER: Final = 1.5
"""Waits double from the first to the longest one, each shortened to its half or made longer by up
to this factor, so that those who were refused together do not come back together.
"""

BATCH_WAIT_SECONDS: Final = (
    JITTER
    * sum(
        min(MOST_WAIT_MILLISECONDS, FIRST_WAIT_MILLISECONDS << attempt)
        for attempt in range(BATCH_ATTEMPTS - 1)
    )
    / 1_000
)
"""What a batch waits at most between its attempts."""

LEASE_SECONDS: Final = 8
"""How long a request keeps others with its idempotency key away.

Shorter than a function may run: an attempt that lost its lease cannot commit, because the commit
itself holds the lease as a condition. So a short one costs at most work that is done twice and
committed once; a long one makes the client of a function that died wait for nothing.
"""

TAX_ENGINE_CONNECT_SECONDS: Final = 1
TAX_ENGINE_READ_SECONDS: Final = 4
"""How long the deployment's tax engine has for its answer, five in all. It is asked once."""

TAX_ENGINE_REST_SECONDS: Final = 10
"""How long a process leaves it alone when it did not answer in time."""

WEBHOOK_SECONDS: Final = 10
"""How long an endpoint has for its answer, connecting included."""

WEBHOOK_BATCH_SECONDS: Final = WEBHOOK_SECONDS + 3
"""How long the calls of a batch, all side by side, are waited for: names are resolved in it too."""
