"""Our client sends first attempts by itself, and all that may come of one is botocore's outcome."""

import socket
import threading
from typing import Any

import pytest
from botocore.client import BaseClient
from botocore.exceptions import ConnectTimeoutError, ReadTimeoutError

from meterline.store.base.budgets import ATTEMPTS
from meterline.store.base.connections import Address, Connections
from tests.attempts import as_request, said
from tests.unit.store.first_attempts.service import (
    ITEM,
    MET,
    OK,
    Server,
    botocores,
    get,
    http,
    ours,
    outcome,
    says,
    serving,
)


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


@pytest.mark.usefixtures("impatient")
def test_an_answer_that_does_not_come_is_asked_for_again_and_takes_its_time_three_times() -> None:
    found = []
    for made in (ours, botocores):
        server = Server()
        server.talks = [server.silent]
        with serving(server) as port, made(port) as client:
            found.append((outcome(client), len(server.requests)))
    assert found == [(("ReadTimeoutError",), ATTEMPTS)] * 2


@pytest.mark.usefixtures("hurried")
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


@pytest.mark.usefixtures("hurried")
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
    address = Address("http://127.0.0.1:1", "127.0.0.1", 1, None, 1, 1)
    with pytest.raises(ConnectTimeoutError):
        Connections(address, 1).ask(b"")


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


def test_most_calls_never_reach_botocores_sender(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object, **__: object) -> None:
        raise ReadTimeoutError(endpoint_url="botocore")

    monkeypatch.setattr("botocore.httpsession.URLLib3Session.send", never)
    with serving(Server()) as port, ours(port) as client:
        assert get(client)["Item"] == ITEM
        monkeypatch.setattr("botocore.client.prepare_request_dict", never)
        assert get(client)["Item"] == ITEM
