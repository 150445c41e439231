"""Log lines and metrics for the operator, by Powertools for AWS Lambda.

A line names what was done and the ids of what it was done to, never what these hold: no body, no
parameter, no name or address, no key, and no message of an exception, which may quote any of them.
`correlation_id` is the thread through the lines: the API request's id, or the id of the scheduled
invocation that sent the work, carried on by the messages of the queues.
"""

import logging
import os
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.logging.formatter import LambdaPowertoolsFormatter
from aws_lambda_powertools.metrics import EphemeralMetrics

SERVICE = "meterline"
NAMESPACE = "Meterline"

_FRAMES = 8
_CALLER_OF_CALLER = 3
_SAME_FOR_ALL_LINES = ("function_arn", "function_memory_size")
"""Keys of Powertools that nobody searches for; each would cost every line a hundred bytes."""

_SAID_ELSEWHERE = frozenset({"function_name", "service", "xray_trace_id"})
"""The log stream names the function, the log group is Meterline's own, and nothing is traced."""


class InvocationFailed(Exception):  # noqa: N818 - an outcome, which Lambda reports
    """An invocation failed, named by the class of its error.

    Lambda logs the message of what a handler raises, so the original one must not reach it.
    """


class _StandardOutput(logging.Handler):
    """Writes to the standard output of the moment: Lambda, and tests, replace it."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            sys.stdout.write(self.format(record) + "\n")
        except Exception:  # noqa: BLE001 - a line that cannot be written must not undo the work
            self.handleError(record)


class _Lines(LambdaPowertoolsFormatter):
    """Lines without what says nothing: each is paid for by its bytes."""

    def serialize(self, log: Any) -> str:  # noqa: ANN401 - as Powertools has it
        """The line of these keys."""
        line = {name: value for name, value in log.items() if name not in _SAID_ELSEWHERE}
        if line.get("cold_start") is False:
            del line["cold_start"]
        if line.get("level") == "INFO":
            line.pop("location", None)
        return super().serialize(line)


logger = Logger(
    service=SERVICE,
    logger_handler=_StandardOutput(),
    logger_formatter=_Lines(utc=True, use_rfc3339=True),
)
# Powertools would go by Lambda's own level of JSON logs, which has to let metrics through: INFO.
logging.getLogger(SERVICE).setLevel(os.environ.get("POWERTOOLS_LOG_LEVEL", "INFO"))


type Handler[R] = Callable[[dict[str, Any], Any], R]


def observed[R](handler: Handler[R]) -> Handler[R]:
    """A Lambda handler whose lines name its invocation, and hold no keys of the one before.

    What it raises is logged without its message and leaves as InvocationFailed.
    """

    @wraps(handler)
    def invoke(event: dict[str, Any], context: Any) -> R:  # noqa: ANN401 - Lambda's
        logger.remove_keys(_SAME_FOR_ALL_LINES)
        logger.set_correlation_id(context.aws_request_id)
        try:
            return handler(event, context)
        except Exception as error:  # noqa: BLE001 - it is raised again, less its message
            log_failure("invocation failed", error)
            raise InvocationFailed(type(error).__name__) from None

    injected: Handler[R] = logger.inject_lambda_context(log_event=False, clear_state=True)(invoke)
    return injected


@contextmanager
def log_scope(**keys: object) -> Iterator[None]:
    """Give the lines of this block more keys; those that it appends itself end with it too."""
    before = dict(logger.get_current_keys())
    logger.append_keys(**keys)
    try:
        yield
    finally:
        logger.remove_keys(logger.get_current_keys().keys() - before.keys())
        logger.append_keys(**before)


def log_failure(message: str, error: BaseException, **keys: Any) -> None:  # noqa: ANN401 - any JSON
    """Log an error that is dealt with here, as ``failure`` describes it."""
    logger.error(message, stacklevel=_CALLER_OF_CALLER, **failure(error), **keys)


def failure(error: BaseException) -> dict[str, Any]:
    """The keys that tell of an error: its class and where it came from, without its message."""
    stack = traceback.extract_tb(error.__traceback__)[-_FRAMES:]
    frames = [f"{frame.filename.rpartition('/')[2]}:{frame.lineno} {frame.name}" for frame in stack]
    return {"exception_name": type(error).__name__, "frames": frames}


def _told(unit: str, values: dict[str, int]) -> dict[str, int]:
    return {name: value for name, value in values.items() if value or unit != "Count"}


def record_metric(unit: str, *, work: str | None = None, **values: int) -> None:
    """Write one value for each metric, all in one CloudWatch ``unit`` (Count, Seconds).

    Their dimensions are the service, the stack and, if given, the kind of ``work``. They are
    written at once, as one line of the embedded metric format: a function that dies later has
    reported them. Counts of 0 are left out: a metric is paid for in each hour that tells of it.
    """
    counted = _told(unit, values)
    if not counted:
        return
    metrics = EphemeralMetrics(namespace=NAMESPACE, service=SERVICE)
    metrics.add_dimension("stack", os.environ.get("METERLINE_STACK", "undeployed"))
    if work is not None:
        metrics.add_dimension("work", work)
    for name, value in counted.items():
        metrics.add_metric(name, unit, value)
    metrics.flush_metrics()
