"""``python -m tests.node``: the official Node SDK's suite, against the deployed template.

Needs Node and npm. Uses the stack of ``METERLINE_API_BASE`` or of ``make up``, else starts one and
stops it at the end. Every answer goes through a tap, where the contract judges it; an answer that
the schema refuses fails the run.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from local import aws
from local import stack as local_stack
from local.aws import Stack
from tests.contract.answers import WATCH
from tests.contract.tap import LOSE, tapping

HERE = Path(__file__).parent
INSTALL = ("install", "--silent", "--no-audit", "--no-fund", "--no-package-lock")


def main() -> int:
    """Install the pinned SDK and run the suite; its exit status."""
    missing = [tool for tool in ("node", "npm") if shutil.which(tool) is None]
    if missing:
        print(f"{' and '.join(missing)} is needed for this suite.", file=sys.stderr)
        return 1
    if status := _run("npm", *INSTALL):
        return status
    with _deployed() as stack, tapping(stack.api_base) as tap:
        status = _run(
            "node",
            "--test",
            str(HERE),
            METERLINE_API_BASE=tap.address,
            METERLINE_API_KEY=stack.api_key,
            METERLINE_LOSE_ANSWER=tap.address + LOSE,
        )
    print(f"{WATCH.heard.total()} answers were judged by the schema.")
    WATCH.settle()
    return status


@contextmanager
def _deployed() -> Iterator[Stack]:
    """A running stack with the code as it is now."""
    given = aws.running_stack() if "METERLINE_API_BASE" in os.environ else None
    if given is not None:
        yield given
        return
    was_running = local_stack.is_running()
    try:
        yield local_stack.up()
    finally:
        if not was_running:
            local_stack.down()


def _run(tool: str, *arguments: str, **environment: str) -> int:
    found = shutil.which(tool) or tool
    done = subprocess.run(  # noqa: S603 - the suite itself
        [found, *arguments], cwd=HERE, env=os.environ | environment, check=False
    )
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
