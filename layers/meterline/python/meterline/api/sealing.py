"""Stored answers may hold secrets and personal data: only the key that asked can open them.

The encryption key follows from the API key's secret, of which only a digest is stored, so nothing
that lies in the table opens what lies in the table. SHAKE-256 over (key, nonce) is the key stream,
HMAC-SHA256 authenticates (encrypt, then MAC); both are in the standard library.
"""

import hashlib
import hmac
import secrets
import zlib

_NONCE_BYTES = 16
_TAG_BYTES = 32


class BrokenSeal(Exception):  # noqa: N818 - reads as what happened
    """The data was changed, or sealed with another secret."""


def seal(secret: str, data: bytes) -> bytes:
    """``data``, compressed and encrypted for the holder of ``secret``."""
    nonce = secrets.token_bytes(_NONCE_BYTES)
    text = _mask(secret, nonce, zlib.compress(data))
    return nonce + _tag(secret, nonce + text) + text


def unseal(secret: str, sealed: bytes) -> bytes:
    """The data that ``seal`` encrypted; BrokenSeal when it is not authentic."""
    nonce, tag = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES : _NONCE_BYTES + _TAG_BYTES]
    text = sealed[_NONCE_BYTES + _TAG_BYTES :]
    if not hmac.compare_digest(tag, _tag(secret, nonce + text)):
        raise BrokenSeal
    return zlib.decompress(_mask(secret, nonce, text))


def _mask(secret: str, nonce: bytes, data: bytes) -> bytes:
    """``data`` exclusive-or the key stream of (secret, nonce); its own inverse."""
    stream = hashlib.shake_256(_key(secret, b"encrypt") + nonce).digest(len(data))
    mixed = int.from_bytes(data) ^ int.from_bytes(stream)
    return mixed.to_bytes(len(data))


def _tag(secret: str, data: bytes) -> bytes:
    return hmac.digest(_key(secret, b"authenticate"), data, "sha256")


def _key(secret: str, purpose: bytes) -> bytes:
    return hmac.digest(secret.encode(), b"meterline stored answer: " + purpose, "sha256")
