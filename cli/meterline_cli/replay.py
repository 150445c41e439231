"""``meterline replay``: give functions again what their streams have lost, from the tables."""

import argparse
import json
from collections.abc import Callable, Iterable, Iterator, Sequence

from meterline.services.base.workers import Record
from meterline.services.work.replay import REPLAYS
from meterline_cli.deployment import add_options, connect
from meterline_cli.functions import Invoke, function_of, invoke_function
from meterline_cli.times import read_time

_BATCH_RECORDS = 100
_BATCH_BYTES = 4_000_000
"""Below the 6 MB that a function is called with."""

type Find = Callable[[str, str], str]
"""Finds a function by its stack and its name in the template."""


def run(
    arguments: Sequence[str], invoke: Invoke = invoke_function, find: Find = function_of
) -> int:
    """Run the command: 0, or 1 when records failed."""
    options = _parser().parse_args(arguments)
    connect(options)
    since = int(options.since.timestamp())
    failures = 0
    for name in options.what or REPLAYS:
        replay = REPLAYS[name]
        function = find(options.stack, replay.function)
        done, failed = _give(invoke, function, replay.records_since(since))
        print(f"{name}: {done:,} records replayed, {failed:,} failed")
        failures += failed
    if failures:
        print("The functions' log tells why. Mend the cause, then repeat the command.")
    return 1 if failures else 0


def _give(invoke: Invoke, function: str, records: Iterable[Record]) -> tuple[int, int]:
    """How many records a function processed, and with how many it failed."""
    done = failed = 0
    for batch in _batches(records):
        answer = invoke(function, {"Records": batch, "redriven": True})
        left = len(answer["batchItemFailures"])
        done, failed = done + len(batch) - left, failed + left
    return done, failed


def _batches(records: Iterable[Record]) -> Iterator[list[Record]]:
    """Records in groups that one call takes: by number and by size."""
    batch: list[Record] = []
    size = 0
    for record in records:
        length = len(json.dumps(record))
        if batch and (len(batch) == _BATCH_RECORDS or size + length > _BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(record)
        size += length
    if batch:
        yield batch


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="meterline replay", description=__doc__)
    add_options(parser, has_modes=False)
    parser.add_argument("what", nargs="*", choices=tuple(REPLAYS), help="all without a name")
    parser.add_argument(
        "--since",
        type=read_time,
        required=True,
        metavar="TIME",
        help="what was accepted, counted or committed from then on (ISO 8601, or seconds)",
    )
    return parser
