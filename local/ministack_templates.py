"""What templates declare and MiniStack's CloudFormation does not make, made here.

MiniStack 1.5 makes an API without the routes and integrations that its OpenAPI ``Body`` describes.
Here they are imported, as API Gateway imports them: all anew with each change of the body.

It leaves the numbers of parameters texts, where CloudFormation makes them what a property wants.
Here the scaling of event sources, which it compares with numbers, has numbers.

It has no CodeDeploy, so an alias moves to its new version at once: what shifts calls gradually is
taken and does nothing.
"""

import json
from collections.abc import Callable, Iterator
from typing import Any

from ministack.services import apigateway
from ministack.services.cloudformation import provisioners

type Properties = dict[str, Any]
type Made = tuple[str, dict[str, Any]]

_HANDLERS = provisioners._RESOURCE_HANDLERS  # noqa: SLF001 - MiniStack has no public way to add to templates
_ANY = "x-amazon-apigateway-any-method"
_INTEGRATION = "x-amazon-apigateway-integration"
_DEFAULT = "$default"


def _with_numbers(make: Callable[..., Made]) -> Callable[..., Made]:
    """A handler of event sources that is given the numbers of their scaling as numbers."""

    def made(*arguments: Any, **named: Any) -> Made:  # noqa: ANN401 - MiniStack's own signature
        return make(*map(_scaled_by_numbers, arguments), **named)

    return made


def _scaled_by_numbers(argument: Any) -> Any:  # noqa: ANN401 - a name, or properties
    if not isinstance(argument, dict) or "ScalingConfig" not in argument:
        return argument
    scaling = {name: int(value) for name, value in argument["ScalingConfig"].items()}
    return argument | {"ScalingConfig": scaling}


def _importing_body(make: Callable[..., Made]) -> Callable[..., Made]:
    """A handler of APIs that then imports the body, if there is one."""

    def made(*arguments: Any, **named: Any) -> Made:  # noqa: ANN401 - MiniStack's own signature
        api_id, attributes = make(*arguments, **named)
        properties = next(
            argument for argument in reversed(arguments) if isinstance(argument, dict)
        )
        if "Body" in properties:
            _import(api_id, properties["Body"])
        return api_id, attributes

    return made


def _import(api_id: str, body: Properties) -> None:
    """Give an API the routes and integrations of an OpenAPI description, and no others."""
    apigateway._apis[api_id]["name"] = body["info"]["title"]  # noqa: SLF001 - see above
    apigateway._routes[api_id] = {}  # noqa: SLF001 - see above
    apigateway._integrations[api_id] = {}  # noqa: SLF001 - see above
    ids = {
        name: _made(apigateway._create_integration(api_id, _integration(described)))  # noqa: SLF001 - see above
        for name, described in body["components"][f"{_INTEGRATION}s"].items()
    }
    for route_key, name in _routes(body):
        apigateway._create_route(  # noqa: SLF001 - see above
            api_id, {"routeKey": route_key, "target": f"integrations/{ids[name]}"}
        )


def _routes(body: Properties) -> Iterator[tuple[str, str]]:
    """The route keys of an OpenAPI description, each with the name of its shared integration."""
    for path, operations in body["paths"].items():
        for verb, operation in operations.items():
            method = "ANY" if verb == _ANY else verb.upper()
            key = _DEFAULT if operation.get("isDefaultRoute") else f"{method} {path}"
            yield key, str(operation[_INTEGRATION]["$ref"]).rpartition("/")[2]


def _integration(described: Properties) -> Properties:
    return {
        "integrationType": described["type"].upper(),
        "integrationMethod": described["httpMethod"],
        "integrationUri": described["uri"],
        "payloadFormatVersion": described["payloadFormatVersion"],
    }


def _made(answer: tuple[int, Any, Any]) -> str:
    return str(json.loads(answer[2])["integrationId"])


def _make_nothing(logical_id: str, _: Properties, stack_name: str) -> Made:
    return f"{stack_name}-{logical_id}", {}


def _change_nothing(physical_id: str, *_: object, **__: object) -> Made:
    return physical_id, {}


def _remove_nothing(*_: object) -> None:
    """There is nothing."""


def close_gaps() -> None:
    """Teach MiniStack's CloudFormation what the template needs of it."""
    apis = _HANDLERS["AWS::ApiGatewayV2::Api"]
    for verb in ("create", "update"):
        apis[verb] = _importing_body(apis[verb])
    sources = _HANDLERS["AWS::Lambda::EventSourceMapping"]
    for verb in ("create", "update"):
        sources[verb] = _with_numbers(sources[verb])
    for kind in ("Application", "DeploymentGroup"):
        _HANDLERS[f"AWS::CodeDeploy::{kind}"] = {
            "create": _make_nothing,
            "update": _change_nothing,
            "delete": _remove_nothing,
        }
