"""``python -m tests.node``: the Node SDK's suite, against the handlers over moto.

Needs Node and npm. With ``METERLINE_API_BASE`` and ``METERLINE_API_KEY`` set it runs against that
deployment instead.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from meterline.services.api_keys import create_key
from tests.engines import running
from tests.integration.api.bridge import CONTROL, serving

HERE = Path(__file__).parent
INSTALL = ("install", "--silent", "--no-audit", "--no-fund", "--no-package-lock")


def main() -> int:
    """Install the pinned SDK and run the suite; its exit status."""
    _run("npm", *INSTALL)
    if "METERLINE_API_BASE" in os.environ:
        return _run("node", "--test", str(HERE))
    with running(None), serving() as bridge:
        return _run(
            "node",
            "--test",
            str(HERE),
            METERLINE_API_BASE=bridge.address,
            METERLINE_API_KEY=create_key(livemode=False, name="node").secret,
            METERLINE_LOSE_ANSWER=bridge.address + CONTROL,
        )


def _run(tool: str, *arguments: str, **environment: str) -> int:
    found = shutil.which(tool)
    if found is None:
        print(f"{tool} is needed for this suite.", file=sys.stderr)
        return 1
    command = [found, *arguments]
    done = subprocess.run(command, cwd=HERE, env=os.environ | environment, check=False)  # noqa: S603 - the suite itself
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
