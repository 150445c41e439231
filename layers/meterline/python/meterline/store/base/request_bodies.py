"""DynamoDB's requests in one step: its JSON has the form of its API, only bytes are text there."""

import json
from binascii import b2a_base64
from typing import Any


def body_of(params: dict[str, Any]) -> bytes:
    """What is sent for a call's parameters, as they stand."""
    return _WIRE.encode(params).encode()


def _base64(data: bytes) -> str:
    return b2a_base64(data, newline=False).decode()


_WIRE = json.JSONEncoder(separators=(",", ":"), default=_base64, check_circular=False)
"""What a call holds was made for it, and nothing in it holds itself."""
