"""``meterline redrive``: give work that failed too often another try, once its cause is mended."""

import argparse
from collections.abc import Sequence

from botocore.exceptions import BotoCoreError, ClientError

from meterline.store.work import failed_batches
from meterline.store.work.failed_batches import FailedBatch
from meterline.store.work.queues import redrive
from meterline_cli.deployment import QUEUES, add_options, connect, queue_urls
from meterline_cli.functions import Invoke, invoke_function

RECORDS = "records"
"""Stream records that failed: usage to count, usage to watch, events to publish."""


def run(arguments: Sequence[str], invoke: Invoke | None = None) -> int:
    """Run the command: 0, or 1 when records failed again."""
    options = _parser().parse_args(arguments)
    connect(options)
    names = options.what or [*QUEUES, RECORDS]
    urls = queue_urls()
    for name in QUEUES:
        if name in names:
            print(f"{name}: {redrive(urls[name], most=options.limit):,} messages sent again")
    if RECORDS not in names:
        return 0
    done, failed = redrive_records(invoke or invoke_function, most=options.limit)
    print(f"{RECORDS}: {done:,} processed, {failed:,} failed again")
    if failed:
        print("What failed is kept: mend its cause, then repeat the command.")
    return 1 if failed else 0


def redrive_records(invoke: Invoke, *, most: int) -> tuple[int, int]:
    """Give up to ``most`` failed batches to their functions again; how many records were processed,
    and how many failed.

    A batch is forgotten once all of it is processed, so a death in between repeats it: harmless.
    One that fails, or whose function cannot be called, keeps no other from it.
    """
    done = failed = 0
    for _, batch in zip(range(most), failed_batches.failed_batches(), strict=False):
        left = _give(invoke, batch)
        failed += left
        done += len(batch.records) - left
        if not left:
            failed_batches.forget(batch)
    return done, failed


def _give(invoke: Invoke, batch: FailedBatch) -> int:
    """How many records of a batch its function failed with."""
    try:
        answer = invoke(batch.function, {"Records": batch.records, "redriven": True})
    except (RuntimeError, BotoCoreError, ClientError) as error:
        print(f"{batch.key}: {error}")
        return len(batch.records)
    left = len(answer["batchItemFailures"])
    if left:
        print(f"{batch.key}: {left:,} of {len(batch.records):,} records failed again")
    return left


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="meterline redrive", description=__doc__)
    add_options(parser)
    parser.add_argument("what", nargs="*", choices=(*QUEUES, RECORDS), help="all without a name")
    parser.add_argument(
        "--limit", type=int, default=10_000, help="messages of each queue, or batches (%(default)s)"
    )
    return parser
