"""What goes into the layers."""

import ast
import re
import sys
from functools import cache
from importlib.metadata import distribution, packages_distributions
from pathlib import Path

import pytest

from meterline.store.base.clients import SERVICES
from tests.benchmarks.layers import layers_of_functions
from tests.engines import ROOT, resources
from tests.starts import started

PIN = r"^([\w.-]+)=="
PINNED = re.findall(PIN, (ROOT / "layers/runtime/requirements.txt").read_text(), re.MULTILINE)
MOST_MEGABYTES = 25
"""Of the 250 that Lambda takes of a function with all its layers, unpacked."""


def test_the_layer_describes_the_services_that_there_are_clients_of() -> None:
    makefile = (ROOT / "layers/runtime/Makefile").read_text()
    kept = re.search(r"^SERVICES := (.*)$", makefile, re.MULTILINE)
    assert kept
    assert sorted(kept[1].split()) == sorted(SERVICES)


def packed(package: str) -> list[Path]:
    """The files of a package that the layer holds, before they are compiled."""
    paths = [Path(str(file.locate())) for file in distribution(package).files or ()]
    return [path for path in paths if path.suffix != ".pyc" and not _is_left_out(path)]


def _is_left_out(path: Path) -> bool:
    described = re.search(r"/botocore/data/([^/]+)/", str(path))
    return described is not None and described[1] not in SERVICES


@pytest.mark.parametrize("package", PINNED)
def test_the_layer_is_pure_python_for_every_architecture(package: str) -> None:
    assert [path for path in packed(package) if path.suffix in {".so", ".pyd"}] == []


def test_the_layer_is_small() -> None:
    sizes = {
        path: path.stat().st_size * (2 if path.suffix == ".py" else 1)  # compiled, it is as large
        for package in PINNED
        for path in packed(package)
    }
    assert 10 < sum(sizes.values()) / 1_000_000 < MOST_MEGABYTES


# package that only pages need | the only room that imports it
OF_PAGES = {"jinja2": "meterline/api/pages", "babel": "meterline/api/pages"}
PAGES_LAYER = {"Ref": "PagesLayer"}


def imported(path: Path) -> set[str]:
    """The names of the modules that a file imports, wherever the import stands."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module or "")
    return found


@pytest.mark.parametrize(("package", "room"), OF_PAGES.items())
def test_only_pages_import_what_only_their_layer_holds(package: str, room: str) -> None:
    folder = ROOT / "layers" / "meterline" / "python"
    importing = {
        str(path.relative_to(folder))
        for path in (folder / "meterline").rglob("*.py")
        if package in {module.partition(".")[0] for module in imported(path)}
    }
    assert [path for path in importing if not path.startswith(f"{room}/")] == []


def test_functions_carry_the_layer_of_pages_if_they_answer_with_pages_and_no_others() -> None:
    for name, function in resources("AWS::Serverless::Function").items():
        app = ROOT / function["CodeUri"] / "app.py"
        shows_pages = any(module.startswith("meterline.api.pages") for module in imported(app))
        assert (PAGES_LAYER in function.get("Layers", [])) == shows_pages, name


def pins(layer: str) -> set[str]:
    """The distributions that a layer holds."""
    folder = resources("AWS::Serverless::LayerVersion")[layer]["ContentUri"]
    path = ROOT / folder / "requirements.txt"
    return set(re.findall(PIN, path.read_text(), re.MULTILINE)) if path.exists() else set()


@cache
def homes() -> dict[str, set[str]]:
    """The distributions that each package that can be imported comes from."""
    found = packages_distributions().items()
    return {package: {name.lower().replace("_", "-") for name in names} for package, names in found}


FUNCTIONS = sorted(path.parent.name for path in ROOT.glob("functions/*/app.py"))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_finds_all_that_it_imports_when_it_starts_in_its_layers(name: str) -> None:
    held = {pin for layer in layers_of_functions()[name] for pin in pins(layer)}
    modules = started(ROOT / "functions" / name / "app.py")
    others = {module.partition(".")[0] for module in modules} - sys.stdlib_module_names
    missing = {other for other in others - {"meterline"} if held.isdisjoint(homes()[other])}
    assert missing == set()


def test_the_layer_of_pages_leaves_compiled_code_out() -> None:
    pinned = (ROOT / "layers/pages/requirements.txt").read_text()
    names = re.findall(PIN, pinned, re.MULTILINE)
    compiled = [path for name in names for path in packed(name) if path.suffix == ".so"]
    assert {path.name.partition(".")[0] for path in compiled} <= {"_speedups"}
    assert "-name '*.so' -delete" in (ROOT / "layers/pages/Makefile").read_text()


GNU_ALONE = ("xargs -d", "sed -i", "find -printf", "stat -c", "readlink -f", "cp --")
"""What BSD's tools, and so macOS's, refuse or take otherwise."""


@pytest.mark.parametrize("rules", sorted(ROOT.glob("layers/*/Makefile")), ids=str)
def test_layers_are_built_by_commands_that_every_unix_has(rules: Path) -> None:
    text = rules.read_text()
    assert [command for command in GNU_ALONE if command in text] == []
