"""Runs pieces of ordinary code in turns that a seed decides: one runs until it calls the engine."""

import random
import threading
from collections.abc import Callable

from botocore.exceptions import ClientError, ReadTimeoutError

from meterline.store.base.batches import Throttled


class Killed(BaseException):
    """The process of a task ended here: nothing of it catches this."""


class Task:
    """A piece of code on a thread of its own that stops at each engine call."""

    def __init__(self, scheduler: "Scheduler", work: Callable[[], None]) -> None:
        self.is_killed = False
        self.is_done = False
        self.error: BaseException | None = None
        self._scheduler = scheduler
        self._work = work
        self._turn = threading.Semaphore(0)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def resume(self) -> None:
        """Let it run up to its next engine call, or its end."""
        self._turn.release()
        self._scheduler.stopped.acquire()

    def pause(self) -> None:
        """Called on the task's thread: wait for the next turn."""
        self._scheduler.stopped.release()
        self._turn.acquire()
        if self.is_killed:
            raise Killed

    def join(self) -> None:
        """Wait for the thread of a finished task."""
        self._thread.join()

    def _run(self) -> None:
        self._turn.acquire()
        self._scheduler.local.task = self
        try:
            if not self.is_killed:
                self._work()
        except BaseException as error:  # noqa: BLE001 - whoever waits for the task looks at it
            self.error = error
        self.is_done = True
        self._scheduler.stopped.release()


class Scheduler:
    """All tasks of a simulation."""

    def __init__(self, chance: random.Random) -> None:
        self.tasks: list[Task] = []
        self.expected = (Killed, ClientError, ReadTimeoutError, Throttled)
        self.stopped = threading.Semaphore(0)
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
            task.join()
            self.tasks.remove(task)
            if task.error is not None and not isinstance(task.error, self.expected):
                raise task.error

    def finish(self) -> None:
        """Run all tasks to their ends."""
        while self.tasks:
            self.step()
