"""Which values, times, meters and payloads an event may have (contract section 3)."""

from decimal import Decimal
from typing import Any

import pytest

from meterline.core.metering import acceptance
from meterline.core.metering.acceptance import EventRefused, MeterRules, Reason, meter_rules
from meterline.core.metering.distinct import value_of

NOW = 1_700_158_800
DAY = 86_400


def rules(**changes: Any) -> MeterRules:
    body = {
        "id": "mtr_1",
        "event_name": "tokens",
        "default_aggregation": {"formula": changes.pop("formula", "sum")},
        "customer_mapping": {"type": "by_id", "event_payload_key": "who"},
        "value_settings": {"event_payload_key": "amount"},
        "event_time_window": None,
        "status": "active",
    }
    return meter_rules(body | changes)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("25", "25"),
        ("0", "0"),
        ("-3", "-3"),
        ("+3", "3"),
        ("0.5", "0.5"),
        (".5", "0.5"),
        ("5.", "5"),
        ("1.500", "1.5"),
        ("1e-5", "0.00001"),
        ("1.5E+2", "150"),
        ("123456789012345", "123456789012345"),
        ("1234567.89012345", "1234567.89012345"),
        ("0.000000000000001", "0.000000000000001"),
        ("000000000000000000007", "7"),
        ("100000000000000.0000", "100000000000000"),
    ],
)
def test_values_are_decimals_of_either_sign(text: str, value: str) -> None:
    assert acceptance.value_in({"amount": text}, rules()) == Decimal(value)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", Reason.INVALID_VALUE),
        ("many", Reason.INVALID_VALUE),
        ("1,5", Reason.INVALID_VALUE),
        ("1 000", Reason.INVALID_VALUE),
        (" 1", Reason.INVALID_VALUE),
        ("0x10", Reason.INVALID_VALUE),
        ("NaN", Reason.INVALID_VALUE),
        ("Infinity", Reason.INVALID_VALUE),
        ("٣", Reason.INVALID_VALUE),
        ("1" * 101, Reason.INVALID_VALUE),
        ("1234567890123456", Reason.TOO_MANY_DIGITS),
        ("1234567.890123456", Reason.TOO_MANY_DIGITS),
        ("0.0000000000000001", Reason.TOO_MANY_DIGITS),
        ("1." + "0" * 40 + "1", Reason.TOO_MANY_DIGITS),
        ("0." + "9" * 40, Reason.TOO_MANY_DIGITS),
        ("100000000000000.00000000000001", Reason.TOO_MANY_DIGITS),
        ("1e15", Reason.TOO_MANY_DIGITS),
        ("1e999", Reason.TOO_MANY_DIGITS),
    ],
)
def test_other_values_are_refused(text: str, reason: Reason) -> None:
    with pytest.raises(EventRefused) as refused:
        acceptance.value_in({"amount": text}, rules())
    assert (refused.value.reason, refused.value.param) == (reason, "payload[amount]")


def test_a_missing_value_is_refused_unless_the_meter_only_counts() -> None:
    with pytest.raises(EventRefused) as refused:
        acceptance.value_in({}, rules())
    assert refused.value.reason is Reason.VALUE_NOT_FOUND
    assert acceptance.value_in({}, rules(formula="count")) == 0
    assert acceptance.value_in({"amount": "junk"}, rules(formula="count")) == 0


@pytest.mark.parametrize(
    ("offset", "reason"),
    [
        (0, None),
        (300, None),
        (301, Reason.TIMESTAMP_IN_FUTURE),
        (-35 * DAY, None),
        (-35 * DAY - 1, Reason.TIMESTAMP_TOO_FAR_IN_PAST),
    ],
)
def test_timestamps_lie_35_days_back_to_5_minutes_ahead(offset: int, reason: Reason | None) -> None:
    if reason is None:
        acceptance.check_timestamp(NOW + offset, NOW)
        return
    with pytest.raises(EventRefused) as refused:
        acceptance.check_timestamp(NOW + offset, NOW)
    assert refused.value.reason is reason


def test_the_customer_stands_under_the_meters_key() -> None:
    assert acceptance.customer_in({"who": "cus_1"}, rules()) == "cus_1"
    with pytest.raises(EventRefused) as refused:
        acceptance.customer_in({"stripe_customer_id": "cus_1"}, rules())
    assert refused.value.message == "Customer mapping key who not found in payload."


def test_the_meter_must_exist_and_be_active() -> None:
    with pytest.raises(EventRefused) as refused:
        acceptance.check_meter(None, "nope")
    assert refused.value.message == "No meter was found matching event_name nope."
    with pytest.raises(EventRefused) as refused:
        acceptance.check_meter(rules(status="inactive"), "tokens")
    assert refused.value.reason is Reason.ARCHIVED_METER


@pytest.mark.parametrize("text", ["sum", "count", "last", "max", "last:day", "sum:hour"])
def test_a_measure_survives_as_text(text: str) -> None:
    assert acceptance.measure_text(acceptance.measure_from_text(text)) == text


@pytest.mark.parametrize("text", ["user-1", "0", "Zoë", "x" * 100])
def test_where_distinct_values_are_counted_any_text_is_one(text: str) -> None:
    assert acceptance.value_in({"amount": text}, rules(formula="unique_count")) == value_of(text)


@pytest.mark.parametrize("text", ["", "x" * 101])
def test_a_text_to_tell_apart_has_1_to_100_characters(text: str) -> None:
    with pytest.raises(EventRefused) as refused:
        acceptance.value_in({"amount": text}, rules(formula="unique_count"))
    assert refused.value.reason is Reason.INVALID_VALUE
