"""The template's routes are those of the code: each operation's path leads to its own function."""

import inspect
import re
from functools import cache

import pytest

from meterline.api.operations import Operation
from meterline.api.router import Routes
from tests.engines import ROOT, resources, template
from tests.gateway import Route, api_body, route, routes
from tests.handlers import load_handler

FOLDERS = sorted({one.folder for one in routes()})
AN_ID = "x1"


@cache
def served(folder: str) -> Routes:
    """The table of routes that a function's handler works with."""
    table = inspect.getclosurevars(inspect.unwrap(load_handler(folder))).nonlocals["routes"]
    assert isinstance(table, Routes)
    return table


OPERATIONS = [(folder, operation) for folder in FOLDERS for operation in served(folder).operations]


def name_of(value: object) -> str:
    return f"{value.method} {value.path}" if isinstance(value, Operation) else str(value)


def address(path: str) -> str:
    """A path with ids in the place of its variables."""
    return "/".join(AN_ID if segment.startswith("{") else segment for segment in path.split("/"))


@pytest.mark.parametrize(("folder", "operation"), OPERATIONS, ids=name_of)
def test_an_operation_s_path_leads_to_the_function_that_serves_it(
    folder: str, operation: Operation
) -> None:
    assert route(operation.method, address(operation.path)).folder == folder


def test_every_function_that_answers_calls_has_a_route() -> None:
    answering = {
        handler.parent.name
        for handler in ROOT.glob("functions/*/app.py")
        if re.search(r"\b(lambda|page)_handler\(", handler.read_text())
    }
    assert answering == set(FOLDERS)


@pytest.mark.parametrize("one", [one for one in routes() if not one.is_default], ids=str)
def test_a_route_leads_to_an_operation_of_its_function(one: Route) -> None:
    paths = [address(operation.path) for operation in served(one.folder).operations]
    assert any(one.serves(one.method, path) for path in paths)


def test_one_route_takes_what_no_other_takes() -> None:
    assert [one.folder for one in routes() if one.is_default] == ["answer_unknown_route"]
    assert not any(one.is_default for one in routes()[:-1])


@pytest.mark.parametrize("path", api_body()["paths"])
def test_what_varies_in_a_path_is_declared_as_the_path_writes_it(path: str) -> None:
    # Otherwise API Gateway warns when it imports them. SAM and its own exports write `proxy+`, too.
    varying = re.findall(r"\{(.*?)\}", path)
    for operation in api_body()["paths"][path].values():
        declared = operation.get("parameters", [])
        assert [one["name"] for one in declared] == varying
        assert all(one["in"] == "path" and one["required"] for one in declared)


def test_the_api_is_made_in_one_step() -> None:
    # Made side by side, the routes and integrations of an API refuse each other now and then.
    kinds = {resource["Type"] for resource in template()["Resources"].values()}
    assert not kinds & {"AWS::ApiGatewayV2::Integration", "AWS::ApiGatewayV2::Route"}


def test_every_integration_is_used_and_permitted() -> None:
    integrations = api_body()["components"]["x-amazon-apigateway-integrations"]
    permitted = {
        str(resource["FunctionName"]) for resource in resources("AWS::Lambda::Permission").values()
    }
    assert len(integrations) == len({one.function for one in routes()}) == len(permitted)
