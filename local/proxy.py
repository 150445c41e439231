"""Gives the local API a root: forwards every request to a path prefix of another server, as it is.

API Gateway's own addresses have the API at their root; MiniStack serves it under a prefix, and SDKs
take no prefix. There is no logic here: what comes in goes out.

    python -m local.proxy PORT UPSTREAM_HOST UPSTREAM_PORT PREFIX
"""

import http.client
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TIMEOUT_SECONDS = 60
_OF_THE_CONNECTION = {
    "connection",
    "host",
    "keep-alive",
    "proxy-connection",
    "te",
    "transfer-encoding",
    "upgrade",
}


class Forwarder(BaseHTTPRequestHandler):
    """One client's connection, with a connection of its own to the server behind."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    upstream: tuple[str, int]
    prefix: str
    _behind: http.client.HTTPConnection | None = None

    def forward(self) -> None:
        """Pass the request on and the response back."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        try:
            response, content = self._ask(body)
        except OSError as error:
            self.send_error(502, f"The local stack does not answer: {error}")
            return
        self.reply(response, content)

    do_GET = do_POST = do_DELETE = do_PUT = do_PATCH = do_HEAD = do_OPTIONS = forward  # noqa: N815 - the names that http.server looks for

    def reply(self, response: http.client.HTTPResponse, content: bytes) -> None:
        """Pass the response back."""
        self.send_response_only(response.status, response.reason)
        for name, value in response.getheaders():
            if name.lower() not in _OF_THE_CONNECTION | {"content-length"}:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def finish(self) -> None:
        """Close both connections."""
        if self._behind is not None:
            self._behind.close()
        super().finish()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
        """Say nothing: the functions log their requests."""

    def _ask(self, body: bytes) -> tuple[http.client.HTTPResponse, bytes]:
        """The answer from behind; once more on a fresh connection if an idle one was closed."""
        try:
            return self._ask_once(body)
        except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError):
            self._behind = None
            return self._ask_once(body)

    def _ask_once(self, body: bytes) -> tuple[http.client.HTTPResponse, bytes]:
        if self._behind is None:
            host, port = self.upstream
            self._behind = http.client.HTTPConnection(host, port, timeout=TIMEOUT_SECONDS)
        headers = {
            name: value
            for name, value in self.headers.items()
            if name.lower() not in _OF_THE_CONNECTION
        }
        self._behind.request(self.command, self.prefix + self.path, body or None, headers)
        response = self._behind.getresponse()
        return response, response.read()


class Server(ThreadingHTTPServer):
    """Takes many connections at once."""

    request_queue_size = 128
    daemon_threads = True


def serve(port: int, upstream: tuple[str, int], prefix: str) -> None:
    """Forward from ``port`` on the loopback interface until the process is stopped."""
    handler = type("Handler", (Forwarder,), {"upstream": upstream, "prefix": prefix})
    with Server(("127.0.0.1", port), handler) as server:
        server.serve_forever()


if __name__ == "__main__":
    serve(int(sys.argv[1]), (sys.argv[2], int(sys.argv[3])), sys.argv[4])
