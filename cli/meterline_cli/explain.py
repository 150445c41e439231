"""``meterline explain INVOICE``: why an invoice is so, tier by tier and second by second."""

import argparse
import sys
from collections.abc import Sequence

from meterline.core.base.errors import BillingError
from meterline.services.work.operations import explain_invoice
from meterline_cli.deployment import add_options, connect


def run(arguments: Sequence[str]) -> int:
    """Run the command: 0, or 1 when there is no such invoice."""
    options = _parser().parse_args(arguments)
    try:
        print("\n".join(explain_invoice(connect(options), options.invoice)))
    except BillingError as refusal:
        print(refusal.message, file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="meterline explain", description=__doc__)
    add_options(parser)
    parser.add_argument("invoice", help="the invoice's id")
    return parser
