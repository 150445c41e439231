"""One JSON line for each request: enough to find it and time it, nothing of the customer's."""

import json
import sys
import traceback
from typing import Any


def log(level: str, message: str, **fields: Any) -> None:  # noqa: ANN401 - any JSON
    """Write one line. ``fields`` must not hold parameters, bodies or secrets."""
    line = json.dumps({"level": level, "message": message, **fields}, default=str)
    sys.stdout.write(line + "\n")


def frames(error: BaseException) -> list[str]:
    """Where an exception came from, without the values that its message may quote."""
    stack = traceback.extract_tb(error.__traceback__)[-8:]
    return [f"{frame.filename.rpartition('/')[2]}:{frame.lineno} {frame.name}" for frame in stack]
