"""An event as it leaves Meterline: JSON of a bounded length."""

import json
from collections.abc import Mapping
from typing import Any, Final

from meterline.services.base.outbox import shorter_forms

EVENT_BYTES: Final = 250_000
"""What an event takes at most where it is sent; SNS takes 256 KiB with attributes."""


def event_text(event: Mapping[str, Any]) -> str:
    """An event of either dialect as JSON, in the longest of its forms that may be sent."""
    whole: Any = event
    for form in shorter_forms(whole):
        text = json.dumps(form, separators=(",", ":"))
        if len(text.encode()) <= EVENT_BYTES:
            break
    return text
