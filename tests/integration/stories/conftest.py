"""Stories are told on the API of the integration tests."""

from tests.integration.api.conftest import api

__all__ = ["api"]
