"""Times that people write: on the command line, and in files that they import."""

import re
from datetime import UTC, datetime
from typing import Final

from dateutil.parser import isoparser

NOT_A_TIME: Final = (
    "is not a time: give it in ISO 8601, such as 2026-03-01T10:30:00+02:00 (UTC without an offset),"
    " or in seconds since 1970"
)
"""What is said of anything else, after the text itself."""

# ISO 8601 puts a T between date and time. Nothing else may stand there but a space: of
# 2026-03-01+02:00 it is not plain whether the hour or the offset is meant.
_ISO_8601: Final = isoparser(sep="T")
_SPACED: Final = re.compile(r"^(\S+?)[Tt ](\d\S*)(?: ([+-]\S+))?$")


def read_time(text: str) -> datetime:
    """A time in UTC from ISO 8601 (UTC unless it says otherwise) or from seconds since 1970.

    ISO 8601 in any of its forms, also with spaces around the time of day as many programs write
    it. Raises ValueError, whose message is ``NOT_A_TIME``, for anything else.
    """
    text = text.strip()
    try:
        if text.isdigit():
            return datetime.fromtimestamp(int(text), UTC)
        moment = _ISO_8601.isoparse(_SPACED.sub(_as_iso, text))
        return moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        raise ValueError(f"{text!r} {NOT_A_TIME}") from None


def _as_iso(parts: re.Match[str]) -> str:
    return f"{parts[1]}T{parts[2]}{parts[3] or ''}"
