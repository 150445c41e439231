"""Log lines: what they hold, what they never hold, and that they end with their invocation."""

import ast
import json
import logging
import os
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest
from aws_lambda_powertools.logging.formatter import RESERVED_LOG_ATTRS

from meterline.observability import (
    InvocationFailed,
    failure,
    log_failure,
    log_scope,
    logger,
    observed,
)
from meterline.observability.batches import process_messages
from tests.engines import ROOT
from tests.lambda_context import LambdaContext

PACKAGE = ROOT / "layers/meterline/python/meterline"
CODE = sorted([*PACKAGE.rglob("*.py"), *ROOT.glob("functions/*/app.py")])
INVOCATION = LambdaContext("stack-RollBillingCycles-1", aws_request_id="invocation-1")
SECRET = "ada@example.com"

type Lines = Callable[[], list[dict[str, Any]]]


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    """Each test begins and ends without keys of another."""
    logger.clear_state()
    yield
    logger.clear_state()


@pytest.fixture
def lines(capsys: pytest.CaptureFixture[str]) -> Lines:
    """The log lines written since the last look."""
    return lambda: [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_a_line_names_its_invocation_and_what_caused_it(
    lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What its log stream, its log group and other lines say already, it does not repeat."""
    monkeypatch.setenv("_X_AMZN_TRACE_ID", "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=0")

    @observed
    def handler(_event: object, _context: object) -> None:
        logger.info("batch", done=9, failed=1)

    handler({}, INVOCATION)
    [line] = lines()
    assert line.pop("timestamp").endswith("+00:00")
    assert line.pop("cold_start", True) is True
    assert line == {
        "level": "INFO",
        "message": "batch",
        "function_request_id": "invocation-1",
        "correlation_id": "invocation-1",
        "done": 9,
        "failed": 1,
    }


def test_an_invocation_keeps_no_keys_of_the_one_before(lines: Lines) -> None:
    @observed
    def handler(event: dict[str, Any], _context: object) -> None:
        logger.append_keys(**event)
        logger.info("done")

    handler({"object": "sub_1"}, INVOCATION)
    handler({}, LambdaContext("f", aws_request_id="invocation-2"))
    first, second = lines()
    assert first["object"] == "sub_1"
    assert "object" not in second
    assert second["correlation_id"] == "invocation-2"


def test_the_keys_of_a_scope_end_with_it_and_those_outside_are_what_they_were(
    lines: Lines,
) -> None:
    logger.append_keys(correlation_id="outer")

    def inside_a_scope() -> None:
        with log_scope(message_id="1", correlation_id="inner"):
            logger.append_keys(object="in_1")
            logger.info("inside")
            raise KeyError(SECRET)

    with pytest.raises(KeyError):
        inside_a_scope()
    logger.info("outside")
    inside, outside = lines()
    assert (inside["message_id"], inside["object"]) == ("1", "in_1")
    assert inside["correlation_id"] == "inner"
    assert outside["correlation_id"] == "outer"
    assert not {"message_id", "object"} & outside.keys()


def test_an_error_is_told_by_its_class_and_place_without_its_message(lines: Lines) -> None:
    try:
        int(SECRET)
    except ValueError as error:
        log_failure("record failed", error, record="7")
    [line] = lines()
    assert (line["level"], line["record"]) == ("ERROR", "7")
    assert line["exception_name"] == "ValueError"
    [frame] = line["frames"]
    assert frame.startswith("test_observability.py:")
    assert line["location"].startswith("test_an_error_is_told"), "of who logs it"
    assert SECRET not in json.dumps(line)


def test_of_a_deep_error_the_innermost_frames_are_told() -> None:
    def deeper(levels: int) -> None:
        if levels == 0:
            raise ValueError
        deeper(levels - 1)

    with pytest.raises(ValueError) as raised:  # noqa: PT011 - the test's own
        deeper(30)
    frames = failure(raised.value)["frames"]
    assert len(frames) == 8
    assert all(frame.endswith(" deeper") for frame in frames)


def test_what_lambda_logs_of_a_handler_that_fails_quotes_nothing(lines: Lines) -> None:
    @observed
    def handler(_event: object, _context: object) -> None:
        raise ValueError(SECRET)

    with pytest.raises(InvocationFailed, match=r"^ValueError$") as raised:
        handler({}, INVOCATION)
    assert SECRET not in "".join(traceback.format_exception(raised.value))
    [line] = lines()
    assert (line["message"], line["exception_name"]) == ("invocation failed", "ValueError")
    assert SECRET not in json.dumps(line)


def test_the_event_is_never_logged_whatever_the_environment_says(
    lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POWERTOOLS_LOGGER_LOG_EVENT", "true")
    observed(lambda _event, _context: None)({"body": SECRET}, INVOCATION)
    assert lines() == []


def test_a_decimal_is_logged_with_all_its_digits(lines: Lines) -> None:
    logger.info("counted", total=Decimal("722222222222.333333333333"))
    assert lines()[0]["total"] == "722222222222.333333333333"


def test_a_line_is_written_where_standard_output_leads_at_that_moment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    with (tmp_path / "out").open("w") as out:
        monkeypatch.setattr(sys, "stdout", out)
        logger.info("moved")
    assert json.loads((tmp_path / "out").read_text())["message"] == "moved"


def test_a_line_that_cannot_be_written_does_not_undo_the_work(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(logging, "raiseExceptions", False)
    loop: list[object] = []
    loop.append(loop)
    logger.info("endless", loop=loop)


def message(number: int) -> dict[str, Any]:
    return {"messageId": f"m{number}", "body": SECRET, "attributes": {}}


def test_of_a_batch_the_messages_that_failed_come_again(lines: Lines) -> None:
    def work(one: dict[str, Any]) -> None:
        logger.append_keys(object=f"sub_{one['messageId']}")
        if one["messageId"] != "m2":
            raise ValueError(one["body"])

    answer = process_messages([message(1), message(2), message(3)], work)
    assert [one["itemIdentifier"] for one in answer["batchItemFailures"]] == ["m1", "m3"]
    first, third, batch = lines()
    assert (first["message_id"], first["object"]) == ("m1", "sub_m1")
    assert third["message_id"] == "m3"
    assert (batch["done"], batch["failed"]) == (1, 2)
    assert not {"message_id", "object"} & batch.keys()
    assert SECRET not in json.dumps([first, third, batch])


def test_a_batch_that_fails_whole_is_handed_back_message_by_message() -> None:
    def work(_: object) -> None:
        raise ValueError

    answer = process_messages([message(1), message(2)], work)
    assert [one["itemIdentifier"] for one in answer["batchItemFailures"]] == ["m1", "m2"]
    assert process_messages([message(3)], len) == {"batchItemFailures": []}, "nothing is left over"


def test_a_worker_that_is_killed_hands_nothing_back() -> None:
    def dies(_: object) -> None:
        raise SystemExit

    with pytest.raises(SystemExit):
        process_messages([message(1)], dies)


def calls_of_logger(tree: ast.AST) -> Iterator[tuple[str, list[str]]]:
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(id="logger"), attr=verb)):
                yield verb, [keyword.arg or "" for keyword in node.keywords]
            case ast.Call(func=ast.Name(id="log_failure")):
                yield "error", [keyword.arg or "" for keyword in node.keywords]


@pytest.mark.parametrize("path", CODE, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_code_logs_the_text_of_an_exception_or_prints(path: Any) -> None:
    tree = ast.parse(path.read_text())
    taken = {*RESERVED_LOG_ATTRS, "message"}
    for verb, keywords in calls_of_logger(tree):
        assert verb != "exception"
        assert not set(keywords) & ({"exc_info", "stack_info"} | taken), "logging's own names"
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    assert "print" not in names


@pytest.mark.parametrize("path", CODE, ids=lambda path: str(path.relative_to(ROOT)))
def test_powertools_are_used_through_one_module(path: Any) -> None:
    modules = [
        node.module or "" for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom)
    ]  # fmt: skip
    if path.parent.name != "observability":
        assert not [name for name in modules if name.startswith("aws_lambda_powertools")]


@pytest.mark.parametrize("path", sorted(ROOT.glob("functions/*/app.py")), ids=str)
def test_every_function_is_observed(path: Any) -> None:
    tree = ast.parse(path.read_text())
    handlers = [
        node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "handler"
    ]
    if handlers:
        assert [ast.unparse(decorator) for decorator in handlers[0].decorator_list] == ["observed"]
    else:
        makers = ("handler = lambda_handler(", "handler = page_handler(")
        assert any(maker in path.read_text() for maker in makers), "which are observed"


def test_the_level_of_the_deployment_counts_and_not_lambda_s_own() -> None:
    # Lambda's would drop metrics above INFO, and Powertools would go by it.
    levels = {"AWS_LAMBDA_LOG_LEVEL": "INFO", "POWERTOOLS_LOG_LEVEL": "WARNING"}
    code = "from meterline.observability import logger; print(logger.log_level)"
    told = subprocess.run(  # noqa: S603 - this interpreter
        [sys.executable, "-c", code], env=os.environ | levels, capture_output=True, check=True
    )
    assert int(told.stdout) == logging.WARNING
