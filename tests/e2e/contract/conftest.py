"""Tells at the end of the run how much of Stripe's schema is driven."""

import pytest

from tests.contract.answers import WATCH
from tests.contract.coverage import summary


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    terminalreporter.section("contract")
    terminalreporter.write_line(f"{summary()}.")
    terminalreporter.write_line(f"{WATCH.heard.total()} answers were judged by the schema.")
