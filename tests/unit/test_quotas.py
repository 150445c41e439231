"""What a deployment becomes stays within AWS's quotas, with room for what is to come.

The quotas are those of AWS's public documentation; a service that has raised one for an account is
no reason to need it.
"""

import json
from typing import Any

import pytest

from tests.engines import ROOT, resources, template
from tests.gateway import api_body, routes
from tests.translation import Template, as_text, deployed, of_type, translated

ROOM = 0.8
"""So much of a quota may be used before somebody has to think."""

ALL_THERE_IS = translated(
    {
        "Production": "true",
        "OperatorEmail": "operator@example.com",
        "DomainName": "billing.example.com",
        "CertificateArn": "arn:aws:acm:eu-central-1:000000000000:certificate/1",
    }
)
A_NAME = "x" * 128
"""What stands for a name that is known at deployment: longer than nearly all of them."""


def spelled(value: Any) -> Any:
    """A part of a template with a long text in place of everything that is known later."""
    if isinstance(value, list):
        return [spelled(element) for element in value]
    if not isinstance(value, dict):
        return value
    if set(value) & {"Ref", "Fn::GetAtt"}:
        return A_NAME
    if "Fn::If" in value:  # one of the two: the longer
        return max(map(spelled, value["Fn::If"][1:]), key=lambda one: len(json.dumps(one)))
    if "Fn::Sub" in value:
        text = value["Fn::Sub"] if isinstance(value["Fn::Sub"], str) else value["Fn::Sub"][0]
        return text + A_NAME * text.count("${")
    return {key: spelled(one) for key, one in value.items()}


def size(document: Any) -> int:
    """How many characters AWS counts: those of the JSON without its spaces."""
    return len(json.dumps(spelled(document), separators=(",", ":")))


def test_a_stack_has_few_enough_parts() -> None:
    assert len(ALL_THERE_IS["Resources"]) <= ROOM * 500
    assert len(ALL_THERE_IS["Parameters"]) <= ROOM * 200
    assert len(ALL_THERE_IS["Outputs"]) <= ROOM * 200
    assert len(ALL_THERE_IS["Mappings"]) <= ROOM * 200


@pytest.mark.parametrize("made", [template(), ALL_THERE_IS], ids=["written", "translated"])
def test_a_template_is_small_enough_for_cloudformation(made: Template) -> None:
    # `sam deploy` puts the template into a bucket; as part of a call it could have 51,200 bytes.
    assert len(as_text(made).encode()) <= ROOM * 1_000_000
    assert (ROOT / "samconfig.toml").read_text().count("resolve_s3 = true") == 1


def test_the_api_has_few_enough_routes_and_integrations() -> None:
    assert len(routes()) <= ROOM * 300
    integrations = api_body()["components"]["x-amazon-apigateway-integrations"]
    assert len(integrations) <= ROOM * 300


def test_descriptions_are_short_enough() -> None:
    for name, parameter in template()["Parameters"].items():
        assert len(parameter["Description"]) <= 4_000, name
    for name, one in of_type(deployed(), "AWS::Lambda::Function").items():
        assert len(one["Description"]) <= 256, name
    for name, one in of_type(deployed(), "AWS::CloudWatch::Alarm").items():
        assert len(one["AlarmDescription"]) <= 1_024, name


@pytest.mark.parametrize("function", sorted(resources("AWS::Serverless::Function")))
def test_the_environment_of_a_function_is_small_enough(function: str) -> None:
    usual = template()["Globals"]["Function"]["Environment"]["Variables"]
    own = resources("AWS::Serverless::Function")[function].get("Environment", {})
    assert size(usual | own.get("Variables", {})) <= ROOM * 4_096


def test_policies_are_small_enough() -> None:
    for name, policy in of_type(ALL_THERE_IS, "AWS::IAM::ManagedPolicy").items():
        assert size(policy["PolicyDocument"]) <= ROOM * 6_144, name
    for name, role in of_type(ALL_THERE_IS, "AWS::IAM::Role").items():
        inline = [one["PolicyDocument"] for one in role.get("Policies", [])]
        assert sum(map(size, inline)) <= ROOM * 10_240, name
        assert len(role.get("ManagedPolicyArns", [])) <= 10, name
        assert size(role["AssumeRolePolicyDocument"]) <= ROOM * 2_048, name


def test_a_function_has_few_enough_layers() -> None:
    for name, one in of_type(deployed(), "AWS::Lambda::Function").items():
        assert len(one["Layers"]) <= 5, name


def test_the_dashboard_has_few_enough_widgets() -> None:
    [dashboard] = resources("AWS::CloudWatch::Dashboard").values()
    assert len(json.loads(dashboard["DashboardBody"]["Fn::Sub"])["widgets"]) <= ROOM * 500
