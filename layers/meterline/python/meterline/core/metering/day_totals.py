"""When a day's total may stand for its hours: the rules that keep it equal to them.

A total is added up from the hours of a day once the day is *settled*: over for twelve hours.
Whoever changes an hour later marks its day *before* that, which takes the total away; a mark ripens
for an hour before the day may be added up again. So whatever was decided without a mark, or by the
light of an older one, has long arrived, or never will: no function runs for a quarter of an hour.
"""

from decimal import Decimal

from meterline.core.base.money import format_decimal
from meterline.core.metering.aggregation import Aggregate, Formula, Measure, Row

DAY_SECONDS = 86_400
DAY_HOURS = 24

SETTLED_SECONDS = 12 * 3_600
"""So long after its end a day may be added up: usage sent overnight needs no mark."""

LATE_SECONDS = 11 * 3_600
"""So long after its end changes of a day are marked; an hour earlier than anybody adds it up."""

RIPE_SECONDS = 3_600
"""So old is a mark before its day may be added up."""

FRESH_SECONDS = 1_800
"""So long a mark serves for more changes of its day."""

_MARK = "!"
_FORMULAS = frozenset(
    {Formula.SUM, Formula.COUNT, Formula.AVG, Formula.MAX, Formula.MIN, Formula.WEIGHTED_SUM}
)

type State = str | None
"""What is stored of a day: nothing, ``!<second>`` when it was marked, or its total."""


def has_day_totals(measure: Measure) -> bool:
    """Whether a few numbers say what a day comes to; else hours are read, as ever."""
    return measure.window is None and measure.formula in _FORMULAS


def day_of(hour: int) -> int:
    """The UTC day of an hour, both counted since 1970."""
    return hour // DAY_HOURS


def latest_settled(now: int) -> int:
    """The last day that may be added up at ``now`` (wall clock, UTC seconds)."""
    return (now - SETTLED_SECONDS) // DAY_SECONDS - 1


def is_late(day: int, now: int) -> bool:
    """Whether a change of the day's hours must be marked before it is made."""
    return now >= (day + 1) * DAY_SECONDS + LATE_SECONDS


def mark(now: int) -> str:
    """What is stored of a day of which an hour is about to change."""
    return f"{_MARK}{now}"


def serves(state: State, now: int) -> bool:
    """Whether the day is marked freshly enough for one more change."""
    return _is_marked(state) and now - _marked_at(state) < FRESH_SECONDS


def is_open(state: State, now: int) -> bool:
    """Whether a settled day without a total may be added up."""
    return state is None or (_is_marked(state) and now - _marked_at(state) >= RIPE_SECONDS)


def text_of(whole: Aggregate) -> str:
    """A total as it is stored: of levels with its first second, its last one and the level then."""
    further: list[str] = []
    if whole.extreme is not None:
        further = [format_decimal(whole.extreme)]
    if whole.first is not None and whole.chosen is not None:
        last = whole.chosen
        further = [str(whole.first), str(last.timestamp), format_decimal(last.value)]
    return " ".join([str(whole.count), format_decimal(whole.total), *further])


def total_of(state: State) -> Aggregate | None:
    """The total that is stored of a day, if one is."""
    if state is None or _is_marked(state):
        return None
    count, total, *further = state.split(" ")
    match further:
        case [first, last, level]:
            chosen = Row(b"", int(last), Decimal(level))
            return Aggregate(int(count), Decimal(total), chosen=chosen, first=int(first))
        case [extreme]:
            return Aggregate(int(count), Decimal(total), Decimal(extreme))
        case _:
            return Aggregate(int(count), Decimal(total))


def _is_marked(state: State) -> bool:
    return state is not None and state.startswith(_MARK)


def _marked_at(state: State) -> int:
    return int(state[1:]) if state else 0
