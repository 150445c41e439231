"""``make bench-peers``: the same work by Meterline and by what else one could build or take.

All in one run on one machine. Who cannot be asked here is left out, with the reason, and has no
figures.
"""

import importlib
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from tests.peers.work import Figure, Figures

OUTPUT = Path(__file__).parents[2] / ".local" / "peers.jsonl"
FILE_WIDTH = 150
PEERS = {
    "Meterline": "meterline",
    "PostgreSQL": "postgres",
    "SQLite": "sqlite",
    "ClickHouse": "clickhouse",
}
WORK = {
    "accept": ("accept, dedupe and count an event", "µs", 1e6, "<= 80"),
    "month": ("a month's usage of a customer, 720 hours", "ms", 1e3, "<= 3"),
    "invoice": ("an invoice of two meters used in each hour", "ms", 1e3, "<= 15"),
}


def main(packages: str) -> int:
    """Ask everybody; the packages of the others are in a folder of their own."""
    sys.modules["awscrt"] = None  # type: ignore[assignment] # functions sign requests without it
    sys.path.append(packages)
    console = Console() if sys.stdout.isatty() else Console(width=FILE_WIDTH)
    found: dict[str, Figures] = {}
    for name, module in PEERS.items():
        peer = importlib.import_module(f"tests.peers.{module}")
        try:
            with console.status(name):
                found[name] = peer.figures()
        except (ModuleNotFoundError, OSError) as error:
            if name == "Meterline":
                raise
            console.print(f"{name} is left out, it cannot run here: {error}")
    console.print(_table(found))
    OUTPUT.parent.mkdir(exist_ok=True)
    OUTPUT.write_text("".join(json.dumps(row) + "\n" for row in _rows(found)))
    return 0


def _table(found: "dict[str, Figures]") -> Table:
    table = Table("CPU", *found, "goal", title="without the engine / with it", title_justify="left")
    for work, (title, unit, factor, goal) in WORK.items():
        cells = [_shown(getattr(figures, work), factor) for figures in found.values()]
        table.add_row(f"{title}, {unit}", *cells, goal)
    return table


def _shown(figure: "Figure | None", factor: float) -> str:
    if figure is None:
        return ""
    own, whole = figure.own_seconds * factor, figure.with_engine_seconds * factor
    return f"{own:.3g}" if own == whole else f"{own:.3g} / {whole:.3g}"


def _rows(found: "dict[str, Figures]") -> list[dict[str, object]]:
    return [
        {
            "peer": peer,
            "work": title,
            "unit": unit,
            "own": figure.own_seconds * factor,
            "with_engine": figure.with_engine_seconds * factor,
        }
        for peer, figures in found.items()
        for work, (title, unit, factor, _) in WORK.items()
        if (figure := getattr(figures, work)) is not None
    ]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
