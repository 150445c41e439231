"""Each test here is for every engine: that in memory and moto, or DynamoDB Local alone."""

from collections.abc import Iterator

import pytest

from tests.engines import Engine, running, running_on_moto

MEMORY, MOTO, LOCAL = "memory", "moto", "local"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Two engines if no address of a third is given."""
    if "engine_name" in metafunc.fixturenames:
        is_local = metafunc.config.getoption("--dynamodb-endpoint") is not None
        names = [LOCAL] if is_local else [MEMORY, MOTO]
        metafunc.parametrize("engine_name", names, scope="module")


@pytest.fixture(scope="module")
def dynamodb(request: pytest.FixtureRequest, engine_name: str) -> Iterator[Engine]:
    """One engine for all tests of a module: they keep to partitions of their own."""
    endpoint = request.config.getoption("--dynamodb-endpoint")
    started = running_on_moto() if engine_name == MOTO else running(endpoint)
    with started as engine:
        yield engine
