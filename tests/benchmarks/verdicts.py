"""The tables that a run prints: one for each section, and at the end what is promised and kept."""

from collections.abc import Iterable, Iterator, Sequence

from rich.table import Table

from tests.benchmarks.promises import PROMISES
from tests.benchmarks.results import Result
from tests.benchmarks.sections import Section

MOST_SECONDS = 300
"""How long a whole run may take."""

MISSED = "bold red"


def table_of(section: Section) -> Table:
    """The figures of a section; those that miss their goals are red."""
    columns = ("figure", "value", "unit", "floor", "ratio", "goal")
    table = Table(*columns, title=section.title, title_justify="left")
    for result in section.results:
        numbers = [result.value, result.floor, result.ratio]
        value, floor, ratio = ("" if number is None else _number(number) for number in numbers)
        goal = result.goal.text if result.goal else ""
        style = None if result.is_met else MISSED
        table.add_row(result.name, value, result.unit, floor, ratio, goal, style=style)
    return table


def table_of_promises(sections: Sequence[Section]) -> Table:
    """What is promised of what these sections measure, the worst figure that a promise covers, and
    whether it is kept.
    """
    columns = ("what is promised", "goal", "worst", "figures", "verdict", "alone")
    table = Table(*columns, title="Goals", title_justify="left")
    for promise in PROMISES:
        covered = [one for one in _figures(sections) if one[1].goal == promise]
        if covered:
            is_kept = all(result.is_met for _, result in covered)
            table.add_row(
                promise.title,
                promise.text,
                _number(promise.worst(result.judged for _, result in covered)),
                str(len(covered)),
                "met" if is_kept else "missed",
                f"make bench ARGS={covered[0][0].name}",
                style=None if is_kept else MISSED,
            )
    return table


def missed(sections: Sequence[Section]) -> list[str]:
    """A line for each goal that is missed, promised or not."""
    return [
        f"{section.title}: {result.name}: {_number(result.judged)}, not {result.goal.text}"
        for section, result in _figures(sections)
        if result.goal and not result.is_met
    ]


def summary(sections: Sequence[Section]) -> str:
    """How many of all goals are met."""
    goals = sum(result.goal is not None for _, result in _figures(sections))
    return f"{goals - len(missed(sections))} of {goals} goals are met."


def times(sections: Sequence[Section], seconds: float) -> str:
    """How long each section took, the longest first, and all of them, some side by side."""
    longest = sorted(sections, key=lambda section: section.seconds, reverse=True)
    each = ", ".join(f"{section.title} {section.seconds:.0f}" for section in longest)
    return f"Seconds: {each}. The whole: {seconds:.0f} of at most {MOST_SECONDS}."


def _figures(sections: Iterable[Section]) -> Iterator[tuple[Section, Result]]:
    for section in sections:
        for result in section.results:
            yield section, result


def _number(number: float) -> str:
    return f"{number:,.4g}"
