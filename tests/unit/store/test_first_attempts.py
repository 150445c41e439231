"""Our client sends first attempts by itself, and all that may come of one is botocore's outcome."""

import json
import socket
import ssl
import threading
from binascii import crc32
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSPreparedRequest, AWSRequest
from botocore.client import BaseClient
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    NoCredentialsError,
    ReadTimeoutError,
)
from botocore.session import Session

from meterline.store.base import clients, signatures
from meterline.store.base.budgets import ATTEMPTS
from meterline.store.base.connections import Address, Connections
from meterline.store.base.first_attempts import HOOK
from tests.attempts import as_request, said
from tests.unit.store.certificates import certificate

GOOD = b'{"Item":{"pk":{"B":"AP8="}}}'
ITEM = {"pk": {"B": b"\x00\xff"}}
QUICK = 0.25
"""Seconds that an answer is waited for here."""

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


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name, value in {
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_SESSION_TOKEN": "token",
        "AWS_DEFAULT_REGION": "eu-west-1",
    }.items():
        monkeypatch.setenv(name, value)
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(clients, "READ_SECONDS", QUICK)
    monkeypatch.setattr(clients, "CONNECT_SECONDS", QUICK)
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda _: None)
    clients.reset_clients()
    yield
    clients.reset_clients()


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
    config = Config(connect_timeout=QUICK, read_timeout=QUICK, retries=retries)
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


@pytest.mark.parametrize("case", MET)
def test_whatever_an_attempt_meets_comes_to_what_botocore_makes_of_it(case: str) -> None:
    found = []
    for made in (ours, botocores):
        server = Server(MET[case])
        with serving(server) as port, made(port) as client:
            for _ in ("the first call, which botocore prepares", "a later one"):
                server.requests.clear()
                found.append((outcome(client), len(server.requests)))
    assert found[:2] == found[2:]


def test_an_answer_that_does_not_come_is_asked_for_again_and_takes_its_time_three_times() -> None:
    found = []
    for made in (ours, botocores):
        server = Server()
        server.talks = [server.silent]
        with serving(server) as port, made(port) as client:
            found.append((outcome(client), len(server.requests)))
    assert found == [(("ReadTimeoutError",), ATTEMPTS)] * 2


@pytest.mark.parametrize("calls_before", [0, 1], ids=["the first call", "a later call"])
def test_a_call_that_timed_out_is_the_same_call_when_it_is_repeated(calls_before: int) -> None:
    server = Server()
    server.talks = [*[OK] * calls_before, server.silent, OK]
    with serving(server) as port, ours(port) as client:
        for _ in range(calls_before):
            get(client)
        assert get(client)["ResponseMetadata"]["RetryAttempts"] == 1
    first, again = map(as_request, server.requests[calls_before:])
    assert first.body == again.body
    same = "amz-sdk-invocation-id"
    assert first.headers[same] == again.headers[same]
    assert [said(one, "amz-sdk-request")[:9] for one in (first, again)] == [
        "attempt=1",
        "attempt=2",
    ]


def test_the_late_answer_of_one_call_is_not_taken_for_that_of_another() -> None:
    late = threading.Event()

    def answers_late(connection: socket.socket, _: int) -> bool:
        late.wait(10)
        connection.sendall(http(b'{"Item":{"pk":{"S":"late"}}}'))
        return True

    server = Server([answers_late, OK, OK])
    with serving(server) as port, ours(port) as client:
        assert get(client)["Item"] == ITEM
        late.set()
        assert get(client)["Item"] == ITEM


UNREACHABLE = {
    "nobody listens": ("127.0.0.1", "EndpointConnectionError"),
    "a name that is nowhere": ("nowhere.invalid", "EndpointConnectionError"),
}


@pytest.mark.parametrize("case", UNREACHABLE)
def test_a_service_that_cannot_be_reached_is_told_in_botocores_words(case: str) -> None:
    host, error = UNREACHABLE[case]
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    for made in (ours, botocores):
        with made(port, host=host) as client:
            assert outcome(client) == (error,)


