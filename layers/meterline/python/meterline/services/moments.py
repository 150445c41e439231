"""Instants as v2 of the API writes them."""

from datetime import UTC, datetime


def rfc3339(milliseconds: int) -> str:
    """An instant (UTC milliseconds) in RFC 3339, UTC, with milliseconds."""
    moment = datetime.fromtimestamp(milliseconds // 1_000, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{milliseconds % 1_000:03d}Z"
