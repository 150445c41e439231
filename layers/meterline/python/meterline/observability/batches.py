"""Batches of SQS messages that fail one by one."""

from collections.abc import Callable
from typing import Any

from meterline.observability import log_failure, log_scope, logger

type Message = dict[str, Any]
type BatchAnswer = dict[str, list[dict[str, str]]]


def process_messages(messages: list[Message], work: Callable[[Message], object]) -> BatchAnswer:
    """Do ``work`` for each message; Lambda's partial batch response with those that failed.

    A batch of which every message failed is answered in the same way: each has a time of its own
    at which it comes again. A failure is logged without the message's content.
    """
    failed = [message["messageId"] for message in messages if not _is_done(message, work)]
    logger.info("batch", done=len(messages) - len(failed), failed=len(failed))
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failed]}


def _is_done(message: Message, work: Callable[[Message], object]) -> bool:
    with log_scope(message_id=message["messageId"]):
        try:
            work(message)
        except Exception as error:  # noqa: BLE001 - of one message, which comes again
            log_failure("message failed", error)
            return False
    return True
