"""A loopback proxy before a deployment: it hears every answer, and can keep one from its client."""

import http.client
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import override
from urllib.parse import urlsplit

from local.proxy import Forwarder, Server
from tests.contract.answers import WATCH, Answer

LOSE = "/tap/lose_next_answer"
"""A request for this path makes the tap lose the answer to the next POST, after it took effect."""

_DEAD = b'{"message":"Internal Server Error"}'


@dataclass(slots=True)
class Tap:
    """Where the tap listens, and how many answers to POSTs it will still lose or spoil.

    A lost answer ends the connection, as if the network broke; a spoilt one becomes what API
    Gateway says when a function died.
    """

    address: str
    lose: int = 0
    spoil: int = 0


@contextmanager
def tapping(base: str) -> Iterator[Tap]:
    """A tap before the API at ``base``; what it hears goes to ``WATCH``."""
    behind = urlsplit(base)
    tap = Tap("")
    attributes = {"upstream": (behind.hostname, behind.port), "prefix": behind.path, "tap": tap}
    with Server(("127.0.0.1", 0), type("Handler", (_Tapped,), attributes)) as server:
        tap.address = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield tap
        finally:
            server.shutdown()
            thread.join()


class _Tapped(Forwarder):
    tap: Tap

    @override
    def forward(self) -> None:
        if self.path != LOSE:
            super().forward()
            return
        self.tap.lose += 1
        self.send_response(204)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_GET = do_POST = do_DELETE = do_PUT = do_PATCH = do_HEAD = do_OPTIONS = forward  # noqa: N815 - the names that http.server looks for

    @override
    def reply(self, response: http.client.HTTPResponse, content: bytes) -> None:
        headers = {name.lower(): value for name, value in response.getheaders()}
        path = self.path.partition("?")[0]
        WATCH.hear(Answer(self.command, path, response.status, headers, content.decode()))
        if self.command == "POST" and self.tap.lose:
            self.tap.lose -= 1
            self.close_connection = True
        elif self.command == "POST" and self.tap.spoil:
            self.tap.spoil -= 1
            self.send_response(500)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(_DEAD)))
            self.end_headers()
            self.wfile.write(_DEAD)
        else:
            super().reply(response, content)
