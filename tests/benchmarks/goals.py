"""What figures have to be: bounds that judge them."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Literal, Self


class Bound(StrEnum):
    """On which side of its limit a figure has to be, as people write it."""

    AT_MOST = "≤"
    BELOW = "<"
    AT_LEAST = "≥"


@dataclass(frozen=True, slots=True)
class Goal:
    """A limit of a figure's value, or of its ratio to the floor, in the figure's unit."""

    bound: Bound
    limit: float
    of: Literal["value", "ratio"] = "value"

    @property
    def text(self) -> str:
        """The goal as a person reads it."""
        limit = f"{self.bound} {self.limit:,.4g}"
        return limit if self.of == "value" else f"{self.of} {limit}"

    def of_ratio(self) -> Self:
        """The same limit of the ratio to the floor."""
        return replace(self, of="ratio")

    def is_met_by(self, number: float) -> bool:
        """Whether a figure keeps to it; what is not a number keeps to nothing."""
        match self.bound:
            case Bound.AT_MOST:
                return number <= self.limit
            case Bound.BELOW:
                return number < self.limit
            case Bound.AT_LEAST:
                return number >= self.limit

    def worst(self, numbers: Iterable[float]) -> float:
        """The figure that is nearest to missing it, or misses it by the most."""
        return min(numbers) if self.bound is Bound.AT_LEAST else max(numbers)


@dataclass(frozen=True, slots=True)
class Promise(Goal):
    """A goal that the product is held to by whoever decides for it, in words of its own.

    It covers each figure that has it; the worst of them tells whether it is kept.
    """

    title: str = ""

    @classmethod
    def that(cls, title: str, goal: Goal) -> "Promise":
        """The promise that a goal is met."""
        return cls(goal.bound, goal.limit, goal.of, title)


def at_most(limit: float) -> Goal:
    """No more than this."""
    return Goal(Bound.AT_MOST, limit)


def below(limit: float) -> Goal:
    """Less than this."""
    return Goal(Bound.BELOW, limit)


def at_least(limit: float) -> Goal:
    """No less than this."""
    return Goal(Bound.AT_LEAST, limit)


class Flat:
    """Goals of figures that must not grow with a size: those of the first size bound the others."""

    def __init__(self) -> None:
        self._first: dict[str, float] = {}

    def goal(self, name: str, number: float, *, times: float = 1) -> Goal | None:
        """At most so many times the first figure of this name, which has no goal itself."""
        if name in self._first:
            return at_most(times * self._first[name])
        self._first[name] = number
        return None
