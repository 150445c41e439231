"""Workers die of SIGKILL in the middle of their work; clients repeat themselves; sums are exact.

Only processes of a stack that was started here are killed: the functions' workers below MiniStack.
``METERLINE_KILL_SEED`` says when and whom; it is printed.
"""

import contextlib
import csv
import os
import random
import secrets
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from itertools import batched
from pathlib import Path
from typing import Any

import pytest
import stripe

from local import aws, processes
from local.aws import Stack
from local.stack import PROCESSES
from meterline_cli.import_usage import run as import_usage
from tests.e2e.conftest import Client, eventually
from tests.factories.params import meter_params

HOUR = 3_600
SETTLING_SECONDS = 120.0
_ENOUGH_KILLS = 3
_MOST_FILES = 30
SEED = int(os.environ.get("METERLINE_KILL_SEED", random.SystemRandom().randrange(10**6)))


def workers(function: str) -> list[int]:
    """The ids of the workers of a function (its logical id), below the MiniStack of this stack."""
    [ministack] = [process for process in processes.load(PROCESSES) if process.name == "MiniStack"]
    command = ["ps", "-ww", "-eo", "pid=,ppid=,args="]
    shown = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 - fixed words
    rows = [line.split(None, 2) for line in shown.stdout.splitlines()]
    return [
        int(pid)
        for pid, parent, command in rows
        if int(parent) == ministack.pid and f"-{function}-" in command
    ]


@dataclass
class Killer:
    """Kills a worker of one of the functions every now and then, ``most`` times altogether."""

    functions: Sequence[str]
    chance: random.Random
    most: int
    pause: tuple[float, float]
    killed: list[str] = field(default_factory=list)
    is_over: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        while len(self.killed) < self.most and not self.is_over.wait(self._pause()):
            function = self.functions[len(self.killed) % len(self.functions)]
            if pids := workers(function):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(self.chance.choice(pids), signal.SIGKILL)
                    self.killed.append(function)

    def _pause(self) -> float:
        return self.chance.uniform(*self.pause)


@contextlib.contextmanager
def killing(*functions: str, most: int, pause: tuple[float, float]) -> Iterator[Killer]:
    """Kill workers of these functions, in turn, while the block runs."""
    print(f"METERLINE_KILL_SEED={SEED}")
    killer = Killer(functions, random.Random(SEED), most, pause)
    thread = threading.Thread(target=killer.run)
    thread.start()
    try:
        yield killer
    finally:
        killer.is_over.set()
        thread.join()


@dataclass(frozen=True, slots=True)
class Metered:
    """A meter and a customer of its own."""

    client: Client
    event_name: str
    meter: str
    customer: str

    def total(self, start: int, end: int) -> Decimal:
        """The usage of a range, as a summary tells it."""
        span = {"customer": self.customer, "start_time": start, "end_time": end}
        rows = self.client.v1.billing.meters.event_summaries.list(self.meter, span).data
        return sum((Decimal(str(row.aggregated_value)) for row in rows), Decimal(0))

    def settles_at(self, expected: Decimal, start: int, end: int) -> None:
        """The usage becomes what is expected, and stays it."""
        assert eventually(lambda: self.total(start, end) == expected, SETTLING_SECONDS)
        time.sleep(2)
        assert self.total(start, end) == expected


@pytest.fixture
def metered(deployed: Stack) -> Metered:
    ours = aws.file_stack() if PROCESSES.exists() else None
    if ours is None or ours.aws_endpoint != deployed.aws_endpoint:
        pytest.skip("the stack was not started here: its workers are not ours to kill")
    event_name = f"kills_{secrets.token_hex(4)}"
    client = patient(deployed, deployed.api_key)
    meter = client.v1.billing.meters.create(meter_params(event_name))
    return Metered(client, event_name, meter.id, client.v1.customers.create({"name": "Ada"}).id)


