"""What every test may ask for."""

from collections.abc import Iterator
from unittest.mock import patch

import pytest

from meterline.services.metering import count
from meterline.services.metering.contention import Contention
from tests.contract.answers import WATCH
from tests.contract.listening import listen_in_process
from tests.engines import Engine, running


def pytest_configure() -> None:
    listen_in_process()


@pytest.fixture(autouse=True)
def every_answer_is_proper() -> Iterator[None]:
    """Fails the test in which the API answered anything that the schema refuses."""
    yield
    WATCH.settle()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--dynamodb-endpoint",
        default=None,
        metavar="URL",
        help="run the tests that use DynamoDB on the DynamoDB Local at this address, not in memory",
    )
    parser.addoption("--fault-seeds", type=int, default=200, help="how many seeds to simulate")
    parser.addoption("--fault-seed", type=int, default=None, help="simulate only this seed")
    parser.addoption("--run-seeds", type=int, default=24, help="how many random billing runs")
    parser.addoption("--run-seed", type=int, default=None, help="only this random billing run")
    parser.addoption("--told-seeds", type=int, default=12, help="how many random lives of the told")
    parser.addoption("--restore-seeds", type=int, default=8, help="how many random restorations")
    parser.addoption("--lives", type=int, default=40, help="how many random lives of each kind")
    parser.addoption("--life-seed", type=int, default=None, help="only this random life")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """With an endpoint only the tests that use DynamoDB are run."""
    if config.getoption("--dynamodb-endpoint") is None:
        return
    others = [item for item in items if "dynamodb" not in getattr(item, "fixturenames", ())]
    items[:] = [item for item in items if "dynamodb" in getattr(item, "fixturenames", ())]
    config.hook.pytest_deselected(items=others)


@pytest.fixture
def dynamodb(request: pytest.FixtureRequest) -> Iterator[Engine]:
    """An engine with empty tables made from the template; the ``METERLINE_*`` variables are set."""
    endpoint = request.config.getoption("--dynamodb-endpoint")
    with running(endpoint) as engine, patch.object(count, "CONTENTION", Contention()):
        yield engine
