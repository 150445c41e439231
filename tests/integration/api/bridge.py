"""A loopback HTTP server that hands requests to Lambda handlers, as API Gateway does."""

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, override

from tests.gateway import route
from tests.handlers import Handler, gateway_event, load_handler


class Bridge:
    """The server, what it answered, and whether the next answers are lost on the way."""

    def __init__(self) -> None:
        self.answers: list[tuple[str, int, Any]] = []
        self.lose_answers = 0
        self.address = ""

    def handler_of(self, method: str, path: str) -> Handler:
        """The handler of the function that the template's routes lead to."""
        return load_handler(route(method, path).folder)

    def call(self, event: dict[str, Any]) -> dict[str, Any]:
        """Invoke the function that serves the event's path."""
        path = event["rawPath"]
        method = event["requestContext"]["http"]["method"]
        response = self.handler_of(method, path)(event, None)
        is_json = response["headers"]["content-type"] == "application/json"
        body = json.loads(response["body"]) if is_json else None
        self.answers.append((f"{method} {path}", response["statusCode"], body))
        return response


@contextmanager
def serving(bridge: Bridge | None = None) -> Iterator[Bridge]:
    """A running bridge."""
    bridge = bridge or Bridge()
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
            text = response["body"].encode()
            data = base64.b64decode(text) if response["isBase64Encoded"] else text
            self.send_response(response["statusCode"])
            for name, value in response["headers"].items():
                self.send_header(name, value)
            for cookie in response.get("cookies", ()):
                self.send_header("set-cookie", cookie)
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_DELETE = do_PUT = _serve  # noqa: N815 - names of http.server

        @override
        def log_message(self, *_: object) -> None:
            """Keep the test's output to itself."""

    return _Exchange
