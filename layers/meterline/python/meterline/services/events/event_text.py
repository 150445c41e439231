"""An event as it leaves Meterline: JSON of a bounded length."""

import json
from typing import TYPE_CHECKING, Final

from meterline.services.base.outbox import shorter_forms

if TYPE_CHECKING:
    from meterline.core.base.wire import Event

EVENT_BYTES: Final = 250_000
"""What an event takes at most where it is sent; SNS takes 256 KiB with attributes."""


def event_text(event: "Event") -> str:
    """The event as JSON, in the longest of its forms that may be sent."""
    for form in shorter_forms(event):
        text = json.dumps(form, separators=(",", ":"))
        if len(text.encode()) <= EVENT_BYTES:
            break
    return text
