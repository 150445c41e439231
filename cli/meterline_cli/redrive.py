"""``meterline redrive``: give work that failed too often another try, once its cause is mended."""

import argparse
from collections.abc import Sequence

from meterline.store.queues import redrive
from meterline_cli.deployment import QUEUES, add_options, connect, queue_urls


def run(arguments: Sequence[str]) -> int:
    """Run the command; 0."""
    options = _parser().parse_args(arguments)
    connect(options)
    urls = queue_urls()
    for name in options.queue or QUEUES:
        print(f"{name}: {redrive(urls[name], most=options.limit):,} messages sent again")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="meterline redrive", description=__doc__)
    add_options(parser)
    parser.add_argument("queue", nargs="*", choices=QUEUES, help="all without a name")
    parser.add_argument("--limit", type=int, default=10_000, help="of each (%(default)s)")
    return parser
