"""The functions' handlers, and the events that API Gateway makes of requests."""

import base64
import importlib.util
from collections.abc import Callable
from functools import cache, wraps
from pathlib import Path
from typing import Any

from tests.lambda_context import LambdaContext

type Handler = Callable[[dict[str, Any], object], dict[str, Any]]

FUNCTIONS = Path(__file__).parents[1] / "functions"


@cache
def load_handler(function: str) -> Handler:
    """The handler of a function's folder; an invocation of nobody's where it is given none."""
    path = FUNCTIONS / function / "app.py"
    specification = importlib.util.spec_from_file_location(f"functions.{function}", path)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    handler: Handler = module.handler

    @wraps(handler)
    def invoke(event: dict[str, Any], context: object) -> dict[str, Any]:
        return handler(event, context or LambdaContext())

    return invoke


def gateway_event(
    method: str, target: str, headers: dict[str, str], body: bytes = b"", *, encoded: bool = False
) -> dict[str, Any]:
    """The event that API Gateway makes of a request (payload format 2.0)."""
    path, _, query = target.partition("?")
    sent = {name.lower(): value for name, value in headers.items()}
    cookies = sent.pop("cookie", "")
    return {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": query,
        **({"cookies": cookies.split("; ")} if cookies else {}),
        "headers": sent,
        "requestContext": {"http": {"method": method, "path": path}, "stage": "$default"},
        "body": base64.b64encode(body).decode() if encoded else body.decode(),
        "isBase64Encoded": encoded,
    }
