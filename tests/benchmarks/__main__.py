"""``make bench``: a table of each section, one of all goals, and a line of JSON a figure."""

import json
import sys
from pathlib import Path
from time import monotonic

from rich.console import Console

from tests.benchmarks import sections, verdicts
from tests.benchmarks.sections import Section

OUTPUT = Path(__file__).parents[2] / ".local" / "bench.jsonl"
FILE_WIDTH = 150


def main(wanted: list[str]) -> None:
    """Run the sections whose names contain one of ``wanted``, or all."""
    began = monotonic()
    console = Console() if sys.stdout.isatty() else Console(width=FILE_WIDTH)
    names, done = sections.chosen(wanted), list[Section]()
    for section in sections.run(names):
        done.append(section)
        console.print(verdicts.table_of(section))
    _close(console, done, monotonic() - began)
    lines = [json.dumps(result.row()) for section in done for result in section.results]
    OUTPUT.parent.mkdir(exist_ok=True)
    OUTPUT.write_text("".join(f"{line}\n" for line in lines))


def _close(console: Console, done: list[Section], seconds: float) -> None:
    """Say what is promised and kept, what is missed, and how long it took."""
    console.print(verdicts.table_of_promises(done))
    for line in verdicts.missed(done):
        console.print(f"Missed: {line}", style=verdicts.MISSED, highlight=False)
    console.print(verdicts.summary(done), highlight=False)
    console.print(verdicts.times(done, seconds), highlight=False)


if __name__ == "__main__":
    main(sys.argv[1:])
