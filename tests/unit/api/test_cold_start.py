"""What a function imports at its start: the hot path does without the object store."""

import re
import subprocess
import sys

import pytest

from tests.engines import ROOT
from tests.starts import started

HEAVY = {
    "pynamodb": "meterline.store.base.models",
    "boto3": "boto3",
    "jinja2": "meterline.api.pages.render",
}
"""Each is much of a start, and some module (here named) imports it: boto3 comes with Lambda,
whoever asks for it.
"""


@pytest.mark.parametrize(
    "module",
    [
        "meterline.observability",
        "meterline.api.app",
        "meterline.api.lists",
        "meterline.api.pages.answers",
        "meterline.api.routes.description",
        "meterline.api.routes.meter_events",
    ],
)
def test_light_modules_import_nothing_heavy(module: str) -> None:
    assert HEAVY.keys().isdisjoint(_imported_by(module))


@pytest.mark.parametrize(("heavy", "module"), HEAVY.items())
def test_what_is_heavy_is_noticed_where_it_is_imported(heavy: str, module: str) -> None:
    assert heavy in _imported_by(module)


def test_the_hot_path_knows_no_kinds_of_objects() -> None:
    assert "meterline.core.kinds" not in _imported_by("meterline.api.routes.meter_events")


# what few requests about invoices need | where it is imported
SELDOM_NEEDED = {
    "meterline.services.previews.preview": "meterline.services.previews.preview",
    "meterline.services.subscriptions.update": "meterline.api.routes.subscriptions",
    "meterline.services.metering.usage_query": "meterline.api.routes.usage",
}


def test_requests_about_invoices_wait_for_no_previews_and_no_usage() -> None:
    assert SELDOM_NEEDED.keys().isdisjoint(_imported_by("meterline.api.routes.invoices"))


@pytest.mark.parametrize(("seldom", "module"), SELDOM_NEEDED.items())
def test_what_is_seldom_needed_is_noticed_where_it_is_imported(seldom: str, module: str) -> None:
    assert seldom in _imported_by(module)


FUNCTIONS = {path.parent.name: path for path in sorted(ROOT.glob("functions/*/app.py"))}
MOST_MODULES = {"ingest_meter_events": 85, "count_usage": 60, "serve_console": 75}
"""Modules of the product that a function may import at its start; others may import ``MOST``."""
MOST = 330
LIGHT_UTILITIES = {"aws_lambda_powertools.logging.formatter", "aws_lambda_powertools.metrics"}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_imports_no_more_of_the_product_than_it_may(name: str) -> None:
    own = {module for module in started(FUNCTIONS[name]) if module.startswith("meterline")}
    assert len(own) <= MOST_MODULES.get(name, MOST)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_logs_and_measures_by_powertools_and_needs_nothing_else_of_it(name: str) -> None:
    modules = started(FUNCTIONS[name])
    used = {module for module in modules if module.startswith("aws_lambda_powertools.")}
    assert used == LIGHT_UTILITIES


PACKAGE = ROOT / "layers" / "meterline" / "python" / "meterline"
COMPILED_AT_START = re.compile(r"^@dataclass\((?=.*frozen=True)(?!.*order=True)", re.MULTILINE)


def test_values_are_made_by_frozen_so_that_no_start_compiles_their_methods() -> None:
    found = {
        path.name for path in PACKAGE.rglob("*.py") if COMPILED_AT_START.search(path.read_text())
    }
    assert found == set(), "use core.base.frozen"


def _imported_by(module: str) -> set[str]:
    program = f"import sys, {module}; print(*sys.modules)"
    done = subprocess.run(  # noqa: S603 - this interpreter, a fixed program
        [sys.executable, "-c", program],
        env={"PYTHONPATH": str(ROOT / "layers" / "meterline" / "python")},
        check=True,
        capture_output=True,
        text=True,
    )
    return set(done.stdout.split())
