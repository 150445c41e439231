"""What a first deployment, and the first command after it, need from the machine they run on."""

import importlib
import importlib.metadata
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import boto3
import pytest

from local.built_for import built_for
from meterline_cli import main as command_line
from tests.engines import ROOT, load_template, resources, template

YAML: Any = importlib.import_module("samcli.yamlhelper")
DAYS_THAT_CLOUDWATCH_LOGS_TAKES = {
    *(1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545),
    *(731, 1096, 1827, 2192, 2557, 2922, 3288, 3653),
}
"""From the API reference of PutRetentionPolicy."""


def test_the_retention_of_logs_can_only_be_what_cloudwatch_logs_takes() -> None:
    parameter = template()["Parameters"]["LogRetentionDays"]
    assert set(parameter["AllowedValues"]) == DAYS_THAT_CLOUDWATCH_LOGS_TAKES
    assert parameter["Default"] in parameter["AllowedValues"]


# writes a second | whether tables that are paid by request, such as Billing, take them as warm
WARM_WRITES = [
    ("0", True),
    ("1", False),
    ("3999", False),
    ("4000", True),
    ("12000", True),
    ("04000", False),
]


@pytest.mark.parametrize(("writes", "is_taken"), WARM_WRITES)
def test_warm_writes_can_only_be_what_a_table_begins_with_or_more(
    writes: str, *, is_taken: bool
) -> None:
    pattern = template()["Parameters"]["WarmWritesPerSecond"]["AllowedPattern"]
    assert (re.fullmatch(pattern, writes) is not None) is is_taken


@pytest.mark.parametrize(
    ("reads", "is_taken"),
    [("0", True), ("4000", False), ("11999", False), ("12000", True), ("40000", True)],
)
def test_warm_reads_can_only_be_what_a_table_begins_with_or_more(
    reads: str, *, is_taken: bool
) -> None:
    pattern = template()["Parameters"]["WarmReadsPerSecond"]["AllowedPattern"]
    assert (re.fullmatch(pattern, reads) is not None) is is_taken


WARM = {
    frozenset[str](): None,
    frozenset({"HasWarmReads"}): {"ReadUnitsPerSecond": "WarmReadsPerSecond"},
    frozenset({"HasWarmWrites"}): {"WriteUnitsPerSecond": "WarmWritesPerSecond"},
    frozenset({"HasWarmReads", "HasWarmWrites"}): {
        "ReadUnitsPerSecond": "WarmReadsPerSecond",
        "WriteUnitsPerSecond": "WarmWritesPerSecond",
    },
}


@pytest.mark.parametrize("table", ["UsageTable", "BillingTable"])
@pytest.mark.parametrize("given", WARM)
def test_warm_reads_and_writes_are_asked_for_one_without_the_other(
    given: frozenset[str], table: str
) -> None:
    value = resources("AWS::DynamoDB::Table")[table]["WarmThroughput"]
    while "Fn::If" in value:
        condition, then, otherwise = value["Fn::If"]
        value = then if condition in given else otherwise
    found = {name: units["Ref"] for name, units in value.items() if name != "Ref"}
    assert (found or None) == WARM[given]


def test_the_layer_holds_no_compiled_code_so_that_it_runs_on_either_architecture() -> None:
    pinned = (ROOT / "layers" / "runtime" / "requirements.txt").read_text()
    names = re.findall(r"^([\w-]+)==", pinned, re.MULTILINE)
    assert "botocore" in names
    compiled = [
        str(path)
        for name in names
        for path in importlib.metadata.files(name) or []
        if path.suffix in {".so", ".pyd"}
    ]
    assert compiled == []


def test_the_template_takes_the_architecture_alone_that_a_plain_build_is_for() -> None:
    makefile = (ROOT / "layers" / "typesetting" / "Makefile").read_text()
    default = re.search(r"^METERLINE_ARCHITECTURE \?= (\w+)$", makefile, re.MULTILINE)
    parameter = template()["Parameters"]["Architecture"]
    assert default is not None
    assert (parameter["Default"], parameter["AllowedValues"]) == (default[1], [default[1]])
    assert "make deploy ARCHITECTURE=x86_64" in parameter["ConstraintDescription"]


