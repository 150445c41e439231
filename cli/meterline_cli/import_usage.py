"""``meterline import-usage``: sends a CSV of usage as meter events.

Rows go through the v2 stream, a hundred a request. Importing a file again changes nothing: every
row has a stable identifier, from a column of the file or from what the row says, so rows that are
there already come back as duplicates. A row belongs to the customer that --customer-column names in
it, or all belong to --customer; with several of those the rows are dealt out in turn.
"""

import argparse
import csv
import hashlib
import itertools
import os
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import stripe
from rich.console import Console
from rich.progress import Progress

from meterline_cli.times import read_time

BATCH = 100
SESSION_SECONDS = 14 * 60
"""A session lasts 15 minutes; it is renewed before, and whenever the API says that it ended."""

RETRIES = 8
IDENTIFIER_LENGTH = 100
VALUE_LENGTH = 1_000
"""What the API takes; it refuses a whole request for one that is longer."""

_CUSTOMER_COLUMNS = {"customer", "customer_id", "stripe_customer_id"}
"""What a column is called that says whose usage a row is, beside the payload's own key."""

_SHOWN_REFUSALS = 20
_IN_FLIGHT = 4

type Event = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the file and the event it makes, or why it makes none."""

    number: int
    event: Event
    problem: str | None = None


@dataclass(slots=True)
class Report:
    """What became of the rows, by status; refused ones with their reasons, by row number."""

    statuses: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    refusals: list[tuple[int, str]] = field(default_factory=list)

    def add(self, row: Row, result: dict[str, str]) -> None:
        """Note the result of a row."""
        self.statuses[result["status"]] += 1
        if result["status"] == "refused":
            self.reasons[result["code"]] += 1
            self.refusals.append((row.number, f"{result['code']}: {result['message']}"))


class Stream:
    """The v2 stream through the official SDK; opens sessions when needed, for all threads."""

    def __init__(self, key: str, base: str) -> None:
        self._addresses: Any = dict.fromkeys(("api", "meter_events", "files", "connect"), base)
        self._client = self._connect(key)
        self._lock = threading.Lock()
        self._session: stripe.StripeClient | None = None
        self._renew_at = 0.0

    def send(self, events: Sequence[Event]) -> list[dict[str, str]]:
        """Send up to a hundred events; the result of each.

        The SDK repeats what got no answer under the same idempotency key, so an event that was
        stored the first time is reported as accepted, not as a duplicate.
        """
        while True:
            session = self._open_session()
            try:
                answer = session.raw_request(
                    "post",
                    "/v2/billing/meter_event_stream",
                    base="meter_events",
                    events=list(events),
                    headers={"Meterline-Event-Results": "true"},
                )
            except stripe.TemporarySessionExpiredError:
                self._forget(session)
                continue
            results: list[dict[str, str]] = answer.data["results"]
            return results

    def _open_session(self) -> stripe.StripeClient:
        with self._lock:
            if self._session is None or time.monotonic() > self._renew_at:
                session = self._client.v2.billing.meter_event_session.create()
                self._session = self._connect(session.authentication_token)
                self._renew_at = time.monotonic() + SESSION_SECONDS
            return self._session

    def _forget(self, session: stripe.StripeClient) -> None:
        with self._lock:
            if self._session is session:
                self._session = None

    def _connect(self, key: str) -> stripe.StripeClient:
        return stripe.StripeClient(key, base_addresses=self._addresses, max_network_retries=RETRIES)


def run(arguments: Sequence[str]) -> int:
    """Run the command; 0 when all rows are in, 1 when some were refused, 2 when it failed."""
    options = _parser().parse_args(arguments)
    console = Console(stderr=True)
    report = Report()
    try:
        rows = list(read_rows(options))
        send_rows(rows, Stream(options.api_key, options.api_base), report, console)
    except (OSError, KeyError, UnicodeDecodeError, csv.Error, stripe.StripeError) as error:
        console.print(_explain(error), style="red", markup=False)
        if report.statuses:
            console.print("Until then (what is sent again comes back as a duplicate):")
            _show(report, console)
        return 2
    _show(report, console)
    return 1 if report.refusals else 0


def read_rows(options: argparse.Namespace) -> Iterator[Row]:
    """The rows of the file as events; the header is row 1.

    Raises KeyError where a column is missing, UnicodeDecodeError and csv.Error where the file is no
    CSV in UTF-8; csv.Error says from which line on.
    """
    with Path(options.file).open(newline="", encoding="utf-8-sig") as lines:
        reader = csv.DictReader(lines)
        customers = itertools.cycle(options.customer or [""])
        seen: Counter[str] = Counter()
        named: dict[str, str] = {}
        try:
            columns = reader.fieldnames or []
            _check_columns(options, columns)
            telling = [] if options.customer_column else _customer_columns(options, columns)
            dealt = zip(reader, customers, strict=False)
            for number, (cells, customer) in enumerate(dealt, start=2):
                _check_customers(telling, cells, named)
                yield _row(options, number, cells, customer, seen)
        except csv.Error as error:
            raise csv.Error(f"from line {reader.line_num + 1} on: {error}") from error


def send_rows(rows: Sequence[Row], stream: Stream, report: Report, console: Console) -> None:
    """Send all rows, a few requests at a time, with a progress bar, and report on each."""
    for row in rows:
        if row.problem:
            report.add(row, {"status": "refused", "code": "unreadable_row", "message": row.problem})
    good = [row for row in rows if not row.problem]
    batches = list(itertools.batched(good, BATCH, strict=False))
    with Progress(console=console) as progress, ThreadPoolExecutor(_IN_FLIGHT) as threads:
        task = progress.add_task("Importing", total=len(good))
        sent = threads.map(lambda batch: stream.send([row.event for row in batch]), batches)
        for batch, results in zip(batches, sent, strict=True):
            for row, result in zip(batch, results, strict=True):
                report.add(row, result)
            progress.advance(task, len(batch))


def _row(
    options: argparse.Namespace,
    number: int,
    cells: dict[str, str],
    customer: str,
    seen: Counter[str],
) -> Row:
    if None in cells or None in cells.values():
        return Row(number, {}, "it has more or fewer cells than the header has columns")
    if options.customer_column:
        customer = cells[options.customer_column].strip()
        if not customer:
            return Row(number, {}, f"column {options.customer_column} names no customer")
    try:
        instant = read_time(cells[options.time_column])
    except ValueError as refused:
        return Row(number, {}, f"column {options.time_column}: {refused}")
    identifier = (
        cells[options.identifier_column]
        if options.identifier_column
        else _stable_identifier(options, cells.values(), customer, seen)
    )
    if not 0 < len(identifier) <= IDENTIFIER_LENGTH:
        return Row(number, {}, f"an identifier has 1 to {IDENTIFIER_LENGTH} characters")
    if len(cells[options.value_column]) > VALUE_LENGTH:
        return Row(number, {}, f"a value has at most {VALUE_LENGTH} characters")
    event = {
        "event_name": options.event_name,
        "identifier": identifier,
        "payload": {
            options.customer_key: customer,
            options.value_key: cells[options.value_column].strip(),
        },
        "timestamp": _rfc3339(instant),
    }
    return Row(number, event)


def _rfc3339(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _stable_identifier(
    options: argparse.Namespace, cells: Iterable[str], customer: str, seen: Counter[str]
) -> str:
    """An identifier from what the row says; equal rows are told apart by their order."""
    parts = [options.event_name, options.value_column, customer, *map(str, cells)]
    content = "\x1f".join(parts)
    seen[content] += 1
    digest = hashlib.sha256(f"{content}\x1f{seen[content]}".encode()).hexdigest()
    return f"row_{digest[:32]}"


def _check_columns(options: argparse.Namespace, columns: Sequence[str]) -> None:
    if not columns:
        raise KeyError("the file is empty: its first row has to name the columns")
    named = (
        options.value_column,
        options.time_column,
        options.identifier_column,
        options.customer_column,
    )
    for column in named:
        if column and column not in columns:
            raise KeyError(f"the file has no column {column!r}, it has: {', '.join(columns)}")


def _customer_columns(options: argparse.Namespace, columns: Sequence[str]) -> list[str]:
    """The columns that say whose usage a row is."""
    names = _CUSTOMER_COLUMNS | {options.customer_key.lower()}
    return [column for column in columns if column.strip().lower() in names]


def _check_customers(columns: Sequence[str], cells: dict[str, str], named: dict[str, str]) -> None:
    """Refuse (KeyError) a file that names another customer than before: one would pay for all."""
    for column in columns:
        customer = (cells.get(column) or "").strip()
        first = named.setdefault(column, customer)
        if customer != first:
            raise KeyError(
                f"Column {column!r} names several customers ({first}, {customer} …): give "
                f"--customer-column {column} instead of --customer."
            )


def _show(report: Report, console: Console) -> None:
    counts = report.statuses
    console.print(
        f"{counts['accepted']:,} accepted, {counts['duplicate']:,} duplicate, "
        f"{counts['refused']:,} refused"
    )
    for number, reason in sorted(report.refusals)[:_SHOWN_REFUSALS]:
        console.print(f"  row {number}: {reason}", highlight=False, markup=False, soft_wrap=True)
    if len(report.refusals) > _SHOWN_REFUSALS:
        left = ", ".join(f"{code} {count:,}" for code, count in report.reasons.most_common())
        console.print(f"  … all refusals by reason: {left}", highlight=False)


def _explain(error: Exception) -> str:
    if isinstance(error, stripe.StripeError):
        return f"The API refused: {error.user_message or error}"
    if isinstance(error, UnicodeDecodeError):
        return "The file is not in UTF-8: save it as CSV in UTF-8, and import that."
    if isinstance(error, csv.Error):
        return f"The file is no CSV {error}. Look for a quote that is never closed."
    return str(error.args[0] if isinstance(error, KeyError) else error)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="meterline import-usage", description=__doc__)
    parser.add_argument("file", help="a CSV file with a header row")
    parser.add_argument("--event-name", required=True, help="the meter's event name")
    whose = parser.add_mutually_exclusive_group(required=True)
    whose.add_argument("--customer-column", help="the column that holds the customer's id")
    whose.add_argument(
        "--customer",
        action="append",
        help="whose usage all of it is; repeat it to deal the rows out in turn",
    )
    parser.add_argument("--value-column", required=True)
    parser.add_argument("--time-column", required=True, help="ISO 8601 (UTC) or Unix seconds")
    parser.add_argument(
        "--identifier-column",
        help="a column with identifiers, unique in the account; else they follow from the row",
    )
    parser.add_argument("--customer-key", default="stripe_customer_id", help="(%(default)s)")
    parser.add_argument("--value-key", default="value", help="(%(default)s)")
    parser.add_argument(
        "--api-base",
        default=os.environ.get("METERLINE_API_BASE"),
        required="METERLINE_API_BASE" not in os.environ,
        help="the API's address ($METERLINE_API_BASE)",
    )
    parser.add_argument(
        "--api-key",
        default=os.environ.get("METERLINE_API_KEY"),
        required="METERLINE_API_KEY" not in os.environ,
        help="a secret key ($METERLINE_API_KEY)",
    )
    return parser


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
