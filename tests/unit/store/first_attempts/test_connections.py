"""Which connections calls go on, one after another, at once and together."""

import json
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from time import monotonic
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from meterline.store.base import clients
from tests.unit.store.first_attempts.service import (
    GOOD,
    MET,
    OK,
    Server,
    Talk,
    botocores,
    echoes,
    get,
    hangs_up,
    http,
    ours,
    says,
    serving,
)


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


@pytest.mark.usefixtures("hurried")
def test_connections_that_died_unnoticed_cost_one_attempt_together() -> None:
    """As after a function was frozen: whatever was idle then may lead nowhere."""
    server, both = Server(), threading.Barrier(2)

    def at_once(connection: socket.socket, _: int) -> bool:
        both.wait(60)
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


def test_queries_are_all_sent_before_the_first_answer_is_waited_for() -> None:
    server = Server()
    with serving(server) as port, ours(port) as client:
        client.query(**_query("first"))
        together = threading.Barrier(3)

        def answers_when_all_have_come(connection: socket.socket, number: int) -> bool:
            together.wait(60)
            return echoes(server)(connection, number)

        server.talks = [answers_when_all_have_come]
        server.requests.clear()
        answers = clients.query_together(client, [_query(str(number)) for number in range(3)])
    assert [answer["Items"][0]["pk"]["S"] for answer in answers] == ["0", "1", "2"]
    assert len(server.requests) == server.connections == 3


@pytest.mark.usefixtures("hurried")
def test_queries_whose_answers_do_not_come_are_waited_for_together() -> None:
    server = Server()
    with serving(server) as port, ours(port) as client:
        client.query(**_query("first"))
        server.talks = [*[server.silent] * 5, echoes(server)]
        server.requests.clear()
        began = monotonic()
        answers = clients.query_together(client, [_query(str(number)) for number in range(5)])
        assert monotonic() - began < 5, "as long as one after another"
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
