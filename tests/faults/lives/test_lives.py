"""Random lives on test clocks: whatever is asked of a subscription, the rules of billing hold.

``--lives`` says how many of each kind, ``--life-seed`` lives one of them again. A life in which a
rule is broken is told as the requests that it needs for that, so that it can be made a story.
"""

from collections.abc import Iterable

import pytest

from meterline.api import app
from tests.faults.broken import BrokenRuleError
from tests.faults.lives.kinds import KINDS
from tests.faults.lives.life import Lives, Step
from tests.faults.lives.rules import Rules
from tests.faults.lives.steps import VERBS

SHARES = 2

FEW, MANY = {"notes": 12, "offers": 10}, 40
"""How many lives of a kind are lived unless more than so many are asked for: offers take longer."""


@pytest.mark.parametrize("share", range(SHARES))
@pytest.mark.parametrize("kind", KINDS)
def test_the_rules_hold_in_every_life(
    request: pytest.FixtureRequest,
    lives: Lives,
    kind: str,
    share: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if (kind, share) != ("anything", 0):
        # The answers of one share are held against the schema; that of all takes a third longer.
        monkeypatch.setattr(app, "handle", app.handle.__wrapped__)  # type: ignore[attr-defined]
    reports: dict[str, str] = {}
    for seed in seeds_of(request, kind, share):
        steps = lives.drawn(seed, KINDS[kind])
        fault = broken(lives, steps)
        if fault is not None and fault.rule not in reports:
            reports[fault.rule] = told(lives, seed, steps, fault)
    if reports:
        pytest.fail("\n\n".join(reports.values()), pytrace=False)


def seeds_of(request: pytest.FixtureRequest, kind: str, share: int) -> Iterable[int]:
    """The seeds of a share of the test; the one that was asked for in the first share only."""
    only = request.config.getoption("--life-seed")
    if only is not None:
        return [only] * (share == 0)
    number = request.config.getoption("--lives")
    return range(share, number if number > MANY else min(number, FEW.get(kind, number)), SHARES)


def broken(lives: Lives, steps: list[Step]) -> BrokenRuleError | None:
    """The rule that a life breaks, if it does."""
    try:
        lives.live(steps, VERBS, Rules)
    except BrokenRuleError as fault:
        return fault
    return None


def told(lives: Lives, seed: int, steps: list[Step], fault: BrokenRuleError) -> str:
    """The shortest life found in which the same rule is broken, as what is asked in it."""

    def fails(fewer: list[Step]) -> bool:
        again = broken(lives, fewer)
        return again is not None and again.rule == fault.rule

    fewest = lives.shrunk(steps, fails)
    shortest = broken(lives, fewest)
    assert shortest is not None
    cause = shortest.__cause__
    lines = [f"{type(cause).__name__}: {cause}"] if cause is not None else []
    history = "\n".join(f"  {line}" for line in lives.shop.history)
    return "\n".join(
        [
            f"life {seed} (again with: make test-runs ARGS=--life-seed={seed})",
            *lines,
            f"{shortest}",
            history,
        ]
    )
