"""The console on the in-memory engine, its calls answered in this process."""

import time

import pytest

from meterline.api.auth import forget_cached
from meterline.api.console import asking
from meterline.services.account.api_keys import create_key
from tests.engines import Engine
from tests.integration.console.operators import Operator, in_process


@pytest.fixture
def deployment(dynamodb: Engine, monkeypatch: pytest.MonkeyPatch) -> Engine:
    forget_cached()
    monkeypatch.setattr(asking, "send", in_process)
    return dynamodb


@pytest.fixture
def key(deployment: Engine) -> str:  # noqa: ARG001 - where the key is
    return create_key(livemode=False, name="operator").secret


@pytest.fixture
def operator(key: str) -> Operator:
    """Somebody who is signed in."""
    somebody = Operator()
    assert somebody.sign_in(key).status == 303
    return somebody


@pytest.fixture
def now() -> int:
    return int(time.time())
