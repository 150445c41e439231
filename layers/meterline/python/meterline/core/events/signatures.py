"""The header that proves where an event comes from (contract section 10)."""

import hashlib
import hmac
from collections.abc import Iterable


def signature_header(payload: bytes, secrets: Iterable[str], at: int) -> str:
    """``Stripe-Signature`` for a body that is sent at an instant (UTC seconds).

    A signature for each secret: while one is rolled, the former and the new one both verify.
    """
    signed = str(at).encode() + b"." + payload
    digests = (hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest() for secret in secrets)
    return ",".join([f"t={at}", *(f"v1={digest}" for digest in digests)])
