"""What the local AWS notes of rights: the statements without which a call would be refused."""

from pathlib import Path
from typing import Any

import pytest
from ministack.core.iam_evaluator import EvalContext, parse_policy_document

from local.ministack_rights import PLACE, Use, evaluate_and_note, name_of, read

READ: dict[str, Any] = {
    "Effect": "Allow",
    "Action": "dynamodb:GetItem",
    "Resource": "arn:table/access",
}
READ_AND_WRITE: dict[str, Any] = {
    "Effect": "Allow",
    "Action": ["dynamodb:PutItem", "dynamodb:GetItem"],
    "Resource": ["arn:table/access"],
}
OF_KEYS: dict[str, Any] = READ | {
    "Condition": {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["key#*"]}},
}


def noted(place: Path, statements: list[dict[str, Any]], action: str, **asked: Any) -> set[Use]:
    """What is noted when a role with these statements does something."""
    ctx = EvalContext(
        principal_arn="arn:aws:sts::000000000000:assumed-role/Serve/session",
        principal_type=asked.pop("principal", "AssumedRole"),
        principal_account="000000000000",
        action=action,
        resource_arn="arn:table/access",
        region="us-east-1",
        service_context={key.lower(): value for key, value in asked.get("context", {}).items()},
    )
    evaluate_and_note(ctx, [parse_policy_document({"Statement": statements})])
    return read(place)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    place = tmp_path / "rights.jsonl"
    monkeypatch.setenv(PLACE, str(place))
    monkeypatch.setattr("local.ministack_rights._noted", set())
    return place


def use(action: str, *statements: dict[str, Any]) -> Use:
    return Use("Serve", action, frozenset(map(name_of, statements)))


def test_a_statement_that_alone_allows_a_call_is_noted_alone(place: Path) -> None:
    both = [READ, READ_AND_WRITE]
    assert noted(place, both, "dynamodb:PutItem") == {use("dynamodb:PutItem", READ_AND_WRITE)}


def test_statements_that_both_allow_a_call_are_noted_together(place: Path) -> None:
    both = [READ, READ_AND_WRITE]
    assert noted(place, both, "dynamodb:GetItem") == {use("dynamodb:GetItem", *both)}


def test_a_statement_whose_condition_is_not_met_is_not_noted(place: Path) -> None:
    context = {"dynamodb:LeadingKeys": ["idem#1"]}
    seen = noted(place, [OF_KEYS, READ_AND_WRITE], "dynamodb:GetItem", context=context)
    assert seen == {use("dynamodb:GetItem", READ_AND_WRITE)}


def test_what_is_refused_is_not_noted(place: Path) -> None:
    assert noted(place, [READ], "dynamodb:Scan") == set()


def test_what_a_person_does_is_not_noted(place: Path) -> None:
    assert noted(place, [READ], "dynamodb:GetItem", principal="User") == set()


def test_the_same_use_is_noted_once(place: Path) -> None:
    for _ in range(3):
        noted(place, [READ], "dynamodb:GetItem")
    assert len(place.read_text().splitlines()) == 1
