"""Cases of OpenMeter's credit engine that hold here, told with what an invoice takes.

Usage and units there are amounts of cents here, and what burns a balance down is the invoice of the
period. What stays owed there as an overage is what the invoice comes to. Source of the cases:
github.com/openmeterio/openmeter, openmeter/credit/engine/run_test.go.
"""

from datetime import datetime

import pytest

from meterline.core.credits.application import (
    CreditableInvoice,
    CreditableLine,
    take_credits,
)
from meterline.core.credits.grants import GrantBalance

type Given = tuple[str, int, str, str | None]
"""A grant: its name, priority, from when and until when."""

JANUARY = ("2024-01-01", "2024-01-31")

# what | grants, each of 100 | used, in all, by the end | what each has left, and what is to be paid
CASES: list[tuple[str, list[Given], int, str, list[int], int]] = [
    (
        "05: what has expired pays for nothing",
        [("grant-1", 1, "2023-01-01", "2023-01-02")],
        50,
        "2024-01-06",
        [100],
        50,
    ),
    (
        "07: a grant that begins inside the period pays for what was used before, too",
        [("grant-1", 1, *JANUARY)],
        25 + 25,
        "2024-01-02",
        [50],
        0,
    ),
    (
        "11: of many the one that expires first pays",
        [
            ("grant-0", 1, "2024-01-01", "2024-01-30"),
            *((f"grant-{n}", 1, *JANUARY) for n in range(1, 20)),
        ],
        99,
        "2024-01-02",
        [1, *[100] * 19],
        0,
    ),
    (
        "15: the grant of a recurring one's period is not made anew where another one begins",
        [("grant-1", 1, "2024-01-02", "2024-01-03"), ("grant-2", 2, "2024-01-02", "2024-02-01")],
        30 + 20,
        "2024-01-02",
        [50, 100],
        0,
    ),
]


def at(day: str) -> int:
    return int(datetime.fromisoformat(f"{day}T00:00:00+00:00").timestamp())


def balance(name: str, priority: int, since: str, until: str | None) -> GrantBalance:
    return {
        "grant": name,
        "category": "paid",
        "created": at(since),
        "currency": "usd",
        "effective_at": at(since),
        "expires_at": None if until is None else at(until),
        "left": 100,
        "prices": None,
        "priority": priority,
    }


@pytest.mark.parametrize(
    ("grants", "used", "end", "left", "due"),
    [case[1:] for case in CASES],
    ids=[c[0] for c in CASES],
)
def test_balances_burn_down_as_published(
    grants: list[Given], used: int, end: str, left: list[int], due: int
) -> None:
    invoice = CreditableInvoice(used, "usd", at(end))
    [taken] = take_credits(
        [CreditableLine(used, "price")], [balance(*grant) for grant in grants], invoice
    )
    by_grant = {part.grant: part.amount_minor for part in taken}
    assert [100 - by_grant.get(name, 0) for name, *_ in grants] == left
    assert used - sum(by_grant.values()) == due
