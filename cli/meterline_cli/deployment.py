"""Finding a deployment: its tables and queues, as the functions know them."""

import argparse
import os
import time

import boto3

from meterline.services.base.context import Context
from meterline.store.base.settings import settings
from meterline.store.billing.repository import BillingStore

QUEUES = ("renewals", "invoices", "clocks", "webhooks")
TABLES = {
    "METERLINE_ACCESS_TABLE": "AccessTable",
    "METERLINE_BILLING_TABLE": "BillingTable",
    "METERLINE_METER_EVENTS_TABLE": "MeterEventsTable",
    "METERLINE_USAGE_TABLE": "UsageTable",
}
"""Variables, and the stack's outputs that hold their values."""


def add_options(parser: argparse.ArgumentParser, *, has_modes: bool = True) -> None:
    """The options that say which deployment and, where a command is about one, which mode."""
    parser.add_argument(
        "--stack", default="meterline", help="the CloudFormation stack (%(default)s)"
    )
    parser.set_defaults(live=False)
    if has_modes:
        parser.add_argument("--live", action="store_true", help="live mode, not test mode")


def connect(options: argparse.Namespace) -> Context:
    """The surroundings of work on the deployment, at the wall clock's time.

    Its names come from ``METERLINE_*`` variables, or from the outputs of the stack.
    """
    find(options.stack)
    now = int(time.time())
    return Context(BillingStore(bool(options.live)), now, now)


def find(stack: str) -> None:
    """Point the settings at the deployment; see ``connect`` for how it is found."""
    if not all(os.environ.get(variable) for variable in TABLES):
        os.environ.update(_environment(stack))
        settings.cache_clear()


def queue_urls() -> dict[str, str]:
    """The addresses of the queues of due work, by name."""
    return {name: str(getattr(settings(), f"{name}_queue_url")) for name in QUEUES}


def _environment(stack: str) -> dict[str, str]:
    [found] = boto3.client("cloudformation").describe_stacks(StackName=stack)["Stacks"]
    outputs = {output["OutputKey"]: output["OutputValue"] for output in found["Outputs"]}
    urls = {f"METERLINE_{name.upper()}_QUEUE_URL": f"{name.title()}QueueUrl" for name in QUEUES}
    buckets = {
        "METERLINE_FAILED_BATCHES_BUCKET": "FailedBatchesBucket",
        "METERLINE_PDFS_BUCKET": "PdfsBucket",
    }
    named = {**TABLES, **urls, **buckets}
    return {variable: outputs[output] for variable, output in named.items()}
