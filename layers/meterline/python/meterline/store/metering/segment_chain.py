"""Which segments of an hour its counter has: each names the one before it, the counter the newest.

Rows that a counter has counted already are copied into a segment before the counter lets go of
them. Where that loses its race, or dies in between, the copy is left behind: no counter and no
segment names it. It is passed over here, wherever segments are read.
"""

from collections.abc import Mapping
from typing import Any, Final

PRIOR: Final = "p"
"""The attribute that names the commit before that moved rows; _FIRST if there was none."""

_FIRST: Final = "-"
_NUMBER_DIGITS: Final = 2
"""The segments of one commit differ in the last two digits of their keys."""


class Chain:
    """The segments of a counter, which are met from the newest one on backwards."""

    def __init__(self, newest: str) -> None:
        """Begin with the end of the newest one's key ("": a counter that does not tell)."""
        self._commit = ""
        self._next = _commit_of(newest) if newest else None

    def has(self, key: str, segment: Mapping[str, Any]) -> bool:
        """Whether a segment, with its key, is one of these.

        Former releases named nothing, and left no copies behind: what is before theirs is one.
        """
        commit = _commit_of(key)
        if commit == self._commit:
            return True
        if self._next is not None and commit != self._next:
            return False
        self._commit = commit
        self._next = segment[PRIOR]["S"] if PRIOR in segment else None
        return True


def prior_of(newest: str) -> dict[str, Any]:
    """The attribute of a segment that follows the one whose key ends so ("": the first one)."""
    return {PRIOR: {"S": _commit_of(newest) if newest else _FIRST}}


def _commit_of(key: str) -> str:
    """What tells the commits of an hour that moved rows apart, from the end of a segment's key."""
    return key.rpartition("#")[2][:-_NUMBER_DIGITS]
