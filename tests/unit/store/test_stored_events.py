"""How an event is stored: what is said twice is left out, and what was stored before is read."""

import json
from base64 import b64encode
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from meterline.core.metering.payload_texts import payload_text, shortened, whole
from meterline.store.metering import meter_events
from meterline.store.metering.meter_events import (
    SHORT_NAMES,
    AcceptedEvent,
    counted_attributes,
    identity_of,
    key_of,
    with_own_names,
)
from tests.benchmarks.units import item_bytes

CUSTOMER = "cus_0VcI8DZUTTyfgqAiJFem4kld"
UUID = "e3e70682-c209-4cac-629f-6fbed82c07cd"
EVENT = AcceptedEvent(
    livemode=True,
    identifier=UUID,
    event_name="tokens",
    meter="mtr_0VcI8DZRvT0fLs0JJhn6zlDa",
    measure="sum",
    customer=CUSTOMER,
    value="1234",
    timestamp=1_795_885_200,
    accepted_at=1_795_888_287_863_394,
    payload=payload_text({"stripe_customer_id": CUSTOMER, "value": "1234"}),
    request=bytes(range(8)),
    fingerprint=bytes(range(8, 12)),
)
STORED_BEFORE: dict[str, Any] = {
    "identifier": {"S": key_of(livemode=True, identity=identity_of(UUID))},
    "name": {"S": UUID},
    "event_name": {"S": "tokens"},
    "meter": {"S": "mtr_0VcI8DZRvT0fLs0JJhn6zlDa"},
    "measure": {"S": "sum"},
    "customer": {"S": CUSTOMER},
    "value": {"S": "1234"},
    "timestamp": {"N": "1795885200"},
    "accepted_at": {"N": "1795888287863394"},
    "payload": {"S": f'{{"stripe_customer_id":"{CUSTOMER}","value":"1234"}}'},
    "request": {"B": bytes(range(8)) + bytes(8)},
    "fingerprint": {"B": bytes(range(8, 16)) + bytes(8)},
    "expires_at": {"N": "1799776287"},
}
"""As the release before short names stored it."""

TEXTS = st.one_of(
    st.text(max_size=6),
    st.sampled_from(["value", "5", "cus_1", "\x01", "\x04", '"', "\\", ":", '","value":"5']),
)


@given(st.dictionaries(TEXTS, TEXTS, max_size=4), TEXTS, TEXTS)
@example({"stripe_customer_id": "cus_1", "value": "5"}, "cus_1", "5")
@example({"value": "value", "stripe_customer_id": "stripe_customer_id"}, "value", "value")
@example({"\x03": "\x04", "value": "5", "5": "cus_1"}, "cus_1", "5")
def test_every_payload_comes_back_as_it_was_sent(
    payload: dict[str, str], customer: str, value: str
) -> None:
    text = payload_text(payload)
    assert json.loads(text) == payload
    assert whole(shortened(text, customer, value), customer, value) == text


def test_a_usual_payload_takes_five_bytes() -> None:
    assert shortened(EVENT.payload, CUSTOMER, "1234") == "{\x03,\x04}"


IDENTIFIERS = [
    (UUID, {"B": bytes.fromhex(UUID.replace("-", ""))}),
    (UUID.upper(), {"S": UUID.upper()}),
    (UUID.replace("-", ""), {"S": UUID.replace("-", "")}),
    (UUID[1:9] + "-" + UUID[9:], {"S": UUID[1:9] + "-" + UUID[9:]}),
    (UUID[:-1] + "g", {"S": UUID[:-1] + "g"}),
    (UUID[:-1] + "\uff11", {"S": UUID[:-1] + "\uff11"}),
    ("-" * 36, {"S": "-" * 36}),
    ("sent-1", {"S": "sent-1"}),
]


@pytest.mark.parametrize(("identifier", "stored"), IDENTIFIERS)
def test_of_identifiers_uuids_alone_are_stored_as_bytes(
    identifier: str, stored: dict[str, Any]
) -> None:
    item = meter_events._item(EVENT._replace(identifier=identifier))  # noqa: SLF001 - its form
    assert item["n"] == stored
    assert with_own_names(item)["name"] == {"S": identifier}


def wire(item: dict[str, Any]) -> dict[str, Any]:
    """An item as Lambda hands it over, bytes in base64."""
    return {
        name: {"B": b64encode(value["B"]).decode()} if "B" in value else value
        for name, value in item.items()
    }


def test_a_stored_event_is_read_as_it_was_written() -> None:
    item = meter_events._item(EVENT)  # noqa: SLF001 - its form
    assert meter_events._event(item) == EVENT  # noqa: SLF001 - its form
    assert with_own_names(wire(item)) == wire(with_own_names(item))


def test_what_was_stored_before_is_the_same_event() -> None:
    assert meter_events._event(STORED_BEFORE) == EVENT  # noqa: SLF001 - its form
    assert with_own_names(STORED_BEFORE) == STORED_BEFORE
    before, after = counted_attributes([STORED_BEFORE, meter_events._item(EVENT)])  # noqa: SLF001
    assert before == after


def test_a_lone_event_takes_half_of_what_it_took() -> None:
    stored = meter_events._item(EVENT)  # noqa: SLF001 - its form
    assert (item_bytes(STORED_BEFORE), item_bytes(stored)) == (353, 177)


def test_short_names_lead_to_one_attribute_each() -> None:
    assert len(set(SHORT_NAMES.values()) | {"n", "p", "identifier"}) == len(SHORT_NAMES) + 3
