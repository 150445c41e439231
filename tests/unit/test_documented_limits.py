"""The limits that the README tells are those that the code keeps."""

import pytest

from meterline.core.billing.pending_batches import MOST_BYTES, MOST_ITEMS
from meterline.core.metering.distinct import MOST_DISTINCT
from meterline.services.billing.item_batches import MOST_BATCHES
from meterline.services.billing.unit_of_work import MOST_SUBSCRIPTIONS
from meterline.services.customers.customers import MOST_PER_TEST_CLOCK
from meterline.services.subscriptions.requested_items import MAX_ITEMS
from meterline.store.base.sizes import WRITTEN_BYTES
from tests.engines import ROOT

SENTENCES = [
    f"Up to {MOST_BATCHES * MOST_ITEMS:,} pending invoice items",
    f"(or {MOST_BATCHES * MOST_BYTES // 1_000_000} MB of them)",
    f"A subscription has up to {MAX_ITEMS} items",
    f"a customer {MOST_SUBSCRIPTIONS} subscriptions that run",
    f"a test clock {MOST_PER_TEST_CLOCK} customers",
    f"An object takes at most {WRITTEN_BYTES // 1_000} KB",
    f"exact up to {MOST_DISTINCT:,} different ones",
]


@pytest.mark.parametrize("sentence", SENTENCES)
def test_the_readme_tells_the_limit_that_the_code_keeps(sentence: str) -> None:
    words = (ROOT / "README.md").read_text().split()
    assert sentence in " ".join(words)
