"""``meterline export-customer CUSTOMER``: all that is stored about a customer, as JSON lines."""

import argparse
import json
import sys
from collections.abc import Sequence

from meterline.services.customers.export import export_customer
from meterline_cli.deployment import add_options, connect


def run(arguments: Sequence[str]) -> int:
    """Run the command: 0, or 1 when nothing is stored about such a customer."""
    options = _parser().parse_args(arguments)
    found = False
    for body in export_customer(connect(options), options.customer):
        found = True
        print(json.dumps(body, sort_keys=True))
    if not found:
        print(f"Nothing is stored about {options.customer}.", file=sys.stderr)
    return 0 if found else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="meterline export-customer", description=__doc__)
    add_options(parser)
    parser.add_argument("customer", help="the customer's id")
    return parser
