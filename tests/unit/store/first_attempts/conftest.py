"""What every test of first attempts finds."""

from collections.abc import Iterator

import pytest

from meterline.store.base import clients

PATIENT = 10
"""Seconds that an answer is waited for where one comes, however busy the machine is."""
QUICK = 0.25
"""The same where none comes."""


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Credentials, no proxy, and no wait between two attempts."""
    for name, value in {
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_SESSION_TOKEN": "token",
        "AWS_DEFAULT_REGION": "eu-west-1",
    }.items():
        monkeypatch.setenv(name, value)
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(clients, "READ_SECONDS", PATIENT)
    monkeypatch.setattr(clients, "CONNECT_SECONDS", PATIENT)
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda _: None)
    clients.reset_clients()
    yield
    clients.reset_clients()


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who is never answered gives up soon."""
    monkeypatch.setattr(clients, "READ_SECONDS", QUICK)
    monkeypatch.setattr(clients, "CONNECT_SECONDS", QUICK)


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who is answered at the second attempt gives the first up in a second."""
    monkeypatch.setattr(clients, "READ_SECONDS", 1)
