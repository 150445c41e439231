"""Several stacks live in one account: no resource has a name that one of another stack has."""

from typing import Any

import pytest

from tests.engines import template
from tests.translation import deployed, mentions, translated

OF_THEIR_PARENT = {
    ("AWS::ApiGatewayV2::Stage", "StageName"),
    ("AWS::Lambda::Alias", "Name"),
}
"""Names that need to be unique within another resource of the stack only."""

OF_OTHER_THINGS = {"MetricName", "DeploymentConfigName"}
"""What these properties name is no resource of the stack."""

LONGEST_STACK_NAME = 128
LONGEST_NAMES = {
    ("AWS::Lambda::LayerVersion", "LayerName"): 140,
    ("AWS::Logs::LogGroup", "LogGroupName"): 512,
}
"""Where the template names something itself, from the service's reference."""

MADE = translated({"DomainName": "billing.example.com", "CertificateArn": "arn:aws:acm:x"})


def names(made: dict[str, Any]) -> list[tuple[str, str, str, Any]]:
    """Every property of a resource that is a name: its logical id, its type, the property, it."""
    return [
        (logical_id, resource["Type"], key, value)
        for logical_id, resource in made["Resources"].items()
        for key, value in resource.get("Properties", {}).items()
        if key.endswith("Name") and key not in OF_OTHER_THINGS
        if (resource["Type"], key) not in OF_THEIR_PARENT
    ]


@pytest.mark.parametrize(("logical_id", "kind", "key", "name"), names(MADE))
def test_a_name_is_the_stack_s_or_that_of_another_of_its_resources(
    logical_id: str, kind: str, key: str, name: Any
) -> None:
    own = {"AWS::StackName", *MADE["Resources"], *template()["Parameters"]}
    mentioned = {mention.partition(".")[0] for mention in mentions(name)}
    assert mentioned & own, f"{logical_id} ({kind}) has a {key} that a second stack has too: {name}"


def test_the_api_is_named_after_its_stack() -> None:
    assert deployed()["Resources"]["HttpApi"]["Properties"]["Body"]["info"]["title"] == {
        "Ref": "AWS::StackName"
    }


def test_nothing_is_exported_under_a_name_of_the_account() -> None:
    assert not any("Export" in output for output in template()["Outputs"].values())


def test_the_names_that_the_template_makes_are_short_enough_for_any_stack() -> None:
    made = [(kind, key, name) for _, kind, key, name in names(MADE) if "Fn::Sub" in name]
    assert {(kind, key) for kind, key, _ in made} == set(LONGEST_NAMES)
    for kind, key, name in made:
        longest = name["Fn::Sub"].replace("${AWS::StackName}", "s" * LONGEST_STACK_NAME)
        assert "${" not in longest
        assert len(longest) <= LONGEST_NAMES[kind, key]


@pytest.mark.parametrize("parameter", ["WorkConcurrency", "ClockConcurrency"])
def test_an_account_with_little_concurrency_can_have_few_workers(parameter: str) -> None:
    # Two are the least that an SQS event source can be held to.
    assert template()["Parameters"][parameter]["MinValue"] == 2


def test_every_parameter_tells_its_meaning_and_has_a_default() -> None:
    for name, parameter in template()["Parameters"].items():
        assert parameter["Description"], name
        assert "Default" in parameter, name
