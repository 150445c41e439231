"""How the story is shown: chapters, tables, and figures that are checked as they are told."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime

from rich.console import Console
from rich.padding import Padding
from rich.table import Table

_WIDTH = 110
console = Console(highlight=False, width=_WIDTH)


class Wrong(Exception):  # noqa: N818 - the story's own word for it
    """A figure in the story is not what it should be."""


def chapter(title: str) -> None:
    """Start a chapter."""
    console.print()
    console.rule(f"[bold]{title}", align="left")


def say(text: str) -> None:
    """One sentence of the story."""
    console.print(f"  {text}")


def check(what: str, found: object, expected: object) -> None:
    """Tell a figure; Wrong if it is not the expected one."""
    if found != expected:
        message = f"{what}: {found!r}, but it should be {expected!r}"
        raise Wrong(message)
    console.print(f"  [green]✓[/] {what}: [bold]{found}[/]")


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """A table; all columns but the first are set to the right."""
    shown = Table(show_edge=False)
    for index, column in enumerate(columns):
        shown.add_column(column, justify="right" if index else "left", no_wrap=True)
    for row in rows:
        shown.add_row(*row)
    console.print()
    console.print(f"  [italic]{title}[/]")
    console.print(Padding(shown, (0, 0, 0, 1)))
    console.print()


def wait_until[T](what: str, probe: Callable[[], T | None], *, seconds: int = 120) -> T:
    """The first answer of ``probe`` that is not None; Wrong if none comes in time."""
    deadline = time.monotonic() + seconds
    with waiting(what):
        while time.monotonic() < deadline:
            answer = probe()
            if answer is not None:
                return answer
            time.sleep(0.05)
    message = f"{what}: nothing after {seconds} s"
    raise Wrong(message)


@contextmanager
def waiting(what: str) -> Iterator[None]:
    """Show that something takes a while."""
    with console.status(f"  {what} …"):
        yield


def money(amount_minor: int) -> str:
    """Cents as dollars."""
    sign = "-" if amount_minor < 0 else ""
    return f"{sign}${abs(amount_minor) // 100:,}.{abs(amount_minor) % 100:02}"


def moment(seconds: int) -> str:
    """An instant as people read it."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%d %b %Y %H:%M:%S")
