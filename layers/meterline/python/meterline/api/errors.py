"""Refusals and failures as Stripe's error bodies, in the dialect of the request."""

import os
from collections.abc import Mapping
from urllib.parse import quote

from meterline.core.base.errors import BillingError

_V2_CODES = {
    400: "invalid_request",
    401: "unauthenticated",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    409: "conflict",
    413: "request_too_large",
    415: "unsupported_media_type",
    429: "rate_limit",
    500: "internal_error",
}

_V1_MISSING = "resource_missing"
"""What v1 says of a missing object, and v2 with the code of its status."""


_OWN_CODES = frozenset(("console_session_expired", "missing", "url_invalid", "usage_rows_expired"))
"""Codes that Stripe does not document."""

_CODES = "https://stripe.com/docs/error-codes/"


def error_body(
    error: BillingError, *, is_v2: bool, log_url: str | None = None
) -> Mapping[str, Mapping[str, object]]:
    """The JSON body of a refusal: v1 has ``type`` and optional fields, v2 always has ``code``.

    ``log_url`` leads the operator to the log of the request.
    """
    if is_v2:
        usual = _V2_CODES.get(error.status, "invalid_request")
        code = usual if error.code in (None, _V1_MISSING) else error.code
        return {"error": {"code": code, "message": error.message, "type": error.type}}
    optional = {
        "code": error.code,
        "doc_url": _documentation(error.code),
        "param": error.param,
        "request_log_url": log_url,
    }
    present = {name: value for name, value in optional.items() if value is not None}
    return {"error": {"type": error.type, "message": error.message, **present}}


def request_log_url(request_id: str) -> str:
    """Where the console shows the log lines of a request; only the account's own people see it."""
    region = os.environ.get("AWS_REGION", "")
    partition = next((prefix for prefix in _CONSOLES if region.startswith(prefix)), "")
    console = f"https://{_CONSOLES.get(partition, _CONSOLE)}/cloudwatch/home"
    group = os.environ.get("AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/meterline")
    twice = quote(quote(group, safe=""), safe="").replace("%", "$")
    return (
        f"{console}?region={region}#logsV2:log-groups/log-group/{twice}/log-events"
        f"$3FfilterPattern$3D$2522{request_id}$2522"
    )


_CONSOLE = "console.aws.amazon.com"
_CONSOLES = {"cn-": "console.amazonaws.cn", "us-gov-": "console.amazonaws-us-gov.com"}


def _documentation(code: str | None) -> str | None:
    """Where Stripe documents a code."""
    if code is None or code in _OWN_CODES:
        return None
    return _CODES + code.replace("_", "-")


def internal_error() -> BillingError:
    """The answer to an unexpected exception: it shows nothing of the inside."""
    return BillingError(
        "An unexpected error occurred; nothing tells whether the request took effect. "
        "Repeat it with the same Idempotency-Key.",
        status=500,
        type="api_error",
    )


def busy() -> BillingError:
    """The refusal of a request that lost every race for an object to other requests."""
    return BillingError(
        "This object cannot be accessed right now because another API request is currently "
        "accessing it. Repeat the request.",
        code="lock_timeout",
        status=409,
    )


def rate_limited() -> BillingError:
    """The refusal of a request that the database throttled."""
    return BillingError("Request rate limit exceeded. Slow down.", code="rate_limit", status=429)


def unknown_route(method: str, path: str) -> BillingError:
    """The refusal of a path that the API does not have, or of a method that it does not take."""
    hint = (
        ""
        if not path.endswith("/")
        else (
            " If you are trying to list objects, remove the trailing slash. If you are trying to "
            "retrieve an object, make sure you passed a valid (non-empty) identifier in your code."
        )
    )
    return BillingError(
        f"Unrecognized request URL ({method[:20]}: {path[:200]}).{hint} Please see "
        "https://stripe.com/docs or we can help at https://support.stripe.com/.",
        status=404,
    )


def wrong_method(method: str, path: str, allowed: list[str]) -> BillingError:
    """The refusal of a method that a known path of v2 does not take."""
    return BillingError(
        f"{path[:200]} does not accept {method[:20]}; it accepts {', '.join(allowed)}.", status=405
    )
