"""A loopback HTTP server that hands requests to Lambda handlers, as API Gateway does."""

import base64
import importlib.util
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, wraps
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, override

from tests.gateway import route
from tests.lambda_context import LambdaContext

type Handler = Callable[[dict[str, Any], object], dict[str, Any]]

FUNCTIONS = Path(__file__).parents[3] / "functions"


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


class Bridge:
    """The server, what it answered, and whether the next answers are lost on the way."""

    def __init__(self) -> None:
        self.answers: list[tuple[str, int, Any]] = []
        self.lose_answers = 0
        self.address = ""

    def call(self, event: dict[str, Any]) -> dict[str, Any]:
        """Invoke the function that serves the event's path."""
        path = event["rawPath"]
        method = event["requestContext"]["http"]["method"]
        response = load_handler(route(method, path).folder)(event, None)
        body = json.loads(response["body"])
        self.answers.append((f"{method} {path}", response["statusCode"], body))
        return response


@contextmanager
def serving() -> Iterator[Bridge]:
    """A running bridge."""
    bridge = Bridge()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler_class(bridge))
    server.daemon_threads = True
    bridge.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield bridge
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def gateway_event(
    method: str, target: str, headers: dict[str, str], body: bytes = b"", *, encoded: bool = False
) -> dict[str, Any]:
    """The event that API Gateway makes of a request (payload format 2.0)."""
    path, _, query = target.partition("?")
    return {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": query,
        "headers": {name.lower(): value for name, value in headers.items()},
        "requestContext": {"http": {"method": method, "path": path}, "stage": "$default"},
        "body": base64.b64encode(body).decode() if encoded else body.decode(),
        "isBase64Encoded": encoded,
    }


def _handler_class(bridge: Bridge) -> type[BaseHTTPRequestHandler]:
    class _Exchange(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1
        """One packet for an answer: the second would wait 40 ms for the first's acknowledgement."""

        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            headers = dict(self.headers.items())
            response = bridge.call(
                gateway_event(self.command, self.path, headers, body, encoded=True)
            )
            if bridge.lose_answers:
                bridge.lose_answers -= 1
                self.close_connection = True
                return
            data = response["body"].encode()
            self.send_response(response["statusCode"])
            for name, value in response["headers"].items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_DELETE = do_PUT = _serve  # noqa: N815 - names of http.server

        @override
        def log_message(self, *_: object) -> None:
            """Keep the test's output to itself."""

    return _Exchange
