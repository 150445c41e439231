"""Batches of SQS messages that fail one by one, by Powertools' BatchProcessor.

Apart from the rest because its import costs as much again: only the queues' workers need it.
"""

from collections.abc import Callable
from typing import Any, cast

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from meterline.observability import log_failure, log_scope, logger

type Message = dict[str, Any]
type BatchAnswer = dict[str, list[dict[str, str]]]


def process_messages(messages: list[Message], work: Callable[[Message], object]) -> BatchAnswer:
    """Do ``work`` for each message; Lambda's partial batch response with those that failed.

    A batch of which every message failed is answered in the same way: each has a time of its own
    at which it comes again. A failure is logged without the message's content.
    """
    processor = BatchProcessor(EventType.SQS, raise_on_entire_batch_failure=False)

    def handle(record: SQSRecord) -> None:
        with log_scope(message_id=record.message_id):
            try:
                work(record.raw_event)
            except Exception as error:
                log_failure("message failed", error)
                raise

    with processor(messages, handle):
        processor.process()
    failed = len(processor.fail_messages)
    logger.info("batch", done=len(messages) - failed, failed=failed)
    return cast("BatchAnswer", processor.response())