@pytest.mark.parametrize("architecture", ["arm64", "x86_64"])
def test_a_built_template_takes_the_architecture_alone_that_it_was_built_for(
    architecture: str,
) -> None:
    source = (ROOT / "template.yaml").read_text()
    once = built_for(source, architecture)
    assert built_for(once, architecture) == once
    before, after = YAML.yaml_parse(source), YAML.yaml_parse(once)
    parameter = after["Parameters"]["Architecture"]
    assert (parameter["Default"], parameter["AllowedValues"]) == (architecture, [architecture])
    before["Parameters"]["Architecture"] = parameter
    assert after == before


def test_a_template_is_built_for_processors_that_lambda_has() -> None:
    with pytest.raises(ValueError, match="native is none of arm64, x86_64"):
        built_for((ROOT / "template.yaml").read_text(), "native")


def recipe_of(*given: str) -> list[str]:
    """The last three commands of a target of the Makefile, with variables that are given."""
    done = subprocess.run(  # noqa: S603 - a fixed command
        ["make", "-n", "--no-print-directory", *given],  # noqa: S607 - make, wherever it is
        cwd=ROOT,
        env={
            name: value for name, value in os.environ.items() if name not in ("STACK", "PARAMETERS")
        },
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.splitlines()[-3:]


@pytest.mark.parametrize("target", ["deploy", "upgrade"])
@pytest.mark.parametrize("given", [[], ["ARCHITECTURE=x86_64"]])
def test_one_word_says_what_is_built_and_what_is_deployed(given: list[str], target: str) -> None:
    architecture = given[0].partition("=")[2] if given else "arm64"
    assert template()["Parameters"]["Architecture"]["Default"] == "arm64"
    build, told, deploy = recipe_of(target, *given)
    assert build.startswith(f"METERLINE_ARCHITECTURE={architecture} sam build ")
    assert told == f"python -m local.built_for {architecture} .aws-sam/build/template.yaml"
    assert deploy.startswith("sam deploy")


# target and what is given | how sam is called
CALLS_OF_SAM = [
    (["deploy"], "sam deploy --guided"),
    (["upgrade"], "sam deploy"),
    (["upgrade", "STACK=eu"], "sam deploy --stack-name eu"),
    (
        ["upgrade", "STACK=eu", "PARAMETERS=LogLevel=WARNING TrafficShift=AllAtOnce"],
        "sam deploy --stack-name eu --parameter-overrides LogLevel=WARNING TrafficShift=AllAtOnce",
    ),
]


@pytest.mark.parametrize(("given", "called"), CALLS_OF_SAM)
def test_an_upgrade_leaves_the_parameters_that_nobody_gives_as_the_stack_has_them(
    given: list[str], called: str
) -> None:
    # sam keeps the stack's value of each parameter that it isn't told, unless it guides.
    assert recipe_of(*given)[-1] == called


def test_every_log_group_is_kept_as_long_as_the_parameter_says() -> None:
    groups = resources("AWS::Logs::LogGroup")
    assert groups
    for properties in groups.values():
        assert properties["RetentionInDays"] == {"Ref": "LogRetentionDays"}


def seen_by(target: str, shown: str, tmp_path: Path, **env: str) -> str:
    """What a target's recipe sees in a variable: the recipes are replaced by one that shows it."""
    rules = (ROOT / "Makefile").read_text()
    without_recipes = re.sub(r"(?m)^\t.*\n", "", rules).replace(": $(READY)", ":")
    copy = tmp_path / "Makefile"
    copy.write_text(without_recipes + f"\n{target}:\n\t@echo $${shown}\n")
    regionless = {name: value for name, value in os.environ.items() if "REGION" not in name}
    done = subprocess.run(  # noqa: S603 - a fixed command
        ["make", "-s", "--no-print-directory", "-f", str(copy), target],  # noqa: S607 - make, wherever it is
        cwd=ROOT,
        env=regionless | env,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


@pytest.mark.parametrize(
    ("target", "disabled"), [("deploy", "false"), ("upgrade", "false"), ("test", "true")]
)
def test_only_a_deployment_may_ask_the_machine_for_its_role(
    target: str, disabled: str, tmp_path: Path
) -> None:
    assert seen_by(target, "AWS_EC2_METADATA_DISABLED", tmp_path) == disabled


# what the environment says | where sam deploys to; empty: it asks the profile
REGIONS = [
    ({"AWS_REGION": "eu-central-1"}, "eu-central-1"),
    ({"AWS_REGION": "eu-central-1", "AWS_DEFAULT_REGION": "us-west-2"}, "eu-central-1"),
    ({"AWS_DEFAULT_REGION": "us-west-2"}, "us-west-2"),
    ({}, ""),
]


@pytest.mark.parametrize(("said", "region"), REGIONS)
@pytest.mark.parametrize("target", ["deploy", "upgrade"])
def test_a_deployment_goes_where_aws_region_says(
    target: str, said: dict[str, str], region: str, tmp_path: Path
) -> None:
    assert seen_by(target, "{AWS_DEFAULT_REGION-}", tmp_path, **said) == region


def test_a_command_works_in_the_region_that_aws_region_names(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-west-2")
    used: list[str] = []

    class _Command:
        @staticmethod
        def run(_: Any) -> int:
            used.append(str(boto3.Session().region_name))
            return 0

    monkeypatch.setattr(importlib, "import_module", lambda _: _Command)
    assert command_line.main(["due"]) == 0
    assert used == ["eu-central-1"]
    assert os.environ["AWS_DEFAULT_REGION"] == "eu-central-1"


def test_every_table_can_be_restored_and_none_of_production_is_deleted() -> None:
    for name, table in resources("AWS::DynamoDB::Table").items():
        assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
        assert table["DeletionProtectionEnabled"] == {"Fn::If": ["IsProduction", True, False]}, name


@pytest.mark.parametrize("kind", ["AWS::DynamoDB::Table", "AWS::S3::Bucket"])
def test_what_holds_data_goes_only_with_a_stack_that_could_not_be_made(kind: str) -> None:
    for name, holder in template()["Resources"].items():
        if holder["Type"] == kind:
            assert holder["DeletionPolicy"] == "RetainExceptOnCreate", name
            assert holder["UpdateReplacePolicy"] == "Retain", name


def test_the_page_about_restoring_makes_a_template_of_the_tables_alone(tmp_path: Path) -> None:
    [line] = re.findall(r"^sed .*", (ROOT / "docs/restoring.md").read_text(), re.MULTILINE)
    made = tmp_path / "tables.yaml"
    subprocess.run(["bash", "-c", line.replace("tables.yaml", str(made))], cwd=ROOT, check=True)  # noqa: S603, S607 - the page's own command
    tables = load_template(made)
    assert not {"Transform", "Globals", "Outputs"} & set(tables)
    assert {name: one["Type"] for name, one in tables["Resources"].items()} == dict.fromkeys(
        resources("AWS::DynamoDB::Table"), "AWS::DynamoDB::Table"
    )
    assert tables["Resources"].items() <= template()["Resources"].items()


def test_the_page_about_restoring_turns_on_the_streams_that_the_template_has() -> None:
    page = (ROOT / "docs/restoring.md").read_text()
    turned_on = dict(re.findall(r'"\$NEW-(\w+)" .*\n +--stream-spec.*StreamViewType=(\w+)', page))
    streams = {
        name: one["StreamSpecification"]["StreamViewType"]
        for name, one in resources("AWS::DynamoDB::Table").items()
        if "StreamSpecification" in one
    }
    assert turned_on == {
        "events": streams["MeterEventsTable"],
        "usage": streams["UsageTable"],
        "billing": streams["BillingTable"],
    }
