"""ClickHouse in this process, for the month alone: summed from the events themselves."""

import importlib
import tempfile
import time
from typing import Any

from tests.benchmarks.worlds import customer_id
from tests.peers.work import (
    EVENTS_AN_HOUR,
    HOUR,
    HOURS,
    OTHER_CUSTOMERS,
    Figure,
    Figures,
    least,
)

_CUSTOMERS = ", ".join(f"'{customer_id(number)}'" for number in range(OTHER_CUSTOMERS))
_FILL = f"""
INSERT INTO events
SELECT arrayJoin([{_CUSTOMERS}]), 'tokens', {(HOUR - HOURS + 1) * 3_600} + number * 360, 10
FROM numbers({HOURS * EVENTS_AN_HOUR})
"""  # noqa: S608 - of numbers and names of our own
_MONTH = f"""
SELECT sum(value) FROM events WHERE meter = 'tokens' AND customer = '{customer_id(0)}'
AND second BETWEEN {(HOUR - HOURS + 1) * 3_600} AND {HOUR * 3_600 + 3_599}
"""  # noqa: S608 - of numbers and names of our own


def figures() -> Figures:
    """The month; its engine is part of this process."""
    chdb: Any = importlib.import_module("chdb.session")
    with tempfile.TemporaryDirectory() as home:
        session = chdb.Session(home)
        session.query("CREATE DATABASE usage ENGINE = Atomic")
        session.query("USE usage")
        session.query(
            "CREATE TABLE events (customer String, meter LowCardinality(String), second UInt64, "
            "value Decimal(38, 12)) ENGINE = MergeTree ORDER BY (meter, customer, second)"
        )
        session.query(_FILL)
        session.query("OPTIMIZE TABLE events FINAL")
        month = least(lambda: _month(session), rounds=20)
        session.close()
    return Figures(None, month, None)


def _month(session: Any) -> Figure:
    started = time.process_time()
    total = session.query(_MONTH, "CSV")
    seconds = time.process_time() - started
    assert str(total).strip() == str(HOURS * EVENTS_AN_HOUR * 10)
    return Figure(seconds, seconds)
