"""The template as AWS makes it: SAM's own translator, which CloudFormation runs too."""

import copy
import logging
import os
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any
from unittest.mock import patch

import yaml

from tests.engines import REGION, template

type Template = dict[str, Any]

_CONTENTS = {"AWS::Serverless::Function": "CodeUri", "AWS::Serverless::LayerVersion": "ContentUri"}


def translated(
    parameters: Mapping[str, str] | None = None, contents: Mapping[str, str] | None = None
) -> Template:
    """The template as CloudFormation deploys it.

    ``parameters`` are given by the operator, ``contents`` are what functions and layers (by logical
    id) hold; what is not named there stays as it is.
    """
    from samtranslator.translator.transform import transform  # noqa: PLC0415 - slow

    packaged = copy.deepcopy(template())
    for name, resource in packaged["Resources"].items():
        if place := _CONTENTS.get(resource["Type"]):
            content = (contents or {}).get(name, "unchanged")
            resource["Properties"][place] = f"s3://packages/{name}/{content}"
    logging.getLogger("samtranslator").setLevel(logging.ERROR)
    with patch.dict(os.environ, AWS_DEFAULT_REGION=REGION):
        made: Template = transform(packaged, dict(parameters or {}), _NoPolicies())
    return made


class _NoPolicies:
    """The names of AWS's own policies, which the template uses none of."""

    @staticmethod
    def load() -> dict[str, str]:
        return {}


@cache
def deployed() -> Template:
    """The template as a deployment without any choices makes it."""
    return translated()


def of_type(made: Template, kind: str) -> dict[str, dict[str, Any]]:
    """The properties of a translated template's resources of a type, by logical id."""
    return {
        name: resource.get("Properties", {})
        for name, resource in made["Resources"].items()
        if resource["Type"] == kind
    }


def mentions(value: Any) -> Iterator[str]:
    """The names that a part of a template refers to, with ``.Attribute`` where one is meant."""
    if isinstance(value, dict):
        for function, argument in value.items():
            if function == "Ref":
                yield argument
            elif function == "Fn::GetAtt":
                yield argument if isinstance(argument, str) else ".".join(argument)
            elif function == "Fn::Sub":
                yield from _mentions_of_text(argument if isinstance(argument, str) else argument[0])
            else:
                yield from mentions(argument)
    elif isinstance(value, list):
        for element in value:
            yield from mentions(element)


def _mentions_of_text(text: str) -> Iterator[str]:
    parts = text.split("${")[1:]
    yield from (part.partition("}")[0] for part in parts if not part.startswith("!"))


def as_text(made: Template) -> str:
    """A template as text, as short as YAML allows."""
    return yaml.safe_dump(made, width=1_000_000)
