"""Where people reach a deployment: as the template says, else where the API is called."""

import pytest

from meterline.services.base import addresses
from meterline.services.base.addresses import note_call, public_address
from meterline.store.base.settings import settings


@pytest.fixture(autouse=True)
def unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(addresses, "_called_at", "")
    monkeypatch.delenv("METERLINE_PUBLIC_URL", raising=False)
    settings.cache_clear()


def test_without_another_it_is_the_address_that_the_api_is_called_at() -> None:
    note_call("abc.execute-api.eu-central-1.amazonaws.com", "")
    assert public_address("/i/x") == "https://abc.execute-api.eu-central-1.amazonaws.com/i/x"
    note_call("", "")
    assert public_address("/i/x").startswith("https://abc.")


def test_it_is_below_the_path_that_a_domain_has_the_api_under() -> None:
    note_call("example.com", "/billing")
    assert public_address("/i/x") == "https://example.com/billing/i/x"


def test_what_the_template_says_counts_whatever_is_called(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("METERLINE_PUBLIC_URL", "https://billing.example.com")
    settings.cache_clear()
    note_call("example.com", "")
    assert public_address("/i/x") == "https://billing.example.com/i/x"
    settings.cache_clear()
