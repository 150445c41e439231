"""``meterline due``: what is due, for how long, and how much waits in the queues."""

import argparse
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from meterline.services.work.operations import DueObject, due_objects
from meterline.store.work.queues import dead_letters, depth
from meterline_cli.deployment import add_options, connect, queue_urls


def run(arguments: Sequence[str]) -> int:
    """Run the command: 0, or 1 when something is stuck in a dead-letter queue."""
    options = _parser().parse_args(arguments)
    ctx = connect(options)
    console = Console()
    dead = _show_queues(console)
    _show_due(console, due_objects(ctx, most=options.limit), ctx.now)
    return 1 if dead else 0


def _show_queues(console: Console) -> int:
    table = Table("queue", "messages", "dead letters")
    dead = 0
    for name, url in queue_urls().items():
        letters = dead_letters(url)
        failed = depth(letters) if letters else 0
        dead += failed
        table.add_row(name, f"{depth(url):,}", f"{failed:,}")
    console.print(table)
    return dead


def _show_due(console: Console, due: list[DueObject], now: int) -> None:
    if not due:
        console.print("Nothing is due.")
        return
    table = Table("due for", "object", "kind", "status", "stuck")
    for work in due:
        stuck = f"for {now - work.stuck.since:,} s: {work.stuck.reason}" if work.stuck else ""
        table.add_row(f"{now - work.due_at:,} s", work.object_id, work.kind, work.status, stuck)
    console.print(table)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="meterline due", description=__doc__)
    add_options(parser)
    parser.add_argument("--limit", type=int, default=50, help="show at most (%(default)s)")
    return parser
