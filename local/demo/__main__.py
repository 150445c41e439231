"""``make demo``: the story on the stack of ``make up``, or on one of its own."""

import sys
import time

import stripe

from local import stack
from local.demo.stage import Wrong, console
from local.demo.story import emit


def main() -> int:
    """Tell the story; 1 and the reason if a figure in it is wrong."""
    began = time.monotonic()
    was_up = stack.is_running()
    try:
        emit(stack.up())
    except (Wrong, stripe.StripeError) as error:
        console.print(f"\n  [red]✗ {type(error).__name__}:[/] {error}")
        return 1
    finally:
        if not was_up:
            stack.down()
    console.print(f"\n  Every figure was right. {time.monotonic() - began:.0f} s.\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
