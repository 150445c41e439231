"""Totals of days in the Usage table: ``d#2026-01`` beside the counters, one item for each month.

Each day has an attribute of its own, named by two digits: what ``core.metering.day_totals`` calls
its state. ``version`` grows by one with each change, and is the condition of the next.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field
from datetime import date, timedelta
from itertools import batched
from typing import Any

from meterline.core.base.frozen import frozen
from meterline.core.metering import day_totals
from meterline.core.metering.aggregation import Aggregate
from meterline.core.metering.day_totals import State, text_of
from meterline.store.base.batches import (
    RETRIABLE,
    STATEMENT_LIMIT,
    Throttled,
    batch_get,
    tries,
)
from meterline.store.base.clients import dynamodb
from meterline.store.base.settings import settings
from meterline.store.metering.usage import BucketKey, query_between

type Item = dict[str, Any]
type Place = tuple[str, str]

_EPOCH = date(1970, 1, 1)
_RACES = frozenset({"ConditionalCheckFailed", "DuplicateItem"})
_MOST_DAYS = (date.max - _EPOCH).days
_NUMBER_LENGTH = 2
_PREFIX = "d#"


@frozen
class Month:
    """What is stored of the days of a month; version 0 is one yet to be."""

    place: Place
    version: int = 0
    states: Mapping[int, str] = field(default_factory=dict)


def months_query(pk: str, days: range) -> Item:
    """The question for what is stored of a range of days, consistently."""
    return query_between(pk, _month(days.start), _month(days.stop - 1))


def states_of(months: Iterable[Item], days: range) -> dict[int, State]:
    """The states of a range of days, in order, as far as the months have anything of them."""
    found: dict[int, State] = {}
    for item in months:
        found |= _read(item).states
    return {day: state for day, state in sorted(found.items()) if day in days}


def months_of(pk: str, days: range) -> list[Month]:
    """The months of a range of days in a partition; consistently."""
    return list(_read_months({(pk, _month(day)) for day in days}).values())


def mark_late(keys: Iterable[BucketKey], now: int) -> None:
    """To be called before hours are changed: take away the totals of those whose days may have one.

    ``now`` is the wall clock. Throttled when some could not be marked: then nothing may be changed.
    """
    late: dict[Place, set[int]] = {}
    for key in keys:
        day = day_totals.day_of(key.hour)
        if day_totals.is_late(day, now):
            late.setdefault((key.partition, _month(day)), set()).add(day)
    for _ in tries():
        months = _read_months(late) if late else {}
        wanted = {
            place: [
                day for day in days if not day_totals.serves(months[place].states.get(day), now)
            ]
            for place, days in late.items()
        }
        stamp = day_totals.mark(now)
        refused = _change(
            [(months[place], dict.fromkeys(days, stamp)) for place, days in wanted.items() if days]
        )
        late = {place: late[place] for place in refused}
        if not late:
            return
    raise Throttled(f"{len(late)} months could not be marked")


def save_totals(months: Sequence[Month], totals: Mapping[int, Aggregate]) -> None:
    """Store totals of days, where the months are still what was read; none of a month that nothing
    is stored of and without events.
    """
    changes: list[tuple[Month, Mapping[int, str]]] = []
    for month in months:
        own = {day: whole for day, whole in totals.items() if _month(day) == month.place[1]}
        if any(whole.count or month.version for whole in own.values()):
            changes.append((month, {day: text_of(whole) for day, whole in own.items()}))
    _change(changes)


def _change(changes: Sequence[tuple[Month, Mapping[int, str]]]) -> list[Place]:
    """Give days states, each month under its version; the places of those that were refused."""
    refused: list[Place] = []
    for some in batched(changes, STATEMENT_LIMIT, strict=False):
        statements = [_statement(month, states) for month, states in some]
        answers = dynamodb().batch_execute_statement(Statements=statements)["Responses"]
        for (month, _), answer in zip(some, answers, strict=True):
            code = answer["Error"]["Code"] if "Error" in answer else None
            if code in _RACES or code in RETRIABLE:
                refused.append(month.place)
            elif code is not None:
                raise RuntimeError(f"DynamoDB refused totals of days: {code}")
    return refused


def _statement(month: Month, states: Mapping[int, str]) -> Item:
    table, (pk, sk) = settings().usage_table, month.place
    values: Item = {"version": {"N": str(month.version + 1)}}
    values |= {_name(day): {"S": state} for day, state in states.items()}
    if not month.version:
        item = {"pk": {"S": pk}, "sk": {"S": sk}, **values}
        places = ", ".join([f"'{name}': ?" for name in item])
        return {
            "Statement": f'INSERT INTO "{table}" VALUE {{{places}}}',
            "Parameters": list(item.values()),
        }
    sets = " ".join([f'SET "{name}" = ?' for name in values])
    where = 'WHERE "pk" = ? AND "sk" = ? AND "version" = ?'
    return {
        "Statement": f'UPDATE "{table}" {sets} {where}',
        "Parameters": [*values.values(), {"S": pk}, {"S": sk}, {"N": str(month.version)}],
    }


def _read_months(places: Iterable[Place]) -> dict[Place, Month]:
    months = {place: Month(place) for place in places}
    wanted = [{"pk": {"S": pk}, "sk": {"S": sk}} for pk, sk in months]
    for item in batch_get(settings().usage_table, wanted):
        month = _read(item)
        months[month.place] = month
    return months


def _read(item: Item) -> Month:
    sk = item["sk"]["S"]
    year, month = sk.removeprefix(_PREFIX).split("-")
    first = (date(int(year), int(month), 1) - _EPOCH).days
    days = (name for name in item if len(name) == _NUMBER_LENGTH and name.isdigit())
    states = {first + int(name) - 1: item[name]["S"] for name in days}
    return Month((item["pk"]["S"], sk), int(item["version"]["N"]), states)


def _month(day: int) -> str:
    """The sort key of a day's month."""
    return f"{_PREFIX}{_date(day):%Y-%m}"


def _name(day: int) -> str:
    return f"{_date(day).day:02d}"


def _date(day: int) -> date:
    return _EPOCH + timedelta(days=min(day, _MOST_DAYS))
