"""What is stored packed begins with its version: each release reads what it knows, or refuses."""

from collections.abc import Callable
from decimal import Decimal
from functools import partial
from typing import Any

import pytest

from meterline.core.base.versions import UnknownVersion
from meterline.core.metering import distinct, packed_rows, packed_samples
from meterline.core.metering.aggregation import Formula, Measure, Row
from meterline.core.metering.samples import Samples
from meterline.store.base.packing import pack, unpack

HOUR = 1_700_157_600
ADA, BOB = (
    Decimal(int.from_bytes(bytes.fromhex(digest)))
    for digest in (
        "fdee430d40bd57deeac186cd9790033d",
        "81b637d8fcd2c6da6359e6963113a117",
    )
)
ROWS = [
    Row(bytes(range(16)), HOUR + 5, Decimal("2.5"), 1_700_157_605_000_000),
    Row(bytes(range(16, 32)), HOUR + 3_599, Decimal(-1_000), 1_700_157_606_000_000, cancels=True),
]
UNORDERED = [row._replace(accepted_at=0) for row in ROWS]
IDENTITIES = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"


def _rows(formula: Formula) -> Callable[[bytes], Any]:
    return partial(packed_rows.unpack, hour_start=HOUR, measure=Measure(formula))


# form | as stored by the release that brought it | how it is read | what it says
GOLDEN: dict[str, tuple[str, Callable[[bytes], Any], Any]] = {
    "a body, version 6": (
        "0683adb2812d50713404cf95c22242d71469410ba82247e9eb602e0ba90500",
        unpack,
        {"id": "cus_1", "object": "customer", "balance": -5, "name": "Ada", "_": {"prefix": "A1"}},
    ),
    "rows without order, version 3": (
        "030201" + IDENTITIES + "0050e0f8" + "0019d8f0",
        _rows(Formula.SUM),
        UNORDERED,
    ),
    "rows in order, version 3": (
        "030201" + IDENTITIES + "0050e0f8" + "0019d8f0" + "00060a48ca1bb34000060a48ca2af580",
        _rows(Formula.LAST),
        ROWS,
    ),
    "rows of digests, version 3": (
        "031000" + "00" * 16 + "0000" + "fdee430d40bd57deeac186cd9790033d",
        _rows(Formula.UNIQUE_COUNT),
        [Row(bytes(16), HOUR, ADA)],
    ),
    "samples, version 1": (
        "010201" + "0802" + "0019" + "fff6",
        partial(packed_samples.unpack, hour_start=HOUR),
        Samples({HOUR // 300 + 1: Decimal("2.5"), HOUR // 300 + 11: Decimal(-1)}),
    ),
    "distinct values, version 1": (
        "01" + "81b637d8fcd2c6da6359e6963113a117" + "fdee430d40bd57deeac186cd9790033d",
        distinct.unpack,
        distinct.distinct([ADA, BOB]),
    ),
}

# form | what was stored before there were versions | how it is read
UNVERSIONED: dict[str, tuple[bytes, Callable[[bytes], Any]]] = {
    "a body": (pack({"id": "cus_1"})[1:], unpack),
    "rows": (bytes.fromhex("0201" + IDENTITIES + "0050e0f8" + "0019d8f0"), _rows(Formula.SUM)),
    "distinct values": (bytes.fromhex("01" + "00" * 15), distinct.unpack),
}


@pytest.mark.parametrize("form", GOLDEN)
def test_what_an_earlier_release_stored_is_read_as_it_was_meant(form: str) -> None:
    stored, read, expected = GOLDEN[form]
    assert read(bytes.fromhex(stored)) == expected


@pytest.mark.parametrize("form", GOLDEN)
def test_a_version_that_is_not_known_is_refused_and_never_misread(form: str) -> None:
    stored, read, _ = GOLDEN[form]
    data = bytes.fromhex(stored)
    for version in set(range(256)) - {data[0]}:
        with pytest.raises(UnknownVersion, match=f"version {version};"):
            read(bytes((version,)) + data[1:])


@pytest.mark.parametrize("form", UNVERSIONED)
def test_what_has_no_version_is_refused(form: str) -> None:
    stored, read = UNVERSIONED[form]
    with pytest.raises(UnknownVersion):
        read(stored)


def test_nothing_is_no_body() -> None:
    with pytest.raises(UnknownVersion, match="no version"):
        unpack(b"")
