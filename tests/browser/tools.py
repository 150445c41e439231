"""Where the browser is, and what it is to be looked at with."""

import os
import shutil
from functools import cache
from pathlib import Path

from tests.engines import ROOT

SCREENSHOTS = ROOT / ".local" / "screenshots"
_AXE = Path(__file__).parent / "node_modules" / "axe-core" / "axe.min.js"


def chromium() -> str | None:
    """The path of a Chromium, if this machine has one."""
    named = os.environ.get("METERLINE_CHROMIUM")
    return named or shutil.which("chromium") or shutil.which("chromium-browser")


@cache
def axe() -> str:
    """The script that looks for barriers; ``make test-browser`` fetches it."""
    return _AXE.read_text()
