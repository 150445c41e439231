"""A service that meets requests as told, and the clients that ask it: ours, and plain botocore."""

import json
import socket
import ssl
import threading
from binascii import crc32
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.session import Session

from meterline.store.base import clients
from meterline.store.base.budgets import ATTEMPTS

GOOD = b'{"Item":{"pk":{"B":"AP8="}}}'
ITEM = {"pk": {"B": b"\x00\xff"}}
type Talk = Callable[[socket.socket, int], bool]
"""Answers the n-th request, which was read; whether the connection goes on."""


def http(body: bytes, status: str = "200 OK", *lines: str) -> bytes:
    """An answer as DynamoDB writes it."""
    head = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "x-amzn-RequestId: R", *lines]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + body


def says(answer: bytes) -> Talk:
    """Sends it at once."""

    def talk(connection: socket.socket, _: int) -> bool:
        connection.sendall(answer)
        return True

    return talk


def in_pieces(answer: bytes) -> Talk:
    """Sends it byte by byte."""

    def talk(connection: socket.socket, _: int) -> bool:
        for byte in answer:
            connection.sendall(bytes([byte]))
        return True

    return talk


def hangs_up(begun: bytes = b"") -> Talk:
    """Ends the connection, perhaps within an answer."""

    def talk(connection: socket.socket, _: int) -> bool:
        connection.sendall(begun)
        return False

    return talk


def resets(connection: socket.socket, _: int) -> bool:
    """Breaks the connection off."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    return False


@dataclass
class Server:
    """Meets each request with the next of some talks, the last one for ever, and keeps requests."""

    talks: list[Talk] = field(default_factory=lambda: [says(http(GOOD))])
    tls: ssl.SSLContext | None = None
    requests: list[bytes] = field(default_factory=list)
    connections: int = 0
    ended: threading.Event = field(default_factory=threading.Event)
    counting: threading.Lock = field(default_factory=threading.Lock)

    def serve(self, listening: socket.socket) -> None:
        """Take connections until the socket is closed."""
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._meet, args=[connection], daemon=True).start()

    def _meet(self, connection: socket.socket) -> None:
        with closing(connection), ExitStack() as stack:
            try:
                if self.tls is not None:
                    connection = stack.enter_context(
                        self.tls.wrap_socket(connection, server_side=True)
                    )
                while (request := _request(connection)) and self._answer(connection, request):
                    pass
            except OSError:
                return

    def _answer(self, connection: socket.socket, request: bytes) -> bool:
        with self.counting:
            self.requests.append(request)
            number = len(self.requests)
        return self.talks[min(number, len(self.talks)) - 1](connection, number)

    def silent(self, *_: object) -> bool:
        """Does what was asked, and says nothing until the test is done."""
        self.ended.wait(10)
        return False


def _request(connection: socket.socket) -> bytes:
    request = b""
    while b"\r\n\r\n" not in request:
        more = connection.recv(65_536)
        if not more:
            return b""
        request += more
    head, _, body = request.partition(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
    while len(body) < length:
        body += connection.recv(65_536)
    return head + b"\r\n\r\n" + body


@contextmanager
def serving(server: Server) -> Iterator[int]:
    """The port at which a server listens."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=server.serve, args=[listening], daemon=True).start()
        yield listening.getsockname()[1]
        server.ended.set()
        listening.shutdown(socket.SHUT_RDWR)


@contextmanager
def ours(port: int, scheme: str = "http", host: str = "127.0.0.1", path: str = "") -> Iterator[Any]:
    """Our client of a server."""
    with patch.dict("os.environ", {"AWS_ENDPOINT_URL": f"{scheme}://{host}:{port}{path}"}):
        clients.reset_clients()
        yield clients.dynamodb()
    clients.reset_clients()


@contextmanager
def botocores(port: int, scheme: str = "http", host: str = "127.0.0.1") -> Iterator[Any]:
    """Botocore's client of a server, as it comes, with the same limits."""
    retries: Any = {"mode": "standard", "total_max_attempts": ATTEMPTS}
    limits = vars(clients)
    connect, read = limits["CONNECT_SECONDS"], limits["READ_SECONDS"]
    config = Config(connect_timeout=connect, read_timeout=read, retries=retries)
    url = f"{scheme}://{host}:{port}"
    client = Session().create_client("dynamodb", endpoint_url=url, config=config)
    yield client
    client.close()


def get(client: Any) -> Any:
    """One small call."""
    return client.get_item(TableName="t", Key={"pk": {"S": "1"}})


