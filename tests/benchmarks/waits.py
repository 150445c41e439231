"""How many calls had to wait for another: by what waits for what, and not by the clock.

A call waits for those that its thread made before, for those that had been made when its thread was
given its work, and for those of works whose outcomes its thread has taken, or whose end it has
waited for. So calls side by side count once, however a machine schedules them.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from itertools import chain
from threading import local
from typing import Any
from unittest.mock import patch
from weakref import WeakKeyDictionary

from meterline.store.base import clients, first_attempts

type Outcome = Callable[[], Any]
type Outcomes = Callable[[Any, str, Sequence[Any]], list[Outcome]]


class Waits:
    """The longest chain of calls of which each waited for the one before."""

    def __init__(self) -> None:
        self.longest = 0
        self._thread = local()
        self._ends: WeakKeyDictionary[Future[Any], list[int]] = WeakKeyDictionary()
        """How long the chain was at the end of a work; nothing as long as it goes on."""
        self._works: WeakKeyDictionary[ThreadPoolExecutor, list[list[int]]] = WeakKeyDictionary()
        """The same of all works of a pool."""

    def call(self) -> None:
        """A call is made, by this thread."""
        self._length += 1
        self.longest = max(self.longest, self._length)

    @contextmanager
    def followed(self) -> Iterator[None]:
        """Follow what threads give each other to do inside, and what outcomes they take."""
        submit, result, shut = ThreadPoolExecutor.submit, Future.result, ThreadPoolExecutor.shutdown

        def submitting(
            pool: ThreadPoolExecutor, work: Callable[..., Any], /, *given: Any, **named: Any
        ) -> Future[Any]:
            begun, ends = self._length, list[int]()

            def following() -> Any:
                self._length = begun
                try:
                    return work(*given, **named)
                finally:
                    ends.append(self._length)

            future = submit(pool, following)
            self._ends[future] = ends
            self._works.setdefault(pool, []).append(ends)
            return future

        def taking(future: Future[Any], timeout: float | None = None) -> Any:
            try:
                return result(future, timeout)
            finally:
                self._length = max(self._length, *self._ends.get(future, ()), 0)

        def shutting(pool: ThreadPoolExecutor, wait: bool = True, **how: bool) -> None:  # noqa: FBT001, FBT002 - as it is
            shut(pool, wait, **how)
            if wait:
                self._length = max(self._length, *chain(*self._works.get(pool, ())), 0)

        def side_by_side(one_by_one: Outcomes) -> Outcomes:
            def together(client: Any, name: str, calls: Sequence[Any]) -> list[Outcome]:
                return self._side_by_side(one_by_one(client, name, calls))

            return together

        by_botocore, by_fakes = first_attempts.one_by_one, clients._one_by_one  # noqa: SLF001 - both
        with (
            patch.object(clients, "_one_by_one", side_by_side(by_fakes)),
            patch.object(first_attempts, "one_by_one", side_by_side(by_botocore)),
            patch.object(ThreadPoolExecutor, "submit", submitting),
            patch.object(ThreadPoolExecutor, "shutdown", shutting),
            patch.object(Future, "result", taking),
        ):
            yield

    def _side_by_side(self, outcomes: Sequence[Outcome]) -> list[Outcome]:
        """The same, of which none waits for another: each begins where the first began."""
        begun, ends = self._length, [self._length]

        def asked(outcome: Outcome) -> Any:
            self._length = begun
            try:
                return outcome()
            finally:
                ends.append(self._length)
                self._length = max(ends)

        return [partial(asked, outcome) for outcome in outcomes]

    @property
    def _length(self) -> int:
        return int(getattr(self._thread, "length", 0))

    @_length.setter
    def _length(self, length: int) -> None:
        self._thread.length = length
