"""A loopback HTTP server that hands requests to Lambda handlers, as API Gateway does."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, override

from tests.gateway import route
from tests.handlers import gateway_event, load_handler


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
