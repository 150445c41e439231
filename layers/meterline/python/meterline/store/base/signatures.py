"""AWS's Signature Version 4 of a request without a query, as botocore signs it.

https://docs.aws.amazon.com/IAM/latest/UserGuide/create-signed-request.html. The key of a day, a
region and a service is derived once.
"""

import hmac
from functools import lru_cache
from hashlib import sha256
from time import gmtime, strftime, time
from typing import Any, Final, NamedTuple

UNSIGNED: Final = frozenset({"user-agent", "x-amzn-trace-id"})
"""Headers that may change on the way; botocore signs all others that we send."""

_ALGORITHM = "AWS4-HMAC-SHA256"
_DAY_LENGTH = 8


class Scope(NamedTuple):
    """What a signature is valid for, beside the day."""

    region: str
    service: str


def sign(
    headers: dict[str, str],
    body: bytes,
    scope: Scope,
    credentials: Any,  # noqa: ANN401 - botocore's, frozen
    *,
    now: float | None = None,
) -> None:
    """Add what proves who asks to the headers of a POST to ``/``: names are in small letters."""
    moment = _in_words(int(time() if now is None else now))
    headers["x-amz-date"] = moment
    if credentials.token:
        headers["x-amz-security-token"] = credentials.token
    signed = _signed(tuple(headers))
    names = ";".join(signed)
    canonical = "\n".join(
        (
            "POST\n/\n",
            *[f"{name}:{' '.join(headers[name].split())}" for name in signed],
            "",
            names,
            sha256(body).hexdigest(),
        )
    )
    day = moment[:_DAY_LENGTH]
    within = f"{day}/{scope.region}/{scope.service}/aws4_request"
    text = f"{_ALGORITHM}\n{moment}\n{within}\n{sha256(canonical.encode()).hexdigest()}"
    signature = _mac(_key(credentials.secret_key, day, scope), text).hex()
    headers["authorization"] = (
        f"{_ALGORITHM} Credential={credentials.access_key}/{within}, "
        f"SignedHeaders={names}, Signature={signature}"
    )


@lru_cache(maxsize=16)
def _signed(names: tuple[str, ...]) -> list[str]:
    return sorted(set(names) - UNSIGNED)


@lru_cache(maxsize=1)
def _in_words(now: int) -> str:
    return strftime("%Y%m%dT%H%M%SZ", gmtime(now))


@lru_cache(maxsize=4)
def _key(secret: str, day: str, scope: Scope) -> bytes:
    key = f"AWS4{secret}".encode()
    for part in (day, *scope, "aws4_request"):
        key = _mac(key, part)
    return key


def _mac(key: bytes, text: str) -> bytes:
    return hmac.digest(key, text.encode(), "sha256")
