"""A seed's chance in place of all that the product draws for ids, codes and secrets."""

from random import Random
from types import SimpleNamespace

import pytest

from meterline.services.account import api_keys
from meterline.services.base import ids, secret_addresses
from meterline.services.catalog import coupons, promotion_codes
from meterline.services.customers import customers
from meterline.services.events import endpoints
from meterline.store.account import idempotency_records

MODULES = (
    *(api_keys, ids, secret_addresses, coupons, promotion_codes, customers, endpoints),
    idempotency_records,
)
"""Who draws what is stored."""


def draw_from(chance: Random, patch: pytest.MonkeyPatch) -> None:
    """Let the product draw from ``chance``: the same seed then stores the same."""
    drawn = SimpleNamespace(
        randbelow=chance.randrange,
        choice=chance.choice,
        token_hex=lambda number: chance.randbytes(number).hex(),
    )
    for module in MODULES:
        patch.setattr(module, "secrets", drawn)
