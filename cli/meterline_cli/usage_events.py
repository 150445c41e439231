"""``meterline usage-events``: the events behind a number, as CSV.

Why did a customer use 1,234 units? These are the events that count in the range, newest first, a
hundred to a request; what a sum adds up is the column ``value``. Of events that are no longer kept
only time and value are known.
"""

import argparse
import csv
import json
import os
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO
from urllib.parse import quote

import stripe

from meterline_cli.times import read_time

PAGE = 100
COLUMNS = ("id", "identifier", "timestamp", "received", "value", "payload")
_RETRIES = 5

type Event = dict[str, Any]


def run(arguments: Sequence[str]) -> int:
    """Run the command: 0, or 2 when the API refused or the file cannot be written."""
    options = _parser().parse_args(arguments)
    try:
        meter, events = _events(options)
        value_key = meter["value_settings"]["event_payload_key"]
        if options.output is None:
            _write(sys.stdout, value_key, events)
        else:
            with Path(options.output).open("w", newline="", encoding="utf-8") as file:
                _write(file, value_key, events)
    except stripe.StripeError as error:
        print(f"The API refused: {error.user_message or error}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"Cannot write {options.output}: {error.strerror}.", file=sys.stderr)
        print("--output takes a file in a folder that exists.", file=sys.stderr)
        return 2
    return 0


def _events(options: argparse.Namespace) -> tuple[Event, Iterator[Event]]:
    """The meter, and its events a page at a time as they are asked for."""
    addresses: Any = dict.fromkeys(("api", "meter_events", "files", "connect"), options.api_base)
    client = stripe.StripeClient(
        options.api_key, base_addresses=addresses, max_network_retries=_RETRIES
    )
    path = f"/v1/billing/meters/{quote(options.meter, safe='')}"
    meter = client.raw_request("get", path).data
    return meter, _pages(client, f"{path}/events", _query(options))


def _pages(client: stripe.StripeClient, path: str, query: dict[str, Any]) -> Iterator[Event]:
    while True:
        page: Any = client.raw_request("get", path, **query).data
        yield from page["data"]
        if not page["has_more"]:
            return
        query["starting_after"] = page["data"][-1]["id"]


def _query(options: argparse.Namespace) -> dict[str, Any]:
    query = {
        "customer": options.customer,
        "start_time": options.start,
        "end_time": options.end,
        "limit": PAGE,
    }
    received = {"gte": options.received_from, "lt": options.received_until}
    created = {name: instant for name, instant in received.items() if instant is not None}
    return query | ({"created": created} if created else {})


def _write(file: TextIO, value_key: str, events: Iterator[Event]) -> None:
    table = csv.writer(file)
    table.writerow(COLUMNS)
    for event in events:
        table.writerow(
            (
                event["id"],
                event["identifier"] or "",
                _shown(event["timestamp"]),
                "" if event["created"] is None else _shown(event["created"]),
                event["payload"].get(value_key, ""),
                json.dumps(event["payload"], ensure_ascii=False, sort_keys=True),
            )
        )


def _shown(instant: int) -> str:
    return datetime.fromtimestamp(instant, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _instant(text: str) -> int:
    """The seconds of a time on the command line; ArgumentTypeError for anything else."""
    try:
        return int(read_time(text).timestamp())
    except ValueError as refused:
        raise argparse.ArgumentTypeError(str(refused)) from None


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="meterline usage-events", description=__doc__)
    parser.add_argument("meter", help="the meter's id")
    parser.add_argument("--customer", required=True, help="the customer's id")
    times: dict[str, Any] = {"type": _instant, "metavar": "TIME"}
    meaning = "the first time: ISO 8601 (UTC) or Unix seconds"
    parser.add_argument("--from", required=True, dest="start", help=meaning, **times)
    parser.add_argument("--until", required=True, dest="end", help="up to, exclusive", **times)
    parser.add_argument("--received-from", help="only what was received from then on", **times)
    parser.add_argument("--received-until", help="only what was received before", **times)
    parser.add_argument("--output", metavar="FILE", help="the CSV file (standard output without)")
    for name, meaning in (("base", "the API's address"), ("key", "a secret key")):
        variable = f"METERLINE_API_{name.upper()}"
        parser.add_argument(
            f"--api-{name}",
            default=os.environ.get(variable),
            required=variable not in os.environ,
            help=f"{meaning} (${variable})",
        )
    return parser


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
