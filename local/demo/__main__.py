"""``make demo``: the story on the stack of ``make up``, or on one of its own.

With ``OPEN=1`` it stays up until Enter is pressed, for a person to look at the pages. However it
ends, also by a signal, a stack of its own ends with it.
"""

import contextlib
import os
import signal
import sys
import threading
import time
from functools import partial

import stripe

from local import stack
from local.aws import Stack
from local.demo.stage import Wrong, console
from local.demo.story import emit

_INTERRUPTED = 130
"""What a shell calls the status of what Ctrl-C ended."""


def main() -> int:
    """Tell the story; 1 and the reason if a figure in it is wrong."""
    signal.signal(signal.SIGTERM, _interrupt)
    began = time.monotonic()
    was_up = stack.is_running()
    try:
        running = stack.up()
        page = emit(running)
        console.print(f"\n  Every figure was right. {time.monotonic() - began:.0f} s.\n")
        _lead_to(running, page, stays_up=was_up)
    except (Wrong, stripe.StripeError) as error:
        console.print(f"\n  [red]✗ {type(error).__name__}:[/] {error}")
        return 1
    except KeyboardInterrupt:
        return _INTERRUPTED
    finally:
        if not was_up:
            stack.down()
    return 0


def _interrupt(_signal: int, _frame: object) -> None:
    """Ask to end as Ctrl-C does, so that the stack is taken down."""
    raise KeyboardInterrupt


def _lead_to(running: Stack, page: str, *, stays_up: bool) -> None:
    """Say where the pages are; with ``OPEN=1`` wait for the person who looks at them."""
    say = partial(console.print, soft_wrap=True)
    if os.environ.get("OPEN") != "1" and not stays_up:
        say("  OPEN=1 make demo keeps the stack up, for you to look at this invoice's page and at")
        say("  the console.\n")
        return
    say(f"  The page of the last invoice:  {page}")
    say(f"  The console, with the key {running.api_key}:  {running.api_base}/console\n")
    if os.environ.get("OPEN") != "1":
        return
    with contextlib.suppress(KeyboardInterrupt):
        if sys.stdin.isatty():
            console.input("  Press Enter when you have seen them. ")
        else:
            threading.Event().wait()


if __name__ == "__main__":
    sys.exit(main())
