"""Items as the tables' streams show them, in Lambda's JSON."""

from base64 import b64decode
from collections.abc import Mapping
from typing import Any


def as_bytes(value: Mapping[str, Any]) -> bytes:
    """Bytes as a client gives them, or in base64 as Lambda hands them over."""
    data = value["B"]
    return b64decode(data) if isinstance(data, str) else bytes(data)
