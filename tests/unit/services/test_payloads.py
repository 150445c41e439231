"""The payload of a meter event is stored as it is: the longest one fits into an item."""

import pytest

from meterline.api.routes.meter_events import ROUTES
from meterline.core.metering.payload_texts import payload_text
from meterline.store.base.sizes import ITEM_BYTES

OTHER_FIELDS_BYTES = 10_000


@pytest.mark.parametrize("character", ["\x01", "\U0001f600", '"', "中", "x"], ids=ascii)
def test_the_longest_payload_fits_into_an_item(character: str) -> None:
    payload = {f"{number:02d}".ljust(100, "\U0001f600"): character * 1_000 for number in range(50)}
    operation, _ = ROUTES.match("POST", "/v1/billing/meter_events")
    operation.accepted.parse({"event_name": "tokens", "payload": payload})
    assert len(payload_text(payload).encode()) < ITEM_BYTES - OTHER_FIELDS_BYTES
