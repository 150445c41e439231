"""When a delivery that failed is tried again."""

import pytest
import stripe

from meterline.core.events.holds import wait_of
from meterline.core.events.retry_schedule import (
    DISABLED_AFTER_SECONDS,
    FORGOTTEN_AFTER_SECONDS,
    LIVE_WAITS,
    TEST_WAITS,
    wait_after,
)
from meterline.core.events.signatures import signature_header

HOUR = 3_600
LONGER = 1.1
"""Waits are spread by up to a tenth."""


@pytest.mark.parametrize(
    ("livemode", "waits", "least", "most"),
    [(True, LIVE_WAITS, 71 * HOUR, 72 * HOUR * LONGER), (False, TEST_WAITS, 2 * HOUR, 4 * HOUR)],
)
def test_attempts_go_on_for_three_days_in_live_mode_and_hours_in_test_mode(
    *, livemode: bool, waits: tuple[int, ...], least: float, most: float
) -> None:
    failures = range(1, len(waits) + 1)
    found = [wait_after(failure_at, livemode=livemode, name="whd_1") for failure_at in failures]
    assert all(
        wait is not None and plain <= wait <= plain * LONGER
        for wait, plain in zip(found, waits, strict=True)
    )
    assert least <= sum(wait or 0 for wait in found) <= most
    assert wait_after(len(waits) + 1, livemode=livemode, name="whd_1") is None


def test_deliveries_of_one_moment_come_back_at_different_ones() -> None:
    waits = {wait_after(5, livemode=True, name=f"whd_{number}") for number in range(50)}
    assert len(waits) > 40


def test_the_same_delivery_always_waits_the_same() -> None:
    assert len({wait_after(3, livemode=True, name="whd_1") for _ in range(3)}) == 1


def test_a_failure_counts_for_longer_than_anything_waits_for_the_next_attempt() -> None:
    assert max(LIVE_WAITS) * LONGER < FORGOTTEN_AFTER_SECONDS
    assert wait_of("whd_1", 300, DISABLED_AFTER_SECONDS) < FORGOTTEN_AFTER_SECONDS


PAYLOAD = b'{"id": "evt_1", "object": "event", "type": "customer.created", "data": {"object": {}}}'


@pytest.mark.parametrize("secret", ["whsec_former", "whsec_new"])
def test_a_body_is_verified_with_either_secret_while_one_is_rolled(secret: str) -> None:
    header = signature_header(PAYLOAD, ["whsec_new", "whsec_former"], _now())
    event = stripe.Webhook.construct_event(PAYLOAD.decode(), header, secret)
    assert event.id == "evt_1"


@pytest.mark.parametrize(
    ("payload", "secret", "ago"),
    [(PAYLOAD + b" ", "whsec_new", 0), (PAYLOAD, "whsec_other", 0), (PAYLOAD, "whsec_new", 301)],
    ids=["altered", "another secret", "old"],
)
def test_what_was_altered_or_signed_otherwise_is_not_verified(
    payload: bytes, secret: str, ago: int
) -> None:
    header = signature_header(PAYLOAD, ["whsec_new"], _now() - ago)
    with pytest.raises(stripe.SignatureVerificationError):
        stripe.Webhook.construct_event(payload.decode(), header, secret)


def _now() -> int:
    import time  # noqa: PLC0415 - the SDK goes by the machine's clock

    return int(time.time())
