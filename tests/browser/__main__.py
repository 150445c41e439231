"""``python -m tests.browser``: the pages in a real Chromium, with what looks for barriers in them.

Needs npm, and Chromium: Debian's package is installed if there is none and this is root's process.
Screenshots are left in ``.local/screenshots``, also of what failed.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.browser.tools import chromium

HERE = Path(__file__).parent
PACKAGES = ("chromium", "poppler-utils", "fonts-noto-core", "fonts-noto-cjk")
"""Debian's packages: the browser, what reads PDFs, and letters of all scripts."""

ADVICE = f"Chromium is needed for this suite. On Debian: apt-get install {' '.join(PACKAGES)}"
INSTALL = ("install", "--silent", "--no-audit", "--no-fund", "--no-package-lock")


def main(arguments: list[str]) -> int:
    """Set up what is missing and run the suite; its exit status."""
    if chromium() is None and not _installed():
        print(
            f"{ADVICE}\nOr say where it is: METERLINE_CHROMIUM=/path/to/chromium", file=sys.stderr
        )
        return 1
    npm = shutil.which("npm")
    if npm is None:
        print("npm is needed for this suite.", file=sys.stderr)
        return 1
    if status := subprocess.run([npm, *INSTALL], cwd=HERE, check=False).returncode:  # noqa: S603 - the suite's own package
        return status
    command = [sys.executable, "-m", "pytest", str(HERE), *arguments]
    return subprocess.run(command, check=False).returncode  # noqa: S603 - the suite itself


def _installed() -> bool:
    """Install Debian's packages, if that is possible; whether there is a Chromium then."""
    apt = shutil.which("apt-get")
    if apt is None or os.geteuid() != 0:
        return False
    print(f"Installing {' '.join(PACKAGES)}", flush=True)
    env = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    for verb in (["update", "-qq"], ["install", "-qq", "--no-install-recommends", *PACKAGES]):
        subprocess.run([apt, *verb], env=env, check=False)  # noqa: S603 - see above
    return chromium() is not None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
