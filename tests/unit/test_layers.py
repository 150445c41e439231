"""What goes into the layers."""

import re
from importlib.metadata import distribution
from pathlib import Path

import pytest

from meterline.store.base.clients import SERVICES

ROOT = Path(__file__).parents[2]
PINNED = re.findall(
    r"^([\w.-]+)==", (ROOT / "layers/runtime/requirements.txt").read_text(), re.MULTILINE
)
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
