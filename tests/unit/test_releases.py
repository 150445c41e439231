"""A release: code and layers are published together, and an alias moves to them."""

from graphlib import TopologicalSorter
from typing import Any

import pytest

from tests.engines import resources, template
from tests.gateway import api_body, routes
from tests.translation import deployed, mentions, of_type, translated

FUNCTIONS = sorted(resources("AWS::Serverless::Function"))
LAYERS = sorted(resources("AWS::Serverless::LayerVersion"))
ANSWERING = sorted({route.function for route in routes()})
WORKERS = sorted(set(FUNCTIONS) - set(ANSWERING))
ALIAS = "live"


def alias(function: str) -> str:
    """The logical id of a function's alias."""
    return f"{function}Alias{ALIAS}"


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def versions(made: dict[str, Any]) -> dict[str, str]:
    """The logical id of each function's published version: a new one is a new version."""
    found = of_type(made, "AWS::Lambda::Version")
    return {properties["FunctionName"]["Ref"]: name for name, properties in found.items()}


def test_every_function_is_published_as_a_version_with_an_alias() -> None:
    assert sorted(versions(deployed())) == FUNCTIONS
    aliases = of_type(deployed(), "AWS::Lambda::Alias")
    assert sorted(aliases) == sorted(map(alias, FUNCTIONS))
    assert {aliase["Name"] for aliase in aliases.values()} == {ALIAS}


def test_nothing_calls_a_function_but_through_its_alias() -> None:
    callers = [
        *(
            permission["FunctionName"]
            for permission in of_type(deployed(), "AWS::Lambda::Permission").values()
        ),
        *(
            mapping["FunctionName"]
            for mapping in of_type(deployed(), "AWS::Lambda::EventSourceMapping").values()
        ),
        *(
            schedule["Target"]["Arn"]
            for schedule in of_type(deployed(), "AWS::Scheduler::Schedule").values()
        ),
    ]
    called = {name for caller in callers for name in mentions(caller)}
    assert sorted(called) == sorted(map(alias, FUNCTIONS))
    for name, one in api_body()["components"]["x-amazon-apigateway-integrations"].items():
        assert f"/functions/${{{name}Function.Arn}}:{ALIAS}/invocations" in one["uri"]["Fn::Sub"]


def test_a_schedule_may_invoke_the_alias_alone() -> None:
    roles = [
        role
        for name, role in of_type(deployed(), "AWS::IAM::Role").items()
        if name.endswith("ScheduleRole")
    ]
    assert len(roles) == len(of_type(deployed(), "AWS::Scheduler::Schedule"))
    for role in roles:
        [statement] = role["Policies"][0]["PolicyDocument"]["Statement"]
        (invoked,) = mentions(statement["Resource"])
        assert invoked.endswith(f"Alias{ALIAS}")


def carries(function: str, layer: str) -> bool:
    """Whether a function has a layer, as all of them or by itself."""
    own = resources("AWS::Serverless::Function")[function].get("Layers", [])
    return {"Ref": layer} in [*template()["Globals"]["Function"]["Layers"], *own]


@pytest.mark.parametrize("layer", LAYERS)
def test_a_new_layer_is_a_new_version_of_every_function_that_has_it(layer: str) -> None:
    before, after = versions(deployed()), versions(translated(contents={layer: "new"}))
    changed = [name for name in FUNCTIONS if before[name] != after[name]]
    assert changed == [name for name in FUNCTIONS if carries(name, layer)]


def test_new_code_is_a_new_version_of_its_function_alone() -> None:
    before, after = versions(deployed()), versions(translated(contents={FUNCTIONS[0]: "new"}))
    assert [name for name in FUNCTIONS if before[name] != after[name]] == FUNCTIONS[:1]


def test_the_same_template_publishes_nothing() -> None:
    # Lambda refuses to publish a function that has not changed, and the deployment would fail.
    assert versions(translated()) == versions(deployed())


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_parameter_that_functions_read_publishes_them_anew(function: str) -> None:
    # A version's name does not depend on the values of parameters; another description replaces
    # the version. What functions don't read must not, for there would be nothing to publish.
    parameters = set(template()["Parameters"])
    properties = dict(resources("AWS::Serverless::Function")[function])
    description = properties.pop("VersionDescription")
    for kept_beside_versions in ("DeploymentPreference", "ReservedConcurrentExecutions"):
        properties.pop(kept_beside_versions, None)
    read = set(mentions([template()["Globals"]["Function"], properties]))
    assert set(mentions(description)) == parameters & read


def test_calls_of_the_api_move_slowly_and_back_when_it_answers_with_server_errors() -> None:
    groups = of_type(deployed(), "AWS::CodeDeploy::DeploymentGroup")
    assert sorted(groups) == [f"{function}DeploymentGroup" for function in ANSWERING]
    for group in groups.values():
        assert group["AlarmConfiguration"]["Alarms"] == [{"Name": {"Ref": "ApiErrorsAlarm"}}]
        assert "DEPLOYMENT_STOP_ON_ALARM" in group["AutoRollbackConfiguration"]["Events"]
    moved = {name: "UpdatePolicy" in deployed()["Resources"][alias(name)] for name in FUNCTIONS}
    assert sorted(name for name, slowly in moved.items() if slowly) == ANSWERING


@pytest.mark.parametrize("kind", template()["Parameters"]["TrafficShift"]["AllowedValues"])
def test_only_all_at_once_needs_no_codedeploy(kind: str) -> None:
    made = translated({"TrafficShift": kind})
    groups = of_type(made, "AWS::CodeDeploy::DeploymentGroup")
    assert len(groups) == (0 if kind == "AllAtOnce" else len(ANSWERING))
    assert all(kind in str(group["DeploymentConfigName"]) for group in groups.values())


def test_nothing_waits_for_itself() -> None:
    # CloudFormation refuses a circle. Aliases wait for what guards their shift: their deployment
    # groups, these for the alarm, it for the API, and the API for functions, not for aliases.
    parts = deployed()["Resources"]
    waits = {
        name: {mention.partition(".")[0] for mention in mentions(part)} & set(parts)
        | set(as_list(part.get("DependsOn", [])))
        for name, part in parts.items()
    }
    assert list(TopologicalSorter(waits).static_order())


FINALIZE = [
    "AdvanceTestClocksFunction",
    "ProduceInvoicesFunction",
    "RollBillingCyclesFunction",
    "ServeInvoicesFunction",
    "ServeSubscriptionsFunction",
]
"""The functions that make invoices final."""


@pytest.mark.parametrize("function", FINALIZE)
def test_what_makes_invoices_final_knows_where_their_pages_are(function: str) -> None:
    own = resources("AWS::Serverless::Function")[function].get("Environment", {})
    url = own.get("Variables", {}).get("METERLINE_PUBLIC_URL")
    assert {"PublicUrl", "DomainName"} <= set(mentions(url))
    # The API is made from the functions that answer it: these cannot be told its own address.
    assert ("HttpApi" in {name.partition(".")[0] for name in mentions(url)}) == (
        function in WORKERS
    )
