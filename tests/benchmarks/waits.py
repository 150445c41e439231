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

        def side_by_side(call: Callable[[Any], Any], many: Sequence[Any]) -> list[Any]:
            begun, ends, answers = self._length, [self._length], []
            for params in many:
                self._length = begun
                answers.append(call(params))
                ends.append(self._length)
            self._length = max(ends)
            return answers

        def queries(client: Any, many: Sequence[dict[str, Any]]) -> list[Any]:
            return side_by_side(lambda query: client.query(**query), many)

        def calls(client: Any, operation: str, many: Sequence[dict[str, Any]]) -> list[Any]:
            return side_by_side(partial(client._make_api_call, operation), many)  # noqa: SLF001 - any operation

        with (
            patch.object(clients, "_query_one_by_one", queries),
            patch.object(first_attempts, "one_by_one", calls),
            patch.object(ThreadPoolExecutor, "submit", submitting),
            patch.object(ThreadPoolExecutor, "shutdown", shutting),
            patch.object(Future, "result", taking),
        ):
            yield

    @property
    def _length(self) -> int:
        return int(getattr(self._thread, "length", 0))

    @_length.setter
    def _length(self, length: int) -> None:
        self._thread.length = length
