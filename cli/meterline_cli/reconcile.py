"""``meterline reconcile``: compare every counter with the stored events, and repair on demand."""

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from rich.console import Console
from rich.table import Table

from meterline.core.metering.aggregation import hour_result
from meterline.services.metering.gather import Places, gather, whole_table
from meterline.services.metering.reconcile import Difference, compare, repair
from meterline.services.metering.reconcile_pass import SEGMENTS, SETTLING_SECONDS
from meterline.store.base.batches import Throttled
from meterline.store.metering.event_scan import EventScan
from meterline_cli.deployment import add_options, connect

ROUND_EVENTS = 250_000


@dataclass(frozen=True, slots=True)
class Round:
    """What some of the events showed."""

    events: int
    differences: list[Difference]
    unreadable: int


@dataclass(slots=True)
class Findings:
    """What the rounds showed together, and the differences that a repair left."""

    events: int = 0
    differences: int = 0
    wrong: int = 0
    unreadable: int = 0
    left: list[Difference] = field(default_factory=list)

    def add(self, some: Round) -> None:
        """Note what a round showed."""
        self.events += some.events
        self.differences += len(some.differences)
        self.wrong += sum(1 for difference in some.differences if difference.wrong)
        self.unreadable += some.unreadable


def run(arguments: Sequence[str]) -> int:
    """Run the command: 0, 1 when differences are left (or something could not be compared), or 2
    when the table did not keep up with reading it.
    """
    options = _parser().parse_args(arguments)
    ctx = connect(options)
    console = Console()
    findings = Findings()
    try:
        for some in _rounds((ctx.wall_clock - options.settling) * 1_000_000):
            findings.add(some)
            _show(console, some.differences)
            if options.repair:
                findings.left += repair(some.differences)
    except Throttled as error:
        _emit(console, findings, options)
        console.print(f"Not all was compared: {error}. Repeat the command when less is going on.")
        return 2
    _emit(console, findings, options)
    is_wrong = findings.wrong or findings.unreadable or findings.left
    return 1 if is_wrong or (findings.differences and not options.repair) else 0


def _emit(console: Console, findings: Findings, options: argparse.Namespace) -> None:
    is_repaired = options.repair and findings.differences and not findings.left
    ending = " and repaired" if is_repaired else ""
    console.print(
        f"{findings.events:,} events compared: {findings.differences:,} differences found{ending}."
    )
    if options.settling:
        console.print(f"What was received in the last {options.settling:,} s was left out.")
    if findings.wrong:
        console.print(
            f"{findings.wrong:,} of them have rows that contradict their events: not repaired."
        )
    if findings.left:
        _tell_what_is_left(console, findings.left)
    if findings.unreadable:
        console.print(
            f"{findings.unreadable:,} hours or events cannot be read: the log names them."
        )


def _tell_what_is_left(console: Console, left: Sequence[Difference]) -> None:
    console.print(f"{len(left):,} of them could not be repaired (repeat the command):")
    for difference in left:
        console.print(f"  {difference.key.meter} hour from {difference.key.start}", soft_wrap=True)


def _rounds(received_before: int) -> Iterator[Round]:
    scan = EventScan(received_before, segments=SEGMENTS, is_consistent=True)
    places: Places = whole_table(scan)
    while places:
        gathered, places = gather(scan, places, most_events=ROUND_EVENTS, has_time=lambda: True)
        found = compare(gathered.groups)
        unreadable = gathered.unreadable + found.unreadable
        yield Round(gathered.events, found.differences, unreadable)


def _show(console: Console, differences: Sequence[Difference]) -> None:
    if not differences:
        return
    table = Table("mode")
    for name in ("meter", "customer", "hour from", "counted", "recounted", "missing", "wrong"):
        table.add_column(name, overflow="fold")
    for difference in differences:
        formula = difference.measure.formula
        table.add_row(
            "live" if difference.key.livemode else "test",
            difference.key.meter,
            difference.key.customer,
            str(difference.key.start),
            f"{hour_result(difference.counted, formula):f}",
            f"{hour_result(difference.recounted, formula):f}",
            f"{len(difference.missing):,}",
            f"{len(difference.wrong):,}",
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
