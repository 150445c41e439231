"""The runbook knows every alarm, and its commands are commands."""

import importlib
import re
import shlex
from typing import Any

import botocore.session
import pytest

from meterline_cli.main import COMMANDS
from tests.engines import ROOT, resources, template

RUNBOOK = (ROOT / "docs" / "runbook.md").read_text()
README = (ROOT / "README.md").read_text()
RESTORING = (ROOT / "docs" / "restoring.md").read_text()
PAGES = RUNBOOK + README + RESTORING
ALARMS = sorted(resources("AWS::CloudWatch::Alarm"))
GLOBAL_OPTIONS = {"--query", "--output", "--region", "--profile"}
OF_THE_AWS_CLI_ALONE = {("logs", "tail"), ("cloudformation", "deploy")}
"""Commands that AWS's CLI makes of several calls: they are in no description of a service."""
RENAMED = {"--endpoint": "--notification-endpoint"}
"""What AWS's CLI calls otherwise, as each of its commands has the former."""


def commands(page: str, program: str) -> list[str]:
    """The command lines of a page's shell blocks that begin with a program."""
    blocks = re.findall(r"```sh\n(.*?)```", page, re.DOTALL)
    lines = "\n".join(blocks).replace("\\\n", " ").splitlines()
    found = [line.split("#")[0].strip() for line in lines if line.strip().startswith(f"{program} ")]
    return sorted(set(found))


def words(line: str) -> list[str]:
    return shlex.split(re.sub(r"\$\(physical (\w+)\)", r"\1", line))


def test_every_alarm_is_in_the_runbook() -> None:
    assert [alarm for alarm in ALARMS if f"`{alarm}`" not in RUNBOOK] == []


def test_the_runbook_names_no_alarm_that_is_not_there() -> None:
    named = set(re.findall(r"`(\w+Alarm)`", RUNBOOK))
    assert named - set(ALARMS) == set()


def test_resources_that_the_runbook_looks_up_are_there() -> None:
    looked_up = set(re.findall(r"\$\(physical (\w+)\)", RUNBOOK))
    assert looked_up - set(template()["Resources"]) == set()


@pytest.mark.parametrize("line", commands(PAGES, "meterline"))
def test_commands_of_ours_are_understood(line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("METERLINE_API_BASE", "METERLINE_API_KEY"):
        monkeypatch.setenv(variable, "as in README")
    command, *arguments = words(line)[1:]
    parser = importlib.import_module(COMMANDS[command][0])._parser()  # noqa: SLF001 - as it reads them
    parser.parse_args(arguments)


@pytest.mark.parametrize("line", commands(PAGES, "aws"))
def test_commands_of_aws_exist_with_their_parameters(line: str) -> None:
    service, operation, *rest = words(line)[1:]
    if (service, operation) in OF_THE_AWS_CLI_ALONE:
        return
    if operation == "wait":
        assert dashed_waiters(service) >= {rest[0]}
        return
    known = parameters_of(service, operation)
    given = {word for word in rest if word.startswith("--")} - GLOBAL_OPTIONS
    assert given - known == set()


def parameters_of(service: str, operation: str) -> set[str]:
    """The options of a command of AWS's CLI, as the service's description has them."""
    model = botocore.session.get_session().get_service_model(service)
    names = {dashed(name): name for name in model.operation_names}
    shape: Any = model.operation_model(names[operation]).input_shape
    members = {} if shape is None else shape.members
    flags = {f"--no-{dashed(name)}" for name, one in members.items() if one.type_name == "boolean"}
    return {RENAMED.get(option, option) for option in map(option_of, members)} | flags


def dashed_waiters(service: str) -> set[str]:
    """What AWS's CLI can wait for."""
    names = botocore.session.get_session().get_waiter_model(service).waiter_names
    return set(map(dashed, names))


def option_of(member: str) -> str:
    return f"--{dashed(member)}"


def dashed(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "-", name).lower()
