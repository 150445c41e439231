"""Instants as v2 of the API writes and reads them."""

from datetime import UTC, datetime

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def rfc3339(milliseconds: int) -> str:
    """An instant (UTC milliseconds) in RFC 3339, UTC, with milliseconds."""
    moment = datetime.fromtimestamp(milliseconds // 1_000, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{milliseconds % 1_000:03d}Z"


def unix_seconds(text: str) -> int | None:
    """The second (UTC, rounded down) of an instant in RFC 3339, or in a form of ISO 8601 with its
    offset; None for anything else. Years are 1 to 9999: what lies before 1970 is negative.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        return None
    since = moment - _EPOCH  # never by way of UTC, which may lie in the year 0 or 10000
    return since.days * 86_400 + since.seconds
