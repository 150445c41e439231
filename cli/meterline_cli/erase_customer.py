"""``meterline erase-customer CUSTOMER``: erase what is personal about a customer, for good."""

import argparse
import sys
from collections.abc import Sequence

from meterline.services.customers.erasure import erase_customer
from meterline.store.base.documents import Conflict
from meterline_cli.deployment import add_options, connect


def run(arguments: Sequence[str]) -> int:
    """Run the command: 0, or 1 when not all could be erased. It can be repeated at any time."""
    options = _parser().parse_args(arguments)
    try:
        erased = erase_customer(connect(options), options.customer)
    except Conflict:
        print("Something changed all the while: repeat the command.", file=sys.stderr)
        return 1
    print(f"{options.customer}: {erased:,} items hold nothing personal any more.")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="meterline erase-customer", description=__doc__)
    add_options(parser)
    parser.add_argument("customer", help="the customer's id")
    return parser
