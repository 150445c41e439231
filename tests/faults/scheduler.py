"""Runs pieces of ordinary code in turns that a seed decides: one runs until it calls the engine."""

import random
import threading
from collections.abc import Callable

from botocore.exceptions import ClientError, ReadTimeoutError

from meterline.store.base.batches import Throttled


class Killed(BaseException):
    """The process of a task ended here: nothing of it catches this."""


class Task:
    """A piece of code on a thread that stops at each engine call."""

    def __init__(self, scheduler: "Scheduler", work: Callable[[], None]) -> None:
        self.is_done = False
        self.error: BaseException | None = None
        self._scheduler = scheduler
        self._work = work
        self._turn = _taken_lock()
        self._thread: _Thread | None = None

    def resume(self) -> None:
        """Let it run up to its next engine call, or its end."""
        if self._thread is None:
            self._thread = _IDLE.pop() if _IDLE else _Thread()
            self._thread.run(self._run)
        else:
            self._turn.release()
        self._scheduler.stopped.acquire()
        if self.is_done:
            _IDLE.append(self._thread)

    def pause(self) -> None:
        """Called on the task's thread: wait for the next turn."""
        self._scheduler.stopped.release()
        self._turn.acquire()

    def _run(self) -> None:
        self._scheduler.local.task = self
        try:
            self._work()
        except BaseException as error:  # noqa: BLE001 - whoever waits for the task looks at it
            self.error = error
        self.is_done = True
        self._scheduler.stopped.release()


class _Thread:
    """A thread that runs one task after another: to start one takes as long as many a task.

    Turns are given by plain locks, each taken until somebody else releases it: a semaphore is
    written in Python, and took a third of all time.
    """

    def __init__(self) -> None:
        self._turn = _taken_lock()
        self._work: Callable[[], None] | None = None
        threading.Thread(target=self._loop, daemon=True).start()

    def run(self, work: Callable[[], None]) -> None:
        """Let it do this; only while it does nothing else."""
        self._work = work
        self._turn.release()

    def _loop(self) -> None:
        while True:
            self._turn.acquire()
            work, self._work = self._work, None
            assert work is not None
            work()
            del work


_IDLE: list[_Thread] = []


def _taken_lock() -> threading.Lock:
    lock = threading.Lock()
    lock.acquire()
    return lock


class Scheduler:
    """All tasks of a simulation."""

    def __init__(self, chance: random.Random) -> None:
        self.tasks: list[Task] = []
        self.expected = (Killed, ClientError, ReadTimeoutError, Throttled)
        self.stopped = _taken_lock()
        self.local = threading.local()
        self._chance = chance

    def spawn(self, work: Callable[[], None]) -> Task:
        """A new task; it runs when its turn comes."""
        task = Task(self, work)
        self.tasks.append(task)
        return task

    def pause(self) -> None:
        """Called by the engine: give the turn back, if this is a task at all."""
        task: Task | None = getattr(self.local, "task", None)
        if task is not None:
            task.pause()

    def step(self) -> None:
        """Let one task run up to its next engine call."""
        task = self._chance.choice(self.tasks)
        task.resume()
        if task.is_done:
            self.tasks.remove(task)
            if task.error is not None and not isinstance(task.error, self.expected):
                raise task.error

    def finish(self) -> None:
        """Run all tasks to their ends."""
        while self.tasks:
            self.step()
