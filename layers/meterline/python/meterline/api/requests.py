"""API Gateway's HTTP API event (payload format 2.0) as a request, and its parameters."""

import base64
import binascii
import json
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any
from urllib.parse import unquote

from meterline.api.forms import Form, decode_form, merge_forms
from meterline.core.base.errors import BillingError
from meterline.core.base.frozen import frozen

MAX_BODY_BYTES = 1_000_000
MAX_KEY_LENGTH = 255
_JSON_DEPTH_LIMIT = 20
_OF_A_VERSION = re.compile(r"/v[12]/|/openapi\.json$")


@frozen
class Request:
    """One HTTP request. Header names are lower-case; ``path`` has no stage and no query.

    ``domain`` is the name that API Gateway was called by, and ``base_path`` what stands before the
    path at its root: the gateway says so, not the sender.
    """

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes
    domain: str = ""
    base_path: str = ""

    @property
    def is_v2(self) -> bool:
        """Whether it speaks the v2 dialect: JSON bodies, errors with a code."""
        return self.path.startswith("/v2/")

    def header(self, name: str) -> str | None:
        """The header's value, or None if it is absent or empty."""
        return self.headers.get(name) or None

    def cookie(self, name: str) -> str | None:
        """The value of a cookie, or None if there is none."""
        pairs = (pair.partition("=") for pair in self.headers.get("cookie", "").split(";"))
        return next((value.strip() for key, _, value in pairs if key.strip() == name), None)


def read_request(event: Mapping[str, Any]) -> Request:
    """The request that an API Gateway event carries; never fails on odd but well-formed events."""
    context = event.get("requestContext", {})
    path = _path(event)
    headers = {k.lower(): str(v) for k, v in (event.get("headers") or {}).items()}
    if event.get("cookies"):  # API Gateway takes them out of the headers
        headers["cookie"] = "; ".join(map(str, event["cookies"]))
    return Request(
        method=str(context.get("http", {}).get("method", "GET")).upper(),
        path=unquote(path, errors="replace"),
        query=str(event.get("rawQueryString") or ""),
        headers=headers,
        body=_body(event),
        domain=str(context.get("domainName", "")),
        base_path=str(event.get("rawPath") or path).removesuffix(path),
    )


def _path(event: Mapping[str, Any]) -> str:
    """The path below the API's root: API Gateway leaves the stage before it, and the base path
    under which a domain has the API (``/billing/v1/customers``).

    A route says how its paths begin. The default route takes what has no beginning; on a domain of
    the operator's the API's own begins with its version.
    """
    context = event.get("requestContext", {})
    path = str(event.get("rawPath") or context.get("http", {}).get("path") or "/")
    stage = context.get("stage", "$default")
    if stage != "$default" and path.startswith(f"/{stage}/"):
        path = path.removeprefix(f"/{stage}")
    route = str(context.get("routeKey", "")).partition(" ")[2].partition("{")[0]
    if route:
        return path[max(path.find(route), 0) :]
    if ".execute-api." in str(context.get("domainName", ".execute-api.")):
        return path
    below = _OF_A_VERSION.search(path)
    return path[below.start() :] if below else path


def read_params(request: Request) -> Form:
    """The request's parameters, nested: form or JSON body, query, or both.

    Raises BillingError: 400 for text that cannot be decoded, 413 for a body that is too large. A
    body of another type is 400 in v1, in Stripe's words, and 415 in v2.
    """
    if len(request.body) > MAX_BODY_BYTES:
        raise BillingError(
            f"The request body is too large: at most {MAX_BODY_BYTES} bytes are accepted.",
            status=413,
        )
    query = decode_form(request.query)
    if request.method == "GET" or not request.body:
        return query
    return merge_forms(query, _json(request) if request.is_v2 else _form(request))


def idempotency_key(request: Request) -> str | None:
    """The request's Idempotency-Key; only POST has one in v1, v2 DELETE too."""
    if request.method != "POST":
        return None
    key = request.header("idempotency-key")
    if key is not None and len(key) > MAX_KEY_LENGTH:
        raise BillingError(
            f"Idempotency keys are at most {MAX_KEY_LENGTH} characters long.",
            type="idempotency_error",
        )
    if key is not None and not (key.isascii() and key.isprintable()):
        raise BillingError(
            "Idempotency keys are made of printable ASCII characters: the answer repeats them in a "
            "header.",
            type="idempotency_error",
        )
    return key


def _body(event: Mapping[str, Any]) -> bytes:
    text = event.get("body") or ""
    if not event.get("isBase64Encoded"):
        return str(text).encode("utf-8", "surrogatepass")
    try:
        return base64.b64decode(text)
    except (binascii.Error, ValueError):
        return b"\xff"


def _form(request: Request) -> Form:
    if _media_type(request) not in ("", "application/x-www-form-urlencoded"):
        raise BillingError(
            "Invalid request (check that your POST content type is"
            " application/x-www-form-urlencoded). If you have any questions, we can help at"
            " https://support.stripe.com/."
        )
    try:
        return decode_form(request.body.decode("utf-8"))
    except UnicodeDecodeError:
        raise BillingError("The request body is not valid UTF-8.") from None


def _json(request: Request) -> Form:
    media_type = _media_type(request)
    if media_type not in ("", "application/json"):
        raise BillingError(
            f"v2 endpoints take application/json bodies, not {media_type[:100]}.",
            code="invalid_request_content_type",
            status=415,
        )
    try:
        body = json.loads(request.body, parse_float=_decimal, parse_constant=_no_number)
    except (ValueError, RecursionError):
        raise BillingError("The request body is not valid JSON.", code="invalid_json") from None
    if not isinstance(body, dict):
        raise BillingError("The request body must be a JSON object.", code="invalid_json")
    if _depth(body) > _JSON_DEPTH_LIMIT:
        raise BillingError("The request body is nested too deeply.", code="invalid_json")
    return body


def _decimal(text: str) -> Decimal:
    """A number as it is written; one whose exponent has no end is none."""
    try:
        return Decimal(text)
    except ArithmeticError:
        raise ValueError(text) from None


def _no_number(name: str) -> None:
    """NaN and the infinities are not JSON, though Python's parser takes them."""
    raise ValueError(name)


def _media_type(request: Request) -> str:
    return (request.header("content-type") or "").partition(";")[0].strip().lower()


def _depth(value: Any) -> int:  # noqa: ANN401 - any JSON
    """How deeply ``value`` is nested, found without recursion so that no input can exhaust it."""
    depth, level = 0, [value]
    while level and depth <= _JSON_DEPTH_LIMIT:
        groups = [group.values() if isinstance(group, dict) else group for group in level]
        level = [child for group in groups for child in group if isinstance(child, (dict, list))]
        depth += 1
    return depth
