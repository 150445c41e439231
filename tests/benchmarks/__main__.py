"""``make bench``: runs every ``bench_*`` module; a table of each, and a line of JSON a figure."""

import importlib
import json
import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.benchmarks.results import Result

HERE = Path(__file__).parent
OUTPUT = HERE.parent.parent / ".local" / "bench.jsonl"
FILE_WIDTH = 150


def main(wanted: list[str]) -> None:
    """Run the benchmarks whose module names contain one of ``wanted``, or all."""
    sys.modules["awscrt"] = None  # type: ignore[assignment] # functions sign requests without it
    modules = sorted(path.stem for path in HERE.glob("bench_*.py"))
    chosen = [name for name in modules if not wanted or any(word in name for word in wanted)]
    console = Console() if sys.stdout.isatty() else Console(width=FILE_WIDTH)
    results: list[Result] = []
    for name in chosen:
        with console.status(name):
            measured = list(importlib.import_module(f"tests.benchmarks.{name}").measure())
        console.print(_table(name.removeprefix("bench_").replace("_", " "), measured))
        results += measured
    OUTPUT.parent.mkdir(exist_ok=True)
    OUTPUT.write_text("".join(json.dumps(result.row()) + "\n" for result in results))


def _table(title: str, results: list[Result]) -> Table:
    columns = ("figure", "value", "unit", "floor", "ratio", "target")
    table = Table(*columns, title=title, title_justify="left")
    for result in results:
        numbers = [result.value, result.floor, result.ratio]
        value, floor, ratio = ("" if number is None else f"{number:,.4g}" for number in numbers)
        table.add_row(result.name, value, result.unit, floor, ratio, result.target)
    return table


if __name__ == "__main__":
    main(sys.argv[1:])
