"""Opaque page tokens: a place in a list that only the key it was given to can come back with."""

import base64
import binascii
import hmac
import json
from collections.abc import Mapping
from typing import Any

from meterline.core.base.errors import BillingError

_TAG_BYTES = 12


def page_token(secret: str, place: Mapping[str, Any]) -> str:
    """The token for ``place``, authenticated with the secret of the key that asks."""
    text = json.dumps(place, separators=(",", ":"), sort_keys=True).encode()
    return base64.urlsafe_b64encode(_tag(secret, text) + text).decode().rstrip("=")


def read_page_token(secret: str, token: str) -> Mapping[str, Any]:
    """The place of a token; BillingError when it is not one that this key was given."""
    try:
        data = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    except (binascii.Error, ValueError):
        data = b""
    tag, text = data[:_TAG_BYTES], data[_TAG_BYTES:]
    if not hmac.compare_digest(tag, _tag(secret, text)):
        raise BillingError("Invalid page: use the page of the answer before.", param="page")
    place: Mapping[str, Any] = json.loads(text)
    return place


def _tag(secret: str, text: bytes) -> bytes:
    return hmac.digest(secret.encode(), b"meterline page: " + text, "sha256")[:_TAG_BYTES]
