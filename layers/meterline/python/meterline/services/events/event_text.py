"""An event as it leaves Meterline: JSON of a bounded length."""

import json
from collections.abc import Mapping
from typing import Any, Final

from meterline.services.base.outbox import shorter_forms, tells_no_content
from meterline.services.events.thin_events import related_object

EVENT_BYTES: Final = 250_000
"""What an event takes at most where it is sent. SNS takes 256 KiB with attributes; EventBridge has
taken 1 MiB since 2026, but what its rules lead to may take less.
"""


def event_text(event: Mapping[str, Any]) -> str:
    """An event of either dialect as JSON, in the longest of its forms that may be sent.

    One that says no more of its object than its id says where that is read, as thin events do.
    """
    whole: Any = event
    for form in shorter_forms(whole):
        is_short = "related_object" not in form and tells_no_content(form)
        shown = form | {"related_object": related_object(form)} if is_short else form
        text = json.dumps(shown, separators=(",", ":"))
        if len(text.encode()) <= EVENT_BYTES:
            break
    return text
