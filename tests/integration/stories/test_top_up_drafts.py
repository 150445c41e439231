"""Top-ups whose taxes an engine computes: without its answer the invoice is a draft, and waits."""

from collections.abc import Iterator
from typing import Any

import pytest
import stripe

from meterline.core.kinds.registry import find_kind
from tests.integration.api.conftest import Api
from tests.integration.stories.stage import Stage
from tests.integration.stories.test_billing_credits import balances
from tests.integration.stories.test_credit_top_ups import bought, change, latest, pay, read, rule
from tests.tax_engine import TaxEngine, deployed

ON: dict[str, Any] = {"automatic_tax": {"enabled": True}}


@pytest.fixture
def stage(api: Api) -> Stage:
    return Stage(api, "2024-01-01")


@pytest.fixture
def engine(stage: Stage) -> Iterator[TaxEngine]:
    del stage  # the engine stands beside what it runs on
    with deployed() as running:
        yield running


@pytest.fixture
def waiting(stage: Stage, engine: TaxEngine) -> Any:
    """A rule whose invoice is a draft, as the engine fails."""
    engine.fails = "unreachable"
    made = rule(stage, **ON)
    assert (made["status"], bought(stage)) == ("awaiting_payment", [("draft", 1_000)])
    return made


@pytest.mark.usefixtures("engine")
def test_a_rules_invoice_has_the_taxes_of_the_engine_if_it_says_so(stage: Stage) -> None:
    made = rule(stage, **ON)
    assert (made["automatic_tax"], bought(stage)) == ({"enabled": True}, [("open", 1_190)])
    pay(stage)
    assert balances(stage) == {"usd": (1_000, 1_000)}
    assert change(stage, made, automatic_tax={"enabled": False})["automatic_tax"] == {
        "enabled": False
    }
    change(stage, made, threshold=1_001)
    assert bought(stage) == [("paid", 1_190), ("open", 1_000)]


def test_the_draft_becomes_final_once_the_engine_answers(
    stage: Stage, engine: TaxEngine, waiting: Any
) -> None:
    engine.fails = None
    stage.until("2024-01-02")
    assert bought(stage) == [("open", 1_190)]
    pay(stage)
    assert (read(stage, waiting)["status"], balances(stage)) == (
        "active",
        {"usd": (1_000, 1_000)},
    )


def test_no_second_is_bought_while_the_first_waits_as_a_draft(stage: Stage, waiting: Any) -> None:
    change(stage, waiting, threshold=900)
    stage.until("2024-01-04")
    assert bought(stage) == [("draft", 1_000)]


def test_a_rule_whose_draft_is_deleted_is_paused_until_it_goes_on(
    stage: Stage, engine: TaxEngine, waiting: Any
) -> None:
    invoice = latest(stage)
    stage.client.v1.invoices.delete(invoice)
    assert read(stage, waiting)["pause"] == {"invoice": invoice, "reason": "invoice_deleted"}
    assert (bought(stage), balances(stage)) == ([], {})
    engine.fails = None
    assert change(stage, waiting, status="active")["status"] == "awaiting_payment"
    pay(stage)
    assert balances(stage) == {"usd": (1_000, 1_000)}


def test_a_draft_that_is_deleted_leaves_a_canceled_rule_as_it_is(
    stage: Stage, waiting: Any
) -> None:
    stage.client.raw_request("post", f"/v1/meterline/credit_top_ups/{waiting['id']}/cancel")
    stage.client.v1.invoices.delete(latest(stage))
    assert (read(stage, waiting)["status"], read(stage, waiting)["pause"]) == ("canceled", None)


def test_a_rule_of_before_there_were_engines_has_none() -> None:
    kind, stored = find_kind("meterline.credit_top_up"), {"id": "crtop_1"}
    shown: dict[str, Any] = dict(stored)
    assert kind is not None
    assert kind.answered is not None
    kind.answered(shown, 0)
    assert shown == kind.emitted(stored) == {"id": "crtop_1", "automatic_tax": {"enabled": False}}


def test_without_an_engine_it_is_no_parameter(stage: Stage) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="finds no tax rates by itself") as refused:
        rule(stage, **ON)
    assert refused.value.param == "automatic_tax[enabled]"
    assert bought(stage) == []
