"""What the page about tax engines shows is what Meterline says and takes."""

import json
import re
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from meterline.core.billing.tax_answers import Asked, WrongAnswer, read_answer
from tests.engines import ROOT

PAGE = (ROOT / "docs" / "tax-engine.md").read_text()
SCHEMA = json.loads((ROOT / "docs" / "tax-engine.schema.json").read_text())
QUESTION, ANSWER = map(json.loads, re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL))
[ENGINE] = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
ASKED = Asked("in_1", "eur", {"il_1": 750})


def faults(part: str, document: Any) -> list[str]:
    schema = {**SCHEMA, "$ref": f"#/$defs/{part}"}
    return [error.message for error in Draft202012Validator(schema).iter_errors(document)]


def taken(answer: Any) -> Any:
    return read_answer(json.dumps(answer).encode(), ASKED).taxes


def engine(question: Any) -> Any:
    """The example's answer to a question."""
    known: dict[str, Any] = {}
    exec(ENGINE, known)  # noqa: S102 - our own page
    return known["handler"](question, None)


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(SCHEMA)


def test_the_question_and_the_answer_are_as_the_schema_says() -> None:
    assert faults("question", QUESTION) == []
    assert faults("answer", ANSWER) == []
    assert taken(ANSWER)["il_1"][0]["amount"] == 150


@pytest.mark.parametrize(("exempt", "amount"), [("none", 150), ("reverse", 0)])
def test_the_example_answers_what_is_taken(exempt: str, amount: int) -> None:
    answer = engine({**QUESTION, "customer": {**QUESTION["customer"], "tax_exempt": exempt}})
    assert faults("answer", answer) == []
    assert taken(answer)["il_1"][0]["amount"] == amount


@pytest.mark.parametrize("address", [None, {"country": None}])
def test_the_example_says_where_it_knows_no_place(address: Any) -> None:
    answer = engine({**QUESTION, "customer": {**QUESTION["customer"], "address": address}})
    assert faults("answer", answer) == []
    assert taken(answer) is None


@pytest.mark.parametrize("missing", ["currency", "lines"])
def test_what_the_schema_refuses_is_not_taken(missing: str) -> None:
    answer = {name: value for name, value in ANSWER.items() if name != missing}
    assert faults("answer", answer)
    with pytest.raises(WrongAnswer):
        taken(answer)
