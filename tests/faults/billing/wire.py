"""The wire between a function and AWS: where a process can die, and where others can cut in."""

from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, NamedTuple

import pytest
from botocore.client import BaseClient

from tests.faults.load import Refusal
from tests.left_undone import BATCHES, Call, Send, answer_in_part


class Died(BaseException):
    """The process is gone in the middle of its work; nothing of it may catch this."""


class Moment(NamedTuple):
    """A point of a run: just before or just after its n-th call (from 0) reached AWS.

    Dying before a call loses the request, dying after it loses the answer.
    """

    call: int
    after: bool


@dataclass
class Wire:
    """Sees every call of every AWS client of this process, while it is watching.

    ``at`` is asked at each moment, and may raise ``Died`` or do another process's work. ``share``
    says how many of the parts of a batch DynamoDB does at once, ``refusal`` what a call is refused
    for.
    """

    at: Callable[[Moment, str], None] = lambda _moment, _operation: None
    share: Callable[[int], int] = lambda parts: parts
    refusal: Callable[[str, Call], Refusal | None] = lambda _operation, _call: None
    calls: list[str] = field(default_factory=list)
    watching: bool = False
    counting: Lock = field(default_factory=Lock)

    def connect(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Take the place of botocore's own way to AWS."""
        send = BaseClient._make_api_call  # type: ignore[attr-defined] # noqa: SLF001 - the one door

        def watched(client: BaseClient, operation: str, arguments: dict[str, Any]) -> object:
            if not self.watching:
                return send(client, operation, arguments)
            with self.counting:
                call = len(self.calls)
                self.calls.append(operation)
            self._reached(Moment(call, after=False), operation)
            answer = self._answer(send, client, operation, arguments)
            self._reached(Moment(call, after=True), operation)
            return answer

        monkeypatch.setattr(BaseClient, "_make_api_call", watched)

    def watch(self, work: Callable[[], object]) -> object:
        """Do ``work`` with its calls numbered from 0; ``Died`` comes through."""
        self.calls.clear()
        self.watching = True
        try:
            return work()
        finally:
            self.watching = False

    def _answer(self, send: Send, client: BaseClient, operation: str, arguments: Call) -> object:
        if (refusal := self.refusal(operation, arguments)) is not None:
            error: Any = client.exceptions.from_code(refusal["Error"]["Code"])
            raise error(refusal, operation)
        if operation not in BATCHES:
            return send(client, operation, arguments)
        return answer_in_part(send, client, operation, arguments, self.share)

    def _reached(self, moment: Moment, operation: str) -> None:
        """Ask what happens here."""
        self.at(moment, operation)


def dies_at(moment: Moment) -> Callable[[Moment, str], None]:
    """Die at one moment, once."""
    left = [moment]

    def at(reached: Moment, _operation: str) -> None:
        if left and reached == left[0]:
            left.clear()
            raise Died(reached)

    return at
