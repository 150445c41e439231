"""What a browser is answered: a page or an asset, and the headers that keep it safe."""

import gzip
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import field
from typing import Final, NotRequired, TypedDict

from meterline.core.base.frozen import frozen

HTML: Final = "text/html; charset=utf-8"
_LEAST_PACKED_BYTES: Final = 1_000

_POLICY: Final = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self'",
    "font-src": "'self'",
    "connect-src": "'self'",
    "form-action": "'self'",
    "base-uri": "'none'",
    "frame-ancestors": "'none'",
}
"""What a page may load: nothing from another origin, and no script or style that stands in it."""

HEADERS: Final = {
    "cache-control": "no-store",
    "content-security-policy": "; ".join(f"{name} {value}" for name, value in _POLICY.items()),
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=()",
    "referrer-policy": "no-referrer",
    "strict-transport-security": "max-age=63072000",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "x-robots-tag": "noindex, nofollow",
}
"""Headers of every answer: an address that is a secret must not leave in a ``Referer``, and no
cache or search engine may keep what it leads to."""


@frozen
class Page:
    """An answer to a browser. ``headers`` are put over those of every answer."""

    body: bytes
    status: int = 200
    content_type: str = HTML
    headers: Mapping[str, str] = field(default_factory=dict)
    cookies: tuple[str, ...] = ()


class BrowserResponse(TypedDict):
    """What API Gateway takes (payload format 2.0)."""

    statusCode: int
    headers: dict[str, str]
    body: str
    isBase64Encoded: bool
    cookies: NotRequired[list[str]]


def moved(address: str, status: int = 303, cookies: tuple[str, ...] = ()) -> Page:
    """An answer that sends the browser to another address of this origin."""
    return Page(b"", status, headers={"location": address}, cookies=cookies)


def response_of(page: Page, accepted_encodings: str) -> BrowserResponse:
    """A page as API Gateway takes it, packed if the browser unpacks it."""
    headers = HEADERS | {"content-type": page.content_type, **page.headers}
    body, is_binary = page.body, not page.content_type.startswith("text/")
    if _packs(page, accepted_encodings):
        body, is_binary = gzip.compress(page.body, 6, mtime=0), True
        headers |= {"content-encoding": "gzip", "vary": "accept-encoding"}
    response: BrowserResponse = {
        "statusCode": page.status,
        "headers": headers,
        "body": (b64encode(body) if is_binary else body).decode(),
        "isBase64Encoded": is_binary,
    }
    if page.cookies:
        response["cookies"] = list(page.cookies)
    return response


def _packs(page: Page, accepted_encodings: str) -> bool:
    """Whether a page is worth packing. One that sets cookies is not packed: its length must say
    nothing of the secrets in it.
    """
    codings = {part.partition(";")[0].strip() for part in accepted_encodings.split(",")}
    is_text = page.content_type.startswith("text/")
    return (
        "gzip" in codings and is_text and len(page.body) >= _LEAST_PACKED_BYTES and not page.cookies
    )
