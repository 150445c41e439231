"""Notes what the policies of the stack's functions are needed for.

Whenever MiniStack lets a role do something, the statements that allow it are noted, once for each
different set of them. A statement that is the only one somewhere is needed: without it that call
would have been refused.
"""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ministack.core import iam_evaluator
from ministack.core.iam_evaluator import EvalContext, EvalResult, ParsedStatement

type Policies = list[list[ParsedStatement]]

PLACE = "METERLINE_RIGHTS"
"""The variable that names the file of the notes."""

_evaluate = iam_evaluator.evaluate
_noted: set[str] = set()


@dataclass(frozen=True, slots=True)
class Use:
    """A role did something that these statements allow."""

    role: str
    action: str
    statements: frozenset[str]


def name_of(statement: dict[str, Any]) -> str:
    """What tells a statement of a policy document from others."""
    parts = [_listed(statement.get("Action")), _listed(statement.get("Resource"))]
    return json.dumps([*parts, statement.get("Condition") or {}])


def read(place: Path) -> set[Use]:
    """The notes in a file."""
    lines = map(json.loads, place.read_text().splitlines()) if place.exists() else ()
    return {Use(line["role"], line["action"], frozenset(line["statements"])) for line in lines}


def take_notes() -> None:
    """Have every decision noted from now on, if the environment says where."""
    if PLACE in os.environ:
        iam_evaluator.evaluate = evaluate_and_note


def evaluate_and_note(ctx: EvalContext, policies: Policies, *limits: Policies) -> EvalResult:
    """MiniStack's decision, noted if it lets a role do something."""
    result: EvalResult = _evaluate(ctx, policies, *limits)
    if result.decision == "Allow" and ctx.principal_type == "AssumedRole":
        _note(ctx, [statement for statements in policies for statement in statements])
    return result


def _note(ctx: EvalContext, statements: list[ParsedStatement]) -> None:
    allowing = sorted(
        _name_of_parsed(statement)
        for statement in statements
        if _evaluate(ctx, [[statement]]).decision == "Allow"
    )
    role = ctx.principal_arn.split("/")[1]
    line = json.dumps({"role": role, "action": ctx.action, "statements": allowing})
    if line not in _noted:
        _noted.add(line)
        with Path(os.environ[PLACE]).open("a") as notes:
            notes.write(line + "\n")


def _name_of_parsed(statement: ParsedStatement) -> str:
    return name_of(
        {
            "Action": statement.actions,
            "Resource": statement.resources,
            "Condition": statement.conditions,
        }
    )


def _listed(value: Any) -> list[str]:  # noqa: ANN401 - a part of a policy document
    return [value] if isinstance(value, str) else sorted(value or [])
