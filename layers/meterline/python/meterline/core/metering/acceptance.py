"""Which meter events are accepted, and why others are refused.

The rules are those of the contract's section 3: bounds of the timestamp relative to the customer's
own clock, the payload keys of the meter, and numbers of at most 15 significant digits.
"""

import re
from collections.abc import Mapping
from decimal import Context, Decimal
from enum import StrEnum
from functools import lru_cache
from typing import Any

from meterline.core.base.frozen import frozen
from meterline.core.metering import dimensions, distinct
from meterline.core.metering.aggregation import ZERO, Formula, Measure, Window
from meterline.core.metering.dimensions import MOST_CELLS, VALUE_CHARACTERS, Values

PAST_LIMIT_SECONDS = 35 * 86_400
FUTURE_LIMIT_SECONDS = 5 * 60
VALUE_DIGITS = 15
"""At most so many significant digits, digits before the point, and digits after it."""

DISTINCT_CHARACTERS = 100
"""The longest value on a meter that counts distinct ones."""

_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)
_LONGEST_NUMBER = 100
_ALL_DIGITS = Context(prec=_LONGEST_NUMBER)
"""Nothing that is written in so many characters is rounded here."""


class Reason(StrEnum):
    """Why an event is refused: the codes of the asynchronous error reports."""

    NO_METER = "no_meter"
    ARCHIVED_METER = "archived_meter"
    NO_CUSTOMER_DEFINED = "meter_event_no_customer_defined"
    CUSTOMER_NOT_FOUND = "meter_event_customer_not_found"
    VALUE_NOT_FOUND = "meter_event_value_not_found"
    INVALID_VALUE = "meter_event_invalid_value"
    MISSING_DIMENSIONS = "missing_dimension_payload_keys"
    TOO_MANY_DIMENSIONS = "meter_event_dimension_count_too_high"
    TOO_MANY_DIGITS = "meter_event_value_too_many_digits"
    TIMESTAMP_IN_FUTURE = "timestamp_in_future"
    TIMESTAMP_TOO_FAR_IN_PAST = "timestamp_too_far_in_past"