def outcome(client: Any) -> tuple[Any, ...]:
    """What a call comes to."""
    try:
        answer = get(client)
    except ClientError as error:
        return type(error).__name__, error.response
    except BotoCoreError as error:
        return (type(error).__name__,)
    return "answered", answer


CRC = f"x-amz-crc32: {crc32(GOOD)}"
WRONG_CRC = "x-amz-crc32: 1"
REFUSED = b'{"__type":"com.amazonaws#ConditionalCheckFailedException","message":"no"}'
THROTTLED = b'{"__type":"com.amazonaws#ProvisionedThroughputExceededException","message":"slow"}'
CANCELLED = json.dumps(
    {
        "__type": "com.amazonaws#TransactionCanceledException",
        "Message": "cancelled",
        "CancellationReasons": [{"Code": "None"}, {"Code": "X", "Item": {"pk": {"B": "AA=="}}}],
    }
).encode()
IN_CHUNKS = (
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
     b"6\r\n" + GOOD[:6] + b"\r\n%x\r\n" % len(GOOD[6:]) + GOOD[6:] + b"\r\n0\r\n\r\n"
)  # fmt: skip
OK = says(http(GOOD, "200 OK", CRC))
MET: dict[str, list[Talk]] = {
    "an answer": [OK],
    "an answer byte by byte": [in_pieces(http(GOOD, "200 OK", CRC))],
    "an answer of a megabyte": [says(http(b'{"Item":{"pk":{"S":"%s"}}}' % (b"x" * 2**20)))],
    "an answer in chunks": [says(IN_CHUNKS)],
    "chunks that break off": [hangs_up(IN_CHUNKS[:-20]), OK],
    "an answer after an interim one": [says(b"HTTP/1.1 100 Continue\r\n\r\n" + http(GOOD))],
    "an answer until the end": [hangs_up(b"HTTP/1.1 200 OK\r\n\r\n" + GOOD)],
    "an answer of HTTP/1.0": [hangs_up(http(GOOD).replace(b"HTTP/1.1", b"HTTP/1.0"))],
    "a header twice": [says(http(GOOD, "200 OK", "x-a: 1", "x-a: 2"))],
    "a header in two lines": [says(http(GOOD, "200 OK", "x-a: 1", " 2"))],
    "a longer answer than said": [says(http(GOOD) + b"more")],
    "no reason": [says(http(GOOD, "200"))],
    "a refusal": [says(http(REFUSED, "400 Bad Request"))],
    "a cancelled transaction": [says(http(CANCELLED, "400 Bad Request"))],
    "throttled once": [says(http(THROTTLED, "400 Bad Request")), OK],
    "throttled for ever": [says(http(THROTTLED, "400 Bad Request"))],
    "failed once": [says(http(b"{}", "500 Error")), OK],
    "failed for ever": [says(http(b"<html>busy</html>", "503 Busy"))],
    "a redirect": [says(http(b"", "302 Found", "Location: /elsewhere"))],
    "damaged once": [says(http(GOOD, "200 OK", WRONG_CRC)), OK],
    "damaged for ever": [says(http(GOOD, "200 OK", WRONG_CRC))],
    "nothing": [says(http(b""))],
    "no content": [says(b"HTTP/1.1 204 No Content\r\n\r\n")],
    "no JSON": [says(http(b"oops"))],
    "hung up without an answer": [hangs_up(), OK],
    "hung up for ever": [hangs_up()],
    "broken off": [resets, OK],
    "broken off for ever": [resets],
    "half a head": [hangs_up(http(GOOD)[:30]), OK],
    "half an answer": [hangs_up(http(GOOD)[:-5]), OK],
    "half an answer for ever": [hangs_up(http(GOOD)[:-5])],
    "another protocol": [hangs_up(b"SSH-2.0-server\r\n\r\n"), OK],
    "a head without an end": [hangs_up(b"HTTP/1.1 200 OK\r\nx: " + b"y" * 70_000), OK],
    "too many headers": [hangs_up(http(GOOD, "200 OK", *[f"x-{n}: y" for n in range(200)])), OK],
}


def echoes(server: Server) -> Talk:
    """Finds an item with the key that is asked for."""

    def talk(connection: socket.socket, number: int) -> bool:
        asked = json.loads(server.requests[number - 1].partition(b"\r\n\r\n")[2])
        item = {"pk": asked["ExpressionAttributeValues"][":pk"]}
        connection.sendall(http(json.dumps({"Items": [item]}).encode()))
        return True

    return talk
