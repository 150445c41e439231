"""The ``meterline api-key`` command."""

import pytest
import stripe

from meterline.api.auth import forget_cached
from meterline_cli.main import main
from tests.integration.api.conftest import Api


def test_a_key_is_created_listed_rolled_and_revoked(
    api: Api, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["api-key", "create", "--name", "ci", "--right", "customers=read"]) == 0
    secret = capsys.readouterr().out.strip()
    assert secret.startswith("rk_test_")
    assert api.client(secret).v1.customers.list().data == []

    assert main(["api-key", "list"]) == 0
    listed = capsys.readouterr().out
    assert secret not in listed
    line = next(line for line in listed.splitlines() if line.endswith("ci"))
    assert "customers=read" in line
    key_id = line.split()[0]

    assert main(["api-key", "roll", key_id]) == 0
    fresh = capsys.readouterr().out.strip()
    forget_cached()
    assert api.client(fresh).v1.customers.list().data == []
    with pytest.raises(stripe.AuthenticationError):
        api.client(secret).v1.customers.list()


def test_an_unknown_key_cannot_be_revoked(api: Api, capsys: pytest.CaptureFixture[str]) -> None:
    assert api.key
    assert main(["api-key", "revoke", "key_missing"]) == 1
    assert "key_missing" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [[], ["dance"]])
def test_without_a_known_command_the_usage_is_shown(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    assert "api-key" in capsys.readouterr().err
