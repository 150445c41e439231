"""SQLite in this process: each event once, and counters by the hour, in one transaction."""

import json
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from tests.benchmarks.worlds import customer_id
from tests.peers.sql import Row, rows_of
from tests.peers.work import (
    EVENTS,
    HOUR,
    HOURS,
    METERS,
    OTHER_CUSTOMERS,
    REPEATED,
    Figure,
    Figures,
    least,
    requests,
)

_TABLES = """
PRAGMA journal_mode = WAL;
CREATE TABLE events (
    identifier TEXT PRIMARY KEY, customer TEXT, value TEXT, second INTEGER, payload TEXT
) WITHOUT ROWID;
CREATE TABLE hourly (
    customer TEXT, meter TEXT, hour INTEGER, total INTEGER, events INTEGER,
    PRIMARY KEY (customer, meter, hour)
) WITHOUT ROWID;
"""
_MICROS = 1_000_000
"""SQLite has no decimals: totals are whole millionths."""


def figures() -> Figures:
    """Accepting and the month; its engine is part of this process."""
    bodies = [json.dumps({"events": some}) for some in requests()]
    return Figures(least(lambda: _accepted(bodies)).over(EVENTS), least(_month), None)


@contextmanager
def _database() -> Iterator[sqlite3.Connection]:
    with tempfile.TemporaryDirectory() as home:
        path = Path(home) / "usage.db"
        with closing(sqlite3.connect(path, isolation_level=None)) as database:
            database.executescript(_TABLES)
            yield database


def _accepted(bodies: list[str]) -> Figure:
    with _database() as database:
        started = time.process_time()
        for body in bodies:
            _accept(database, rows_of(body))
        seconds = time.process_time() - started
        [[counted]] = database.execute("SELECT sum(events) FROM hourly")
        assert counted == EVENTS - REPEATED
    return Figure(seconds, seconds)


def _accept(database: sqlite3.Connection, rows: list[Row]) -> None:
    counters: dict[tuple[str, int], list[int]] = {}
    database.execute("BEGIN IMMEDIATE")
    for identifier, customer, value, second, payload in rows:
        stored = database.execute(
            "INSERT INTO events VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
            (identifier, customer, str(value), second, payload),
        )
        if stored.rowcount:
            counter = counters.setdefault((customer, second // 3_600), [0, 0])
            counter[0] += int(value * _MICROS)
            counter[1] += 1
    database.executemany(
        "INSERT INTO hourly VALUES (?, 'tokens', ?, ?, ?) ON CONFLICT DO UPDATE "
        "SET total = total + excluded.total, events = events + excluded.events",
        [(*key, *counter) for key, counter in counters.items()],
    )
    database.execute("COMMIT")


def _month() -> Figure:
    with _database() as database:
        database.execute("BEGIN")
        database.executemany(
            "INSERT INTO hourly VALUES (?, ?, ?, ?, 10)",
            [
                (customer_id(number), meter, HOUR - hour, 10 * _MICROS)
                for number in range(OTHER_CUSTOMERS)
                for meter in METERS
                for hour in range(HOURS)
            ],
        )
        database.execute("COMMIT")
        started = time.process_time()
        [[total]] = database.execute(
            "SELECT sum(total) FROM hourly WHERE customer = ? AND meter = 'tokens' "
            "AND hour BETWEEN ? AND ?",
            (customer_id(0), HOUR - HOURS + 1, HOUR),
        )
        seconds = time.process_time() - started
        assert total == HOURS * 10 * _MICROS
    return Figure(seconds, seconds)