def test_a_connection_that_cannot_be_made_in_time_is_told_in_botocores_words(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def never(*_: object, **__: object) -> socket.socket:
        raise TimeoutError

    monkeypatch.setattr("socket.create_connection", never)
    monkeypatch.setattr("urllib3.util.connection.create_connection", never)
    for made in (ours, botocores):
        with made(1) as client:
            assert outcome(client) == ("ConnectTimeoutError",)


def test_who_could_not_connect_in_time_is_not_told_that_a_connection_ended(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def never(*_: object, **__: object) -> socket.socket:
        raise TimeoutError

    monkeypatch.setattr("socket.create_connection", never)
    address = Address("http://127.0.0.1:1", "127.0.0.1", 1, None, QUICK, QUICK)
    with pytest.raises(ConnectTimeoutError):
        Connections(address, 1).ask(b"")


def test_calls_share_one_kept_connection() -> None:
    server = Server()
    with serving(server) as port, ours(port) as client:
        for _ in range(5):
            get(client)
    assert (server.connections, len(server.requests)) == (1, 5)


ENDED: dict[str, Talk] = {
    "hung up after the answer": hangs_up(http(GOOD)),
    "said that it ends": says(http(GOOD, "200 OK", "Connection: close")),
    "more than an answer": says(http(GOOD) + b"more"),
    "until the end": hangs_up(b"HTTP/1.1 200 OK\r\n\r\n" + GOOD),
}


@pytest.mark.parametrize("case", ENDED)
def test_a_connection_that_ended_while_it_was_idle_costs_no_attempt(case: str) -> None:
    server = Server([ENDED[case]])
    with serving(server) as port, ours(port) as client:
        for _ in range(3):
            assert get(client)["ResponseMetadata"]["RetryAttempts"] == 0
            threading.Event().wait(0.02)
    assert (server.connections, len(server.requests)) == (3, 3)


def test_connections_that_died_unnoticed_cost_one_attempt_together() -> None:
    """As after a function was frozen: whatever was idle then may lead nowhere."""
    server, both = Server(), threading.Barrier(2)

    def at_once(connection: socket.socket, _: int) -> bool:
        both.wait(5)
        connection.sendall(http(GOOD))
        return True

    with serving(server) as port, ours(port) as client, ThreadPoolExecutor(2) as threads:
        get(client)
        server.talks = [OK, at_once]
        list(threads.map(lambda _: get(client), range(2)))
        assert server.connections == 2
        asked = len(server.requests)
        server.talks = [OK] * asked + [server.silent] + [OK]
        assert get(client)["ResponseMetadata"]["RetryAttempts"] == 1
        idle = server.connections
        assert get(client)["ResponseMetadata"]["RetryAttempts"] == 0
    assert server.connections == idle + 1


def test_queries_are_all_sent_before_the_first_answer_is_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(clients, "READ_SECONDS", 10)
    server = Server()
    with serving(server) as port, ours(port) as client:
        client.query(**_query("first"))
        together = threading.Barrier(3)

        def answers_when_all_have_come(connection: socket.socket, number: int) -> bool:
            together.wait(10)
            return echoes(server)(connection, number)

        server.talks = [answers_when_all_have_come]
        server.requests.clear()
        answers = clients.query_together(client, [_query(str(number)) for number in range(3)])
    assert [answer["Items"][0]["pk"]["S"] for answer in answers] == ["0", "1", "2"]
    assert len(server.requests) == server.connections == 3


def test_queries_whose_answers_do_not_come_are_waited_for_together(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(clients, "READ_SECONDS", 1)
    server = Server()
    with serving(server) as port, ours(port) as client:
        client.query(**_query("first"))
        server.talks = [*[server.silent] * 5, echoes(server)]
        server.requests.clear()
        began = monotonic()
        answers = clients.query_together(client, [_query(str(number)) for number in range(5)])
        assert monotonic() - began < 2 + 5 * 0.2
    assert [answer["Items"][0]["pk"]["S"] for answer in answers] == ["0", "1", "2", "3", "4"]


ODD = ["a refusal", "throttled once", "hung up for ever", "broken off", "half an answer", "no JSON"]


@pytest.mark.parametrize("case", ODD)
def test_what_becomes_of_one_of_several_queries_is_botocores_outcome_and_spoils_no_other(
    case: str,
) -> None:
    found = []
    for made in (ours, botocores):
        server = Server()
        echo = echoes(server)
        with serving(server) as port, made(port) as client:
            for talk in (echo, _of(server, MET[case], echo), echo):
                server.talks = [talk]
                found.append(_outcomes(client, ["mine", "odd", "other"]))
    assert found[:3] == found[3:]


def _of(server: Server, talks: list[Talk], other: Talk) -> Talk:
    """Meets the queries of a key with these talks, and all others with another."""
    met = iter(range(10**6))

    def talk(connection: socket.socket, number: int) -> bool:
        if b'"odd"' not in server.requests[number - 1]:
            return other(connection, number)
        return talks[min(next(met), len(talks) - 1)](connection, number)

    return talk


def _outcomes(client: Any, keys: list[str]) -> Any:
    try:
        answers = clients.query_together(client, [_query(key) for key in keys])
    except ClientError as error:
        return type(error).__name__, error.response["Error"]
    except BotoCoreError as error:
        return type(error).__name__
    return [answer.get("Items") for answer in answers]


def _query(key: str) -> dict[str, Any]:
    values = {":pk": {"S": key}}
    condition = "pk = :pk"
    return {
        "TableName": "t",
        "KeyConditionExpression": condition,
        "ExpressionAttributeValues": values,
    }


def echoes(server: Server) -> Talk:
    """Finds an item with the key that is asked for."""

    def talk(connection: socket.socket, number: int) -> bool:
        asked = json.loads(server.requests[number - 1].partition(b"\r\n\r\n")[2])
        item = {"pk": asked["ExpressionAttributeValues"][":pk"]}
        connection.sendall(http(json.dumps({"Items": [item]}).encode()))
        return True

    return talk


def test_each_of_many_threads_is_told_its_own_answer() -> None:
    def echo(connection: socket.socket, number: int) -> bool:
        key = json.loads(server.requests[number - 1].partition(b"\r\n\r\n")[2])["Key"]
        connection.sendall(http(json.dumps({"Item": key}).encode()))
        return True

    server = Server([echo])
    locked = threading.Lock()
    answered = server._answer  # noqa: SLF001 - one at a time, so that numbers are those of requests

    def one_by_one(connection: socket.socket, request: bytes) -> bool:
        with locked:
            return answered(connection, request)

    keys = [{"pk": {"S": str(number)}} for number in range(400)]
    with serving(server) as port, ours(port) as client, ThreadPoolExecutor(16) as threads:
        server._answer = one_by_one  # type: ignore[method-assign] # noqa: SLF001
        found = threads.map(lambda key: client.get_item(TableName="t", Key=key)["Item"], keys)
        assert list(found) == keys
    assert server.connections <= 40


def test_a_request_is_signed_as_botocore_signs_it() -> None:
    now = 1_900_000_000
    headers = {
        "x-amz-target": "DynamoDB_20120810.GetItem",
        "content-type": "application/x-amz-json-1.0",
        "user-agent": "Meterline",
        "x-amzn-trace-id": "Root=1",
        "host": "dynamodb.eu-west-1.amazonaws.com",
        "x-odd": "  two   words ",
    }
    for credentials in (Credentials("key", "secret"), Credentials("key", "secret", "token")):
        request = AWSRequest("POST", f"https://{headers['host']}/", dict(headers), b"{}")
        with patch("botocore.auth.get_current_datetime", lambda: datetime.fromtimestamp(now, UTC)):
            SigV4Auth(credentials, "dynamodb", "eu-west-1").add_auth(request)
        signed = dict(headers)
        scope = signatures.Scope("eu-west-1", "dynamodb")
        signatures.sign(signed, b"{}", scope, credentials, now=now)
        assert signed["authorization"] == request.headers["Authorization"]
        assert signed["x-amz-date"] == request.headers["X-Amz-Date"]


@pytest.mark.parametrize(
    ("seconds", "secret"), [(86_400, "secret"), (0, "other")], ids=["the next day", "rotated"]
)
def test_a_kept_key_signs_for_its_day_and_secret_only(seconds: int, secret: str) -> None:
    scope = signatures.Scope("eu-west-1", "dynamodb")
    now = 1_900_000_000

    def signature(seconds: int, secret: str) -> str:
        headers = {"host": "x"}
        credentials = Credentials("key", secret)
        signatures.sign(headers, b"", scope, credentials, now=now + seconds)
        return headers["authorization"]

    signature(0, "secret")
    after_another = signature(seconds, secret)
    signatures._key.cache_clear()  # noqa: SLF001 - as in a new process
    assert after_another == signature(seconds, secret)


def test_credentials_that_rotate_sign_the_next_call() -> None:
    server = Server()
    with serving(server) as port, ours(port) as client:
        frozen = iter(
            SimpleNamespace(access_key=key, secret_key="s", token=f"token-{key}")
            for key in ("first", "second")
        )
        credentials = client._request_signer._credentials  # noqa: SLF001 - what botocore refreshes
        with patch.object(credentials, "get_frozen_credentials", lambda: next(frozen)):
            get(client)
            get(client)
    for request, key in zip(map(as_request, server.requests), ("first", "second"), strict=True):
        assert f"Credential={key}/" in said(request, "authorization")
        assert said(request, "x-amz-security-token") == f"token-{key}"


def test_without_credentials_nothing_is_sent(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    server = Server()
    with serving(server) as port, ours(port) as client, pytest.raises(NoCredentialsError):
        get(client)
    assert server.requests == []


def test_a_request_says_what_botocores_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "serve")
    heard = []
    for is_first in (True, False):
        server = Server()
        with serving(server) as port, ours(port) as client:
            if not is_first:
                client.meta.events.unregister("before-call", unique_id=HOOK)
            for trace in ("Root=1-2;Parent=3", "Root=1-2;Parent=4"):
                monkeypatch.setenv("_X_AMZN_TRACE_ID", trace)
                get(client)
        heard.append([_said_alike(as_request(request), port) for request in server.requests])
    assert heard[0] == heard[1]


def _said_alike(request: AWSPreparedRequest, port: int) -> Any:
    headers: dict[str, Any] = {name.lower(): text for name, text in request.headers.items()}
    assert headers.pop("host").decode() == f"127.0.0.1:{port}"
    assert headers.pop("user-agent").startswith(b"Meterline")
    changing = ("authorization", "x-amz-date", "amz-sdk-invocation-id")
    return request.method, headers | dict.fromkeys(changing), request.body


def test_success_gives_back_what_repetitions_may_spend() -> None:
    failing_once = [says(http(b"{}", "500 Error")), OK]
    server = Server(failing_once * 150)
    with serving(server) as port, ours(port) as client:
        for _ in range(150):
            assert get(client)["Item"] == ITEM


def test_calls_that_need_no_repetition_give_back_what_failures_spent() -> None:
    found = []
    for made in (ours, botocores):
        server = Server([says(http(b"{}", "500 Error"))])
        with serving(server) as port, made(port) as client:
            asked = [_asked(client, server) for _ in range(55)]
            server.talks = [OK]
            asked += [_asked(client, server) for _ in range(20)]
            server.talks = [says(http(b"{}", "500 Error"))]
            asked += [_asked(client, server) for _ in range(5)]
        found.append(asked)
    assert found[0] == found[1]
    assert found[0][-26:-20] == [1] * 6
    assert found[0][-5] == ATTEMPTS


def _asked(client: Any, server: Server) -> int:
    """How many attempts a call makes."""
    before = len(server.requests)
    outcome(client)
    return len(server.requests) - before


def test_botocore_finds_the_address_of_credentials_that_name_their_account(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server = Server()
    with serving(server) as port, ours(port) as client:
        get(client)
        credentials = client._request_signer._credentials  # noqa: SLF001 - what botocore refreshes
        asked: list[str] = []
        find = client._ruleset_resolver.construct_endpoint  # noqa: SLF001 - how it finds addresses

        def noted(**call: Any) -> Any:
            asked.append(call["operation_model"].name)
            return find(**call)

        monkeypatch.setattr(client._ruleset_resolver, "construct_endpoint", noted)  # noqa: SLF001
        get(client)
        assert asked == []
        credentials.account_id = "123456789012"
        get(client)
    assert asked == ["GetItem"]
    assert len(server.requests) == 3


def test_who_watches_the_calls_of_all_clients_sees_each(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    call = vars(BaseClient)["_make_api_call"]

    def watched(client: BaseClient, operation: str, params: dict[str, Any]) -> Any:
        seen.append(operation)
        return call(client, operation, params)

    with serving(Server()) as port, ours(port) as client:
        get(client)
        monkeypatch.setattr(BaseClient, "_make_api_call", watched)
        get(client)
    assert seen == ["GetItem"]


@pytest.fixture(scope="module")
def proof(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return certificate(tmp_path_factory.mktemp("tls"), "localhost")


def _proving(proof: Path) -> Server:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(proof)
    return Server(tls=context)


TLS = {
    "its name": ("localhost", True, "answered"),
    "another name": ("127.0.0.1", True, "SSLError"),
    "an authority that nobody knows": ("localhost", False, "SSLError"),
}


@pytest.mark.parametrize("case", TLS)
def test_a_service_proves_its_name(proof: Path, case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    host, is_trusted, expected = TLS[case]
    for name in ("REQUESTS_CA_BUNDLE", "AWS_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    if is_trusted:
        monkeypatch.setenv("AWS_CA_BUNDLE", str(proof))
    for made in (ours, botocores):
        server = _proving(proof)
        with serving(server) as port, made(port, "https", host) as client:
            assert outcome(client)[0] == expected
            if expected == "answered":
                assert outcome(client)[0] == expected
                assert server.connections == 1
        assert bool(server.requests) == (expected == "answered")


def test_a_service_that_never_agrees_on_tls_is_given_up_in_time() -> None:
    for made in (ours, botocores):
        listening = socket.create_server(("127.0.0.1", 0))
        with listening, made(listening.getsockname()[1], "https") as client:
            assert outcome(client)[0] in {"ReadTimeoutError", "ConnectTimeoutError"}


def test_proxies_are_botocores_to_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    proxy = Server()
    with serving(proxy) as port:
        monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{port}")
        monkeypatch.setenv("NO_PROXY", "")
        with ours(8, host="dynamodb.test") as client:
            assert get(client)["Item"] == ITEM
    assert proxy.requests[0].startswith(b"POST http://dynamodb.test:8/ ")


def test_a_service_under_a_path_is_botocores_to_ask() -> None:
    server = Server()
    with serving(server) as port, ours(port, path="/dynamodb") as client:
        assert get(client)["Item"] == ITEM
    assert server.requests[0].startswith(b"POST /dynamodb")


def test_most_calls_never_reach_botocores_sender(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object, **__: object) -> None:
        raise ReadTimeoutError(endpoint_url="botocore")

    monkeypatch.setattr("botocore.httpsession.URLLib3Session.send", never)
    with serving(Server()) as port, ours(port) as client:
        assert get(client)["Item"] == ITEM
        monkeypatch.setattr("botocore.client.prepare_request_dict", never)
        assert get(client)["Item"] == ITEM
