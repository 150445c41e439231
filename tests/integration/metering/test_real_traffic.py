"""Real traffic, counted request by request, is told by hours and days as its trace has them.

The figures below were added up from the trace itself, second by second, and not from its minutes.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from meterline.core.metering.calendar_windows import Grouping
from meterline.core.metering.dimensions import cell_of, with_cell
from meterline.services.base.context import Context
from meterline.services.metering import count
from meterline.services.metering.analytics import Asked, meter_usage
from meterline.services.metering.series import Breakdown
from meterline.services.metering.windows import Windows
from meterline.store.billing.repository import BillingStore
from meterline.store.metering import cells
from meterline.store.metering.cells import CellsKey
from meterline.store.metering.meter_events import identity_of, key_of
from tests.engines import Engine
from tests.integration.metering.real_traffic import DAY, MINUTES
from tests.integration.metering.worlds import meter_body

CUSTOMER = "cus_a"
BATCH = 1_000
TYPES = ("input", "output")
METERS = {
    formula: meter_body(
        id=f"mtr_test_{formula}", formula=formula, dimension_payload_keys=["token_type"]
    )
    for formula in ("count", "sum")
}

# grouping | time zone | the UTC time at which a window begins: requests, context, generated
TOLD: list[tuple[Grouping, str, dict[str, tuple[int, int, int]]]] = [
    (
        Grouping.HOUR,
        "UTC",
        {"16T18:00": (7_717, 15_710_990, 213_958), "16T19:00": (1_102, 2_348_984, 31_938)},
    ),
    (
        Grouping.HOUR,
        "Asia/Kolkata",
        {"16T17:30": (1_966, 3_889_250, 58_495), "16T18:30": (6_853, 14_170_724, 187_401)},
    ),
    (Grouping.HOUR, "Asia/Kathmandu", {"16T18:15": (8_819, 18_059_974, 245_896)}),
    (Grouping.DAY, "UTC", {"16T00:00": (8_819, 18_059_974, 245_896)}),
    (
        Grouping.DAY,
        "Asia/Kolkata",
        {"15T18:30": (1_966, 3_889_250, 58_495), "16T18:30": (6_853, 14_170_724, 187_401)},
    ),
    (Grouping.DAY, "Asia/Kathmandu", {"16T18:15": (8_819, 18_059_974, 245_896)}),
    (Grouping.DAY, "Australia/Lord_Howe", {"16T13:00": (8_819, 18_059_974, 245_896)}),
    (Grouping.WEEK, "America/New_York", {"13T05:00": (8_819, 18_059_974, 245_896)}),
    (Grouping.MONTH, "UTC", {"01T00:00": (8_819, 18_059_974, 245_896)}),
]


def second_of(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


def requests() -> Iterator[tuple[int, int, str]]:
    """Each request twice, with what it sent and what it got: its second, the tokens, their type.

    A minute's tokens are spread over its requests, and these over its seconds.
    """
    for minute, number, *tokens in MINUTES:
        start = second_of(f"{DAY}T{minute}")
        for kind, whole in zip(TYPES, tokens, strict=True):
            for place in range(number):
                share = whole // number + (place < whole % number)
                yield start + place * 60 // number, share, kind


def record(formula: str, number: int, at: int, value: int, kind: str) -> dict[str, Any]:
    cell = cell_of((kind,))
    image = {
        "identifier": {"S": key_of(livemode=False, identity=identity_of(f"e{number}"))},
        "meter": {"S": METERS[formula]["id"]},
        "customer": {"S": CUSTOMER},
        "measure": {"S": with_cell(formula, cell)},
        "value": {"S": str(value)},
        "timestamp": {"N": str(at)},
        "accepted_at": {"N": str(at * 1_000_000 + number)},
    }
    return {"eventName": "INSERT", "dynamodb": {"NewImage": image, "SequenceNumber": str(number)}}


@pytest.fixture
def counted(dynamodb: Engine) -> None:  # noqa: ARG001 - counting finds it
    """All requests, counted by their tokens, and by how many sent some."""
    everything = list(requests())
    for formula, meter in METERS.items():
        key = CellsKey(False, meter["id"], CUSTOMER, DAY[:7])  # noqa: FBT003 - test mode
        assert cells.admit({key: {cell_of((kind,)): (kind,) for kind in TYPES}}) == set()
        sent = [one for one in everything if formula == "sum" or one[2] == TYPES[0]]
        records = [record(formula, number, *one) for number, one in enumerate(sent)]
        for first in range(0, len(records), BATCH):
            assert count.count_records(records[first : first + BATCH]) == []


def told(formula: str, windows: Windows) -> dict[tuple[str, str], int]:
    """What analytics say, by the UTC time at which a window begins, and the type of tokens."""
    ctx = Context(BillingStore(livemode=False), windows.end, windows.end)
    asked = [Asked(METERS[formula], Breakdown(keys=("token_type",)))]
    rows = meter_usage(ctx, CUSTOMER, windows, asked)["rows"]["data"]
    return {
        (
            f"{datetime.fromtimestamp(row['starts_at'], UTC):%dT%H:%M}",
            row["dimensions"]["token_type"],
        ): int(row["value"])
        for row in rows
        if row["dimensions"]
    }


def test_real_traffic_is_told_as_its_trace_has_it(counted: None) -> None:  # noqa: ARG001 - once for all
    start, end = second_of("2023-11-01"), second_of("2023-12-01")
    for grouping, zone, figures in TOLD:
        windows = Windows(start, end, grouping, ZoneInfo(zone))
        if grouping is Grouping.HOUR:
            windows = Windows(
                second_of("2023-11-16"), second_of("2023-11-18"), grouping, ZoneInfo(zone)
            )
        by_type = {
            (begins, kind): (requests_, tokens)
            for begins, (requests_, *both) in figures.items()
            for kind, tokens in zip(TYPES, both, strict=True)
        }
        assert told("count", windows) == {
            key: one for key, (one, _) in by_type.items() if key[1] == TYPES[0]
        }, zone
        assert told("sum", windows) == {key: one for key, (_, one) in by_type.items()}, zone


def test_the_minutes_are_those_of_the_whole_trace() -> None:
    whole = [sum(column) for column in zip(*(row[1:] for row in MINUTES), strict=True)]
    assert whole == [8_819, 18_059_974, 245_896]
