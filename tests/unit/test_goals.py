"""How the benchmarks judge a figure by its goal, and what a run says of all goals at its end."""

import re
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from tests.benchmarks import promises, sections, verdicts
from tests.benchmarks.goals import Flat, Goal, Promise, at_least, at_most, below
from tests.benchmarks.promises import PROMISES
from tests.benchmarks.results import Result
from tests.benchmarks.sections import Section

NONE = float("nan")

# goal | figures that meet it | figures that miss it | how it reads
GOALS: list[tuple[Goal, list[float], list[float], str]] = [
    (at_most(0.30), [-1, 0, 0.30], [0.3001, NONE], "≤ 0.3"),
    (at_most(0), [0], [1], "≤ 0"),
    (below(7), [6.999], [7, 8, NONE], "< 7"),
    (at_least(1_000), [1_000, 2_000], [999.9, NONE], "≥ 1,000"),
    (at_most(1.25).of_ratio(), [1.25], [1.26], "ratio ≤ 1.25"),
]


@pytest.mark.parametrize(("goal", "meets", "misses", "text"), GOALS)
def test_a_goal_says_which_figures_meet_it(
    goal: Goal, meets: list[float], misses: list[float], text: str
) -> None:
    assert [goal.is_met_by(number) for number in meets] == [True] * len(meets)
    assert [goal.is_met_by(number) for number in misses] == [False] * len(misses)
    assert goal.text == text


@pytest.mark.parametrize(("goal", "worst"), [(at_most(2), 3), (below(2), 3), (at_least(2), 1)])
def test_the_worst_figure_is_the_one_on_the_side_of_missing(goal: Goal, worst: float) -> None:
    assert goal.worst([2, 1, 3]) == worst


# goal | value | ratio | whether the figure meets it
@pytest.mark.parametrize(
    ("goal", "value", "ratio", "met"),
    [
        (at_most(2), 1, 9, True),
        (at_most(2), 9, 1, False),
        (at_most(2).of_ratio(), 9, 1, True),
        (at_most(2).of_ratio(), 1, 9, False),
        (None, 9, 9, True),
    ],
)
def test_a_figure_is_judged_by_its_value_or_by_its_ratio(
    goal: Goal | None,
    value: float,
    ratio: float,
    met: bool,  # noqa: FBT001 - a case
) -> None:
    assert Result("a", value, "ms", floor=1, ratio=ratio, goal=goal).is_met is met


def test_a_goal_of_the_ratio_needs_a_ratio() -> None:
    with pytest.raises(AssertionError, match="of its ratio"):
        assert Result("a", 1, "ms", goal=at_most(2).of_ratio()).is_met


def test_what_is_flat_is_held_against_the_first_size_of_its_own_name() -> None:
    flat = Flat()
    assert [flat.goal("calls", 2), flat.goal("units", 4, times=2.5)] == [None, None]
    assert flat.goal("calls", 3) == at_most(2)
    assert flat.goal("units", 9, times=2.5) == at_most(10)
    assert flat.goal("calls", 9) == at_most(2)


def test_a_line_of_json_keeps_the_verdict() -> None:
    missed = Result("a", 3, "$", goal=at_most(2))
    assert missed.row() == {"name": "a", "value": 3, "unit": "$", "goal": "≤ 2", "met": False}
    assert Result("a", 0, "$").row() == {"name": "a", "value": 0, "unit": "$"}


LESS, MORE = promises.WATCHED_DOLLARS, promises.WATCHED_CHANGES
STARTS = promises.COLD_START
DONE = [
    Section("lone", [Result("x", 0.2, "$", goal=LESS), Result("y", 0.1, "$", goal=LESS)], 1.2),
    Section(
        "all_kinds",
        [
            Result("z", 0.4, "$", goal=LESS),
            Result("rate", 1_500, "/s", goal=MORE),
            Result("other", 3, "$", goal=at_most(2)),
            Result("free", 3, "$"),
        ],
        7.0,
    ),
]


def printed(done: list[Section]) -> list[str]:
    """The rows of the closing table, their columns divided by a bar."""
    console = Console(width=200, record=True, file=StringIO())
    console.print(verdicts.table_of_promises(done))
    rows = re.findall(r"^│(.*)│$", console.export_text(), re.MULTILINE)
    return ["|".join(cell.strip() for cell in row.split("│")) for row in rows]


def test_a_promise_is_kept_if_the_worst_figure_that_it_covers_keeps_it() -> None:
    assert printed(DONE) == [
        f"{LESS.title}|≤ 0.3|0.4|3|missed|make bench ARGS=lone",
        f"{MORE.title}|≥ 1,000|1,500|1|met|make bench ARGS=all_kinds",
    ]
    started = [Result(f"{ratio}", 250, "ms", 150, ratio, goal=STARTS) for ratio in (1.5, 1.6)]
    assert printed([Section("cold_start", started, 9)]) == [
        f"{STARTS.title}|ratio ≤ 1.7|1.6|2|met|make bench ARGS=cold_start",
    ]
    assert printed(DONE[:1]) == [f"{LESS.title}|≤ 0.3|0.2|2|met|make bench ARGS=lone"]


def test_each_goal_that_is_missed_is_listed_promised_or_not() -> None:
    assert verdicts.missed(DONE) == [
        "all kinds: z: 0.4, not ≤ 0.3",
        "all kinds: other: 3, not ≤ 2",
    ]
    assert verdicts.summary(DONE) == "3 of 5 goals are met."


def test_a_run_says_how_long_it_took_and_may_take() -> None:
    assert verdicts.times(DONE, 7.6) == (
        "Seconds: all kinds 7, lone 1. The whole: 8 of at most 300."
    )


def test_each_promise_has_words_of_its_own_and_figures() -> None:
    assert len({promise.title for promise in PROMISES}) == len(PROMISES)
    benchmarks = "".join(
        path.read_text() for path in Path(sections.__file__).parent.glob("bench_*")
    )
    names = [name for name, value in vars(promises).items() if isinstance(value, Promise)]
    assert [name for name in names if not re.search(rf"\b{name}\b", benchmarks)] == []


def test_what_counts_runs_first_and_each_section_once() -> None:
    assert sorted(sections.chosen([])) == sorted(sections.SECTIONS)
    assert sections.chosen(["core", "shards", "watching"]) == ["watching", "shards", "core"]
    assert set(sections.COUNTING) <= set(sections.SECTIONS)
