"""The call to the deployment's own tax engine: a Lambda function that a parameter names.

A call is short and is made once: who drafts an invoice waits for it, and due work asks again. An
engine that did not answer in time is left alone for a while by this process, so that a batch of
invoices does not wait for it one by one.
"""

from dataclasses import dataclass
from time import monotonic
from typing import Any, Final, Literal

from meterline.observability import log_failure
from meterline.store.base.budgets import TAX_ENGINE_REST_SECONDS
from meterline.store.base.clients import tax_engine
from meterline.store.base.settings import settings

type Failure = Literal["absent", "died", "slow", "throttled", "unreachable", "wrong"]

_SLOW: Final = ("ReadTimeoutError", "ConnectTimeoutError")
_THROTTLED: Final = "TooManyRequestsException"


class EngineFailed(Exception):  # noqa: N818 - an outcome, which drafts live with
    """The engine gave no answer, and how that came."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure)
        self.failure = failure


@dataclass(slots=True)
class Patience:
    """Until when this process leaves an engine alone that did not answer in time."""

    until: float = 0.0


PATIENCE = Patience()


def is_named() -> bool:
    """Whether the deployment has a tax engine."""
    return bool(settings().tax_engine)


def is_resting() -> bool:
    """Whether the engine did not answer this process in time a moment ago."""
    return monotonic() < PATIENCE.until


def ask(question: bytes) -> bytes:
    """The engine's answer to a question, both JSON; raises EngineFailed, and nothing else."""
    if not is_named():
        raise EngineFailed("absent")
    try:
        answer = tax_engine().invoke(
            FunctionName=settings().tax_engine,
            InvocationType="RequestResponse",
            Payload=question,
        )
        payload: bytes = answer["Payload"].read()
    except Exception as error:  # noqa: BLE001 - told by its code
        log_failure("tax engine failed", error)
        raise EngineFailed(_failure_of(error)) from None
    if answer.get("FunctionError"):
        raise EngineFailed("died")
    return payload


def _failure_of(error: Any) -> Failure:  # noqa: ANN401 - botocore's have a response
    if type(error).__name__ in _SLOW:
        PATIENCE.until = monotonic() + TAX_ENGINE_REST_SECONDS
        return "slow"
    response = getattr(error, "response", None) or {}
    code = response.get("Error", {}).get("Code")
    return "throttled" if code == _THROTTLED else "unreachable"
