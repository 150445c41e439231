"""``meterline reconcile``: compare every counter with the stored events, and repair on demand."""

import argparse
from collections.abc import Iterator, Sequence

from rich.console import Console
from rich.table import Table

from meterline.core.aggregation import result
from meterline.services.reconcile import Cursor, Recount, Remembered, reconcile_page, repair
from meterline.services.reconcile_pass import SETTLING_SECONDS
from meterline_cli.deployment import add_options, connect


def run(arguments: Sequence[str]) -> int:
    """Run the command: 0, or 1 when differences are left (or something could not be compared)."""
    options = _parser().parse_args(arguments)
    ctx = connect(options)
    before = (ctx.wall_clock - options.settling) * 1_000_000
    console = Console()
    events = differences = wrong = busy = unreadable = 0
    for page in _pages(before):
        events += page.events
        busy += page.busy
        unreadable += page.unreadable
        differences += len(page.differences)
        wrong += sum(1 for one in page.differences if one.wrong)
        _show(console, page)
        if options.repair:
            repair(page.differences)
    ending = " and repaired" if options.repair and differences else ""
    console.print(f"{events:,} events compared: {differences:,} differences found{ending}.")
    if options.settling:
        console.print(f"What was received in the last {options.settling:,} s was left out.")
    if wrong:
        console.print(f"{wrong:,} of them have rows that contradict their events: not repaired.")
    if busy:
        console.print(f"{busy:,} hours changed meanwhile and were left out.")
    if unreadable:
        console.print(f"{unreadable:,} hours or events cannot be read: the log names them.")
    return 1 if wrong or busy or unreadable or (differences and not options.repair) else 0


def _pages(before: int) -> Iterator[Recount]:
    cursor: Cursor = None
    remembered = Remembered()
    while True:
        page = reconcile_page(cursor, accepted_before=before, remembered=remembered)
        yield page
        cursor = page.following
        if cursor is None:
            return


def _show(console: Console, page: Recount) -> None:
    if not page.differences:
        return
    table = Table("mode")
    for name in ("meter", "customer", "hour from", "counted", "recounted", "missing", "wrong"):
        table.add_column(name, overflow="fold")
    for one in page.differences:
        formula = one.measure.formula
        table.add_row(
            "live" if one.key.livemode else "test",
            one.key.meter,
            one.key.customer,
            str(one.key.start),
            f"{result(one.counted, formula):f}",
            f"{result(one.recounted, formula):f}",
            f"{len(one.missing):,}",
            f"{len(one.wrong):,}",
        )
    console.print(table)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="meterline reconcile", description=__doc__)
    parser.add_argument("--repair", action="store_true", help="count what is missing")
    parser.add_argument(
        "--settling",
        type=int,
        default=SETTLING_SECONDS,
        metavar="SECONDS",
        help="leave out what was sent since (%(default)s)",
    )
    add_options(parser, has_modes=False)
    return parser
