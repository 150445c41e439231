"""No regular expression takes longer for a text than the text is long: a request may hold any.

A backtracking pattern is fed what it repeats, again and again, and an end that it cannot take. What
takes steps in the square of the length, or worse, is caught far below what a request may carry.
"""

import re
import time

import pytest

from tests.unit.patterns import Use, uses, worst_texts

USES = uses()
LENGTHS = (8, 12, 16, 20, 24, 3_000)
MOST_SECONDS = 0.02
"""A linear pattern needs a hundredth of it for the longest text, a quadratic one twice as much."""


def slow_on(use: Use) -> tuple[str, str, str] | None:
    """A text that the pattern takes too long for, if there is one."""
    for start, pump, end in worst_texts(use.pattern):
        for length in LENGTHS:
            if _is_slow(use, start + pump * length + end):
                return start, pump, end
    return None


def _is_slow(use: Use, text: str) -> bool:
    """Whether it takes too long, and not only while the machine does something else."""
    for _ in range(3):
        began = time.thread_time()
        use.run(text)
        if time.thread_time() - began < MOST_SECONDS:
            return False
    return True


@pytest.mark.parametrize("use", USES, ids=lambda use: use.where)
def test_a_pattern_takes_time_in_proportion_to_the_text(use: Use) -> None:
    assert slow_on(use) is None, use.pattern.pattern


def test_the_patterns_of_the_source_are_found() -> None:
    places = {use.where.partition(":")[0] for use in USES}
    assert {
        "a parameter",
        "meterline/api/forms.py",
        "meterline/core/metering/acceptance.py",
        "meterline/services/base/search.py",
    } <= places


@pytest.mark.parametrize(
    ("pattern", "method"),
    [
        (r"(a+)+b", "match"),
        (r"(a|a)*b", "match"),
        (r"x(?:\\.|(?!').)*'", "match"),
        (r"[+-]?\d+\.?\d*", "fullmatch"),
        (r"(\w+\s?)*$", "fullmatch"),
        (r"\s+$", "search"),
        (r"<(.*)>", "findall"),
    ],
)
def test_patterns_that_backtrack_are_noticed(pattern: str, method: str) -> None:
    assert slow_on(Use("an example", re.compile(pattern), (method,))) is not None
