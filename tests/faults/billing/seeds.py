"""Which seeds random tests live, and how: one of whoever is told something is a whole life."""

from collections.abc import Callable, Iterable

import pytest

from tests.faults.billing.world import NOW, World

SHARES = 4
"""A test's seeds are shared out to so many tests, for workers side by side."""


def seeds_of(request: pytest.FixtureRequest, share: int, shares: int) -> Iterable[int]:
    """The seeds of a share of the test; the one that was asked for in the first share only."""
    return _of(request, share, shares, "--run-seeds")


def _of(request: pytest.FixtureRequest, share: int, shares: int, option: str) -> Iterable[int]:
    only = request.config.getoption("--run-seed")
    if only is not None:
        return [only] * (share == 0)
    return range(share, request.config.getoption(option), shares)


def live_each(
    request: pytest.FixtureRequest, world: World, live: Callable[[World, int], object], share: int
) -> None:
    """Live the seeds of a share, or the one asked for; raises what the first bad one does."""
    for seed in _of(request, share, SHARES, "--told-seeds"):
        try:
            live_alone(world, live, seed)
        except BaseException as error:
            error.add_note(f"again with: make test-runs ARGS=--run-seed={seed}")
            raise


def live_alone(world: World, live: Callable[[World, int], object], seed: int) -> None:
    """Live one seed on empty tables, its ids its own."""
    world.restore({name: {} for name in world.engine.tables})
    world.clock.now = NOW
    world.seed_ids(seed)
    live(world, seed)
