"""moto, asked by several threads, as AWS may be.

moto undoes a failed transaction by putting back a copy of the table, so another thread's write
meanwhile would break the copy, or be lost. Here it answers one request after the other.
"""

from threading import RLock
from typing import Any

from moto.core.botocore_stubber import BotocoreStubber

_TURN = RLock()
_answer = BotocoreStubber.process_request


def _answer_in_turn(self: BotocoreStubber, request: Any) -> Any:
    with _TURN:
        return _answer(self, request)


def one_request_at_a_time() -> None:
    """Let moto answer requests in turn, in this process, from now on."""
    BotocoreStubber.process_request = _answer_in_turn  # type: ignore[method-assign]