def patient(deployed: Stack, key: str) -> Client:
    """A client that tries again and again.

    It is not held against the contract: API Gateway answers for functions that die, in its own way.
    """
    addresses: Any = dict.fromkeys(("api", "meter_events", "files", "connect"), deployed.api_base)
    return stripe.StripeClient(key, base_addresses=addresses, max_network_retries=20)


def test_usage_is_exact_when_accepting_and_counting_are_killed(
    metered: Metered, deployed: Stack
) -> None:
    now = int(time.time())
    chance = random.Random(SEED + 1)
    values = [Decimal(chance.randrange(1, 10_000)).scaleb(-2) for _ in range(1_500)]
    events = [
        {
            "event_name": metered.event_name,
            "identifier": f"{metered.event_name}-{number}",
            "payload": {"stripe_customer_id": metered.customer, "value": str(value)},
            "timestamp": _rfc3339(now - number % (3 * HOUR)),
        }
        for number, value in enumerate(values)
    ]
    session = patient(deployed, deployed.api_key).v2.billing.meter_event_session.create()
    stream = patient(deployed, session.authentication_token)

    def send(batch: Sequence[Any]) -> None:
        stream.v2.billing.meter_event_stream.create({"events": list(batch)})

    with (
        killing(
            "IngestMeterEventsFunction", "CountUsageFunction", most=8, pause=(0.3, 1.5)
        ) as killer,
        ThreadPoolExecutor(3) as threads,
    ):
        list(threads.map(send, batched(events, 30, strict=False)))
    assert {*killer.killed} == {*killer.functions}
    metered.settles_at(sum(values, Decimal(0)), *_around(now - 3 * HOUR, now))


def test_imports_total_what_their_files_say_while_counting_is_killed(
    metered: Metered, deployed: Stack, tmp_path: Path
) -> None:
    totals: list[Decimal] = []
    bounds: list[int] = []
    with killing("CountUsageFunction", most=6, pause=(0.1, 0.5)) as killer:
        while len(killer.killed) < _ENOUGH_KILLS:
            assert len(totals) < _MOST_FILES, f"only {len(killer.killed)} workers to kill"
            file = tmp_path / f"usage-{len(totals)}.csv"
            total, first, last = write_usage(file, 2_000, random.Random(SEED + len(totals)))
            assert import_usage(arguments(file, metered, deployed)) == 0
            totals.append(total)
            bounds += [first, last]
    metered.settles_at(sum(totals, Decimal(0)), *_around(min(bounds), max(bounds)))


def arguments(file: Path, metered: Metered, deployed: Stack) -> list[str]:
    """The import of a file of requests, as a person writes it."""
    return [
        *(str(file), "--event-name", metered.event_name, "--customer", metered.customer),
        *("--value-column", "GeneratedTokens", "--time-column", "TIMESTAMP"),
        *("--api-base", deployed.api_base, "--api-key", deployed.api_key),
    ]


def write_usage(file: Path, rows: int, chance: random.Random) -> tuple[Decimal, int, int]:
    """A file of requests within an hour; the sum of its tokens, and its first and last second."""
    last = int(time.time())
    times = sorted(last - chance.random() * HOUR for _ in range(rows))
    total = 0
    with file.open("w", newline="") as lines:
        table = csv.writer(lines)
        table.writerow(("TIMESTAMP", "ContextTokens", "GeneratedTokens"))
        for moment in times:
            tokens = chance.randrange(5, 2_000)
            total += tokens
            shown = datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d %H:%M:%S.%f0")
            table.writerow((shown, chance.randrange(5_000), tokens))
    return Decimal(total), last - HOUR - 1, last


def _around(first: int, last: int) -> tuple[int, int]:
    """Whole minutes around a range."""
    return first - first % 60 - 60, last - last % 60 + 120


def _rfc3339(instant: int) -> str:
    return datetime.fromtimestamp(instant, UTC).isoformat().replace("+00:00", "Z")
