"""``meterline resend-events``: send again what webhook endpoints have not taken in a span."""

import argparse
from collections.abc import Sequence

from meterline.services.events.resending import FailedSpan, resend_failed
from meterline_cli.deployment import add_options, connect
from meterline_cli.times import read_time


def run(arguments: Sequence[str]) -> int:
    """Run the command: 0."""
    options = _parser().parse_args(arguments)
    ctx = connect(options)
    until = int(options.until.timestamp()) if options.until else ctx.now
    span = FailedSpan(int(options.since.timestamp()), until, options.endpoint)
    sent = resend_failed(ctx, span, most=options.limit)
    print(f"{sent:,} deliveries that had failed are sent again")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="meterline resend-events", description=__doc__)
    add_options(parser)
    parser.add_argument(
        "--since",
        type=read_time,
        required=True,
        metavar="TIME",
        help="events created from then on (ISO 8601, or seconds)",
    )
    parser.add_argument("--until", type=read_time, metavar="TIME", help="and up to then (now)")
    parser.add_argument("--endpoint", metavar="ID", help="to this endpoint only")
    parser.add_argument("--limit", type=int, default=10_000, help="at most (%(default)s)")
    return parser
