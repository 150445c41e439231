"""Ingestion reads live customers as written lately, and what is not there yet as last written."""

from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from meterline.store.base.packing import pack
from meterline.store.metering import directory
from meterline.store.metering.directory import StoredDirectory, forget_directory

OLD, NEW, NOBODY = "cus_old", "cus_new", "cus_nobody"


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[list[str], bool]]]:
    """A table whose replicas know the old customer; the keys that are read of it, and how."""
    asked: list[tuple[list[str], bool]] = []

    def batch_get(
        _: str, keys: Sequence[dict[str, Any]], *, is_consistent: bool
    ) -> Iterator[dict[str, Any]]:
        asked.append((sorted(key["pk"]["S"][2:] for key in keys), is_consistent))
        for key in keys:
            customer = key["pk"]["S"][2:]
            if customer == OLD or (customer == NEW and is_consistent):
                yield {**key, "body": {"B": pack({"id": customer, "object": "customer"})}}

    monkeypatch.setattr(directory, "batch_get", batch_get)
    monkeypatch.setattr(directory, "settings", lambda: type("Settings", (), {"billing_table": "b"}))
    forget_directory()
    yield asked
    forget_directory()


# mode | what is read of which customers, and whether as last written
READS = [
    (True, [([NEW, NOBODY, OLD], False), ([NEW, NOBODY], True)]),
    (False, [([NEW, NOBODY, OLD], True)]),
]


@pytest.mark.parametrize(("livemode", "expected"), READS)
def test_a_new_customer_is_found_and_an_old_one_costs_half(
    reads: list[tuple[list[str], bool]], expected: list[tuple[list[str], bool]], *, livemode: bool
) -> None:
    found = StoredDirectory(livemode).customers({OLD, NEW, NOBODY})
    assert (sorted(found), reads) == ([NEW, OLD], expected)
