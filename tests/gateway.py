"""What the template tells API Gateway: the routes of its OpenAPI body, and who answers them."""

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from tests.engines import resources

_ANY = "x-amazon-apigateway-any-method"
_INTEGRATION = "x-amazon-apigateway-integration"
_GREEDY = "{proxy+}"


@dataclass(frozen=True, slots=True)
class Route:
    """A route: its key, and the function (by logical id) that it leads to."""

    key: str
    function: str

    @property
    def method(self) -> str:
        """The method, or ANY."""
        return "ANY" if self.is_default else self.key.partition(" ")[0]

    @property
    def path(self) -> str:
        """The path with its variables; empty for the default route."""
        return self.key.partition(" ")[2]

    @property
    def is_default(self) -> bool:
        """Whether it takes what no other route takes."""
        return self.key == "$default"

    @property
    def folder(self) -> str:
        """The name of the function's folder."""
        return Path(resources("AWS::Serverless::Function")[self.function]["CodeUri"]).name

    def serves(self, method: str, path: str) -> bool:
        """Whether API Gateway would send the request here, if no other route fitted better."""
        pattern = ".*" if self.is_default else _pattern(self.path)
        return self.method in ("ANY", method) and re.fullmatch(pattern, path) is not None


def api_body() -> dict[str, Any]:
    """The OpenAPI description that the API is made from."""
    (api,) = resources("AWS::ApiGatewayV2::Api").values()
    body: dict[str, Any] = api["Body"]
    return body


@cache
def routes() -> list[Route]:
    """The template's routes, the most particular ones first, as API Gateway picks them."""
    integrations = api_body()["components"][f"{_INTEGRATION}s"]
    found = [
        Route(_key(path, verb, operation), _function(integrations, operation))
        for path, operations in api_body()["paths"].items()
        for verb, operation in operations.items()
    ]
    return sorted(
        found, key=lambda one: (one.is_default, one.path.count(_GREEDY), -len(one.path), one.key)
    )


def route(method: str, path: str) -> Route:
    """The route that a request takes."""
    return next(one for one in routes() if one.serves(method, path))


def _key(path: str, verb: str, operation: dict[str, Any]) -> str:
    if operation.get("isDefaultRoute"):
        return "$default"
    return f"{'ANY' if verb == _ANY else verb.upper()} {path}"


def _function(integrations: dict[str, Any], operation: dict[str, Any]) -> str:
    name = str(operation[_INTEGRATION]["$ref"]).rpartition("/")[2]
    address = integrations[name]["uri"]["Fn::Sub"]
    found = re.search(r"/functions/\$\{(\w+)\.Arn\}", address)
    assert found, address
    return found[1]


def _pattern(path: str) -> str:
    return re.sub(r"\\{(\w+)\\}", "[^/]+", re.escape(path).replace(r"\{proxy\+\}", ".+"))
