"""How long things may take, against each other and against the template's time-outs."""

import pytest

from meterline.store.base import batches, clients
from meterline.store.base.budgets import (
    ATTEMPTS,
    BATCH_ATTEMPTS,
    BATCH_WAIT_SECONDS,
    CALL_SECONDS,
    CONNECT_SECONDS,
    LEASE_SECONDS,
    READ_SECONDS,
    RETRY_WAIT_SECONDS,
    TAX_ENGINE_CONNECT_SECONDS,
    TAX_ENGINE_READ_SECONDS,
    TAX_ENGINE_REST_SECONDS,
    WEBHOOK_BATCH_SECONDS,
    WEBHOOK_SECONDS,
)
from tests.engines import resources, template
from tests.gateway import routes

TAX_ENGINE_SECONDS = TAX_ENGINE_CONNECT_SECONDS + TAX_ENGINE_READ_SECONDS
USUAL = template()["Globals"]["Function"]["Timeout"]
TIMEOUTS = {
    name: function.get("Timeout", USUAL)
    for name, function in resources("AWS::Serverless::Function").items()
}
SERVED = sorted({route.function for route in routes()})
GATEWAY_SECONDS = 30
"""How long an HTTP API waits for a function at most."""


@pytest.mark.parametrize("function", TIMEOUTS)
def test_a_function_outlasts_a_call_to_aws_with_all_its_repetitions(function: str) -> None:
    assert TIMEOUTS[function] > CALL_SECONDS + RETRY_WAIT_SECONDS


@pytest.mark.parametrize("function", SERVED)
def test_a_function_of_the_api_can_still_refuse_when_a_call_and_a_batch_took_all_they_may(
    function: str,
) -> None:
    assert CALL_SECONDS + BATCH_WAIT_SECONDS < TIMEOUTS[function] < GATEWAY_SECONDS


@pytest.mark.parametrize("function", SERVED)
def test_a_lease_ends_before_a_call_and_a_function_could(function: str) -> None:
    assert LEASE_SECONDS < CALL_SECONDS < TIMEOUTS[function]


def test_a_batch_of_webhooks_can_be_read_called_and_recorded_in_its_time() -> None:
    assert WEBHOOK_SECONDS < WEBHOOK_BATCH_SECONDS
    calls = 3 * (CALL_SECONDS + RETRY_WAIT_SECONDS)
    assert WEBHOOK_BATCH_SECONDS + calls < TIMEOUTS["DeliverWebhooksFunction"]


def test_every_client_keeps_to_the_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    clients.reset_clients()
    for client in (
        clients.dynamodb(),
        clients.eventbridge(),
        clients.s3(),
        clients.sns(),
        clients.sqs(),
    ):
        config = client.meta.config
        assert config.connect_timeout == CONNECT_SECONDS
        assert config.read_timeout == READ_SECONDS
        assert config.retries == {"mode": "standard", "total_max_attempts": ATTEMPTS}
    clients.reset_clients()


def test_the_tax_engine_is_called_once_and_within_its_budget_and_the_lease_of_a_request(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    clients.reset_clients()
    config = clients.tax_engine().meta.config
    assert config.connect_timeout + config.read_timeout == TAX_ENGINE_SECONDS < LEASE_SECONDS
    assert config.retries == {"mode": "standard", "total_max_attempts": 1}
    clients.reset_clients()


@pytest.mark.parametrize("function", ["RollBillingCyclesFunction", "ProduceInvoicesFunction"])
def test_a_batch_whose_engine_is_slow_is_done_in_its_time(function: str) -> None:
    # After a time-out the engine rests, so only some of a batch of ten wait for it.
    waits = 1 + 10 * CALL_SECONDS // TAX_ENGINE_REST_SECONDS
    assert waits * TAX_ENGINE_SECONDS < TIMEOUTS[function]


def test_a_batch_waits_no_longer_than_its_budget_and_not_after_its_last_try(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    waits: list[float] = []
    monkeypatch.setattr(batches, "sleep", waits.append)
    monkeypatch.setattr("random.uniform", max)
    assert list(batches.tries()) == list(range(BATCH_ATTEMPTS))
    assert len(waits) == BATCH_ATTEMPTS - 1
    assert sum(waits) == pytest.approx(BATCH_WAIT_SECONDS)
