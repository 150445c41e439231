"""CPU of the client for one small call of DynamoDB, answered by another process on this machine.

Ours, and boto3's client as it comes; the floor is the same bytes by hand: JSON, SHA, HMAC, socket.
"""

import hmac
import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from hashlib import sha256
from unittest.mock import patch
from zlib import crc32

import boto3

from meterline.store.base import clients
from tests.benchmarks.promises import SMALL_CALL_CPU
from tests.benchmarks.results import Result, in_parallel

CALLS = 20
REPEATS = 100
"""The least of so many: quiet moments are short."""

_KEY = {"pk": {"S": "t#cus_123456789"}, "sk": {"S": "#"}}
_BODY = json.dumps({"Item": _KEY | {"n": {"N": "12"}}}).encode()
_ANSWER = (
    b"HTTP/1.1 200 OK\r\nServer: Server\r\nDate: Sat, 28 Nov 2026 20:00:00 GMT\r\n"
    b"Content-Type: application/x-amz-json-1.0\r\nContent-Length: %d\r\nConnection: keep-alive\r\n"
    b"x-amzn-RequestId: ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789\r\nx-amz-crc32: %d\r\n\r\n"
) % (len(_BODY), crc32(_BODY)) + _BODY
_SERVER = """
import socket, sys, threading
answer = bytes.fromhex(sys.argv[1])
def talk(connection):
    while request := connection.recv(65_536):
        connection.sendall(answer)
with socket.create_server(("127.0.0.1", 0)) as server:
    print(server.getsockname()[1], flush=True)
    while True:
        threading.Thread(target=talk, args=[server.accept()[0]], daemon=True).start()
"""


def measure() -> Iterator[Result]:
    """A read of one item, by each client."""
    with _served() as port, patch.dict("os.environ", _environment(port)):
        clients.reset_clients()
        made = {"the product's": clients.dynamodb(), "boto3's": boto3.client("dynamodb")}
        for title, client in made.items():
            call = partial(client.get_item, TableName="t", Key=_KEY, ConsistentRead=True)
            with socket.create_connection(("127.0.0.1", port)) as by_hand:
                own, floor = in_parallel(
                    [partial(_often, call)],
                    [partial(_often, partial(_by_hand, by_hand))],
                    repeats=REPEATS,
                )
            yield Result(
                f"one small call with {title} client: CPU",
                own / CALLS * 1e6,
                "µs",
                floor=floor / CALLS * 1e6,
                ratio=own / floor,
                goal=SMALL_CALL_CPU if client is clients.dynamodb() else None,
            )
        clients.reset_clients()


def _often(call: partial[object]) -> None:
    for _ in range(CALLS):
        call()


def _by_hand(connection: socket.socket) -> object:
    asked = json.dumps({"TableName": "t", "Key": _KEY, "ConsistentRead": True}).encode()
    text = f"AWS4-HMAC-SHA256\n{sha256(asked).hexdigest()}"
    signature = hmac.digest(b"key", sha256(text.encode()).digest(), "sha256").hex()
    head = f"POST / HTTP/1.1\r\nAuthorization: {signature}\r\nContent-Length: {len(asked)}\r\n\r\n"
    connection.sendall(head.encode() + asked)
    answer = connection.recv(65_536).partition(b"\r\n\r\n")[2]
    return crc32(answer), json.loads(answer)


def _environment(port: int) -> dict[str, str]:
    return {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "bench",
        "AWS_SECRET_ACCESS_KEY": "bench",
        "AWS_SESSION_TOKEN": "x" * 300,
    }


@contextmanager
def _served() -> Iterator[int]:
    command = [sys.executable, "-c", _SERVER, _ANSWER.hex()]
    with subprocess.Popen(  # noqa: S603 - our own lines
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as server:
        assert server.stdout is not None
        try:
            yield int(server.stdout.readline())
        finally:
            server.terminate()