class EventRefused(Exception):  # noqa: N818 - an outcome to decide upon, not a defect
    """A well-formed event that breaks a rule of its meter; ``param`` is the field to correct."""

    def __init__(self, reason: Reason, message: str, param: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.param = param


@frozen
class MeterRules:
    """What a meter asks of its events."""

    id: str
    event_name: str
    measure: Measure
    customer_key: str
    value_key: str
    is_active: bool


def meter_rules(meter: Mapping[str, Any]) -> MeterRules:
    """The rules in a ``billing.meter`` body."""
    return MeterRules(
        id=meter["id"],
        event_name=meter["event_name"],
        measure=measure_of(meter),
        customer_key=meter["customer_mapping"]["event_payload_key"],
        value_key=meter["value_settings"]["event_payload_key"],
        is_active=meter["status"] == "active",
    )


def measure_of(meter: Mapping[str, Any]) -> Measure:
    """The measure in a ``billing.meter`` body."""
    window = meter.get("event_time_window")
    aggregation = meter["default_aggregation"]
    formula, percentile = Formula(aggregation["formula"]), aggregation.get("percentile")
    keys = tuple(meter.get("dimension_payload_keys") or ())
    percentage = None if percentile is None else Decimal(percentile)
    return Measure(formula, Window(window) if window else None, keys, percentage)


@lru_cache(maxsize=64)
def measure_text(measure: Measure) -> str:
    """A measure as stored with each event: ``sum``, or ``last:day`` with a window."""
    return f"{measure.formula}:{measure.window}" if measure.window else str(measure.formula)


@lru_cache(maxsize=64)
def measure_from_text(text: str) -> Measure:
    """The measure that ``measure_text`` wrote, with or without a cell."""
    formula, _, window = dimensions.divided(text)[0].partition(":")
    return Measure(Formula(formula), Window(window) if window else None)


@lru_cache(maxsize=4_096)
def cell_from_text(text: str) -> str:
    """The cell of an event, which stands behind its measure."""
    return dimensions.divided(text)[1]


def check_meter(rules: MeterRules | None, event_name: str) -> MeterRules:
    """The meter of an event, which must exist and be active."""
    if rules is None:
        message = f"No meter was found matching event_name {event_name}."
        raise EventRefused(Reason.NO_METER, message, "event_name")
    if not rules.is_active:
        message = f"The meter for event_name {event_name} is inactive and accepts no events."
        raise EventRefused(Reason.ARCHIVED_METER, message, "event_name")
    return rules


def customer_in(payload: Mapping[str, str], rules: MeterRules) -> str:
    """The id of the customer that an event is about."""
    customer = payload.get(rules.customer_key)
    if not customer:
        message = f"Customer mapping key {rules.customer_key} not found in payload."
        raise EventRefused(Reason.NO_CUSTOMER_DEFINED, message, f"payload[{rules.customer_key}]")
    return customer


def check_customer(customer: str, rules: MeterRules, *, exists: bool) -> None:
    """The customer of an event must exist and not be deleted."""
    if not exists:
        message = f"No such customer: '{customer}'"
        raise EventRefused(Reason.CUSTOMER_NOT_FOUND, message, f"payload[{rules.customer_key}]")


def value_in(payload: Mapping[str, str], rules: MeterRules) -> Decimal:
    """The value of an event; 0 on a meter that counts, which ignores values.

    Where distinct values are counted any text is one, and stands as the number of its digest.
    """
    if rules.measure.formula is Formula.COUNT:
        return ZERO
    text = payload.get(rules.value_key)
    if text is None:
        message = f"Value key {rules.value_key} not found in payload."
        raise EventRefused(Reason.VALUE_NOT_FOUND, message, f"payload[{rules.value_key}]")
    if rules.measure.has_digests:
        return _digest(text, f"payload[{rules.value_key}]")
    return _number(text, f"payload[{rules.value_key}]")


def dimensions_in(payload: Mapping[str, str], rules: MeterRules) -> Values:
    """The values that tell an event apart, in the order of its meter's keys; each must be there."""
    keys = rules.measure.dimensions
    missing = [key for key in keys if not payload.get(key)]
    if missing:
        message = f"Dimension payload keys not found in payload: {', '.join(missing)}."
        raise EventRefused(Reason.MISSING_DIMENSIONS, message, f"payload[{missing[0]}]")
    for key in keys:
        if len(payload[key]) > VALUE_CHARACTERS:
            message = (
                f"The value of a dimension must have 1 to {VALUE_CHARACTERS} characters: "
                f"{key} has {len(payload[key])}."
            )
            raise EventRefused(Reason.INVALID_VALUE, message, f"payload[{key}]")
    return tuple(payload[key] for key in keys)


def too_many_cells(rules: MeterRules) -> EventRefused:
    """The refusal of an event of a cell that is one too many."""
    keys = ", ".join(rules.measure.dimensions)
    message = (
        f"A customer's usage of a meter has at most {MOST_CELLS} combinations of dimension values"
        f" ({keys}) in a calendar month: this event would add another one."
    )
    return EventRefused(
        Reason.TOO_MANY_DIMENSIONS, message, f"payload[{rules.measure.dimensions[0]}]"
    )


def check_timestamp(timestamp: int, now: int) -> None:
    """An event's time must lie within 35 days before and 5 minutes after its customer's ``now``."""
    if timestamp > now + FUTURE_LIMIT_SECONDS:
        message = (
            "The timestamp must not be more than 5 minutes in the future: "
            f"{timestamp} is {timestamp - now} seconds after the customer's current time {now}."
        )
        raise EventRefused(Reason.TIMESTAMP_IN_FUTURE, message, "timestamp")
    if timestamp < now - PAST_LIMIT_SECONDS:
        message = (
            "The timestamp must be within the past 35 calendar days: "
            f"{timestamp} is {now - timestamp} seconds before the customer's current time {now}."
        )
        raise EventRefused(Reason.TIMESTAMP_TOO_FAR_IN_PAST, message, "timestamp")


def _digest(text: str, param: str) -> Decimal:
    if not 0 < len(text) <= DISTINCT_CHARACTERS:
        message = f"The value must have 1 to {DISTINCT_CHARACTERS} characters: got {len(text)}."
        raise EventRefused(Reason.INVALID_VALUE, message, param)
    return distinct.value_of(text)


def _number(text: str, param: str) -> Decimal:
    if len(text) <= VALUE_DIGITS and text.isascii() and text.isdigit():
        return Decimal(text)
    if len(text) > _LONGEST_NUMBER or not _NUMBER.fullmatch(text):
        message = f"The value must be a number, such as 25 or -0.5: got '{text[:40]}'."
        raise EventRefused(Reason.INVALID_VALUE, message, param)
    value = Decimal(text)
    if not value:
        return ZERO
    value = value.normalize(_ALL_DIGITS)
    _, digits, exponent = value.as_tuple()
    places = -int(exponent)
    if len(digits) > VALUE_DIGITS or places > VALUE_DIGITS or len(digits) - places > VALUE_DIGITS:
        message = (
            f"The value has too many digits: at most {VALUE_DIGITS} significant ones, "
            f"{VALUE_DIGITS} of them before or after the point: got '{text[:40]}'."
        )
        raise EventRefused(Reason.TOO_MANY_DIGITS, message, param)
    return value
