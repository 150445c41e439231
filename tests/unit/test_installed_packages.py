"""No file comes from two of the pinned packages: which of them was there would be up to chance."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from importlib.metadata import distributions

import pytest


def shared_files(files: Mapping[str, Iterable[str]]) -> dict[str, list[str]]:
    """The files that several packages install, with the packages' names."""
    owners = defaultdict(list)
    for package, names in sorted(files.items()):
        for name in names:
            owners[name].append(package)
    return {name: packages for name, packages in owners.items() if len(packages) > 1}


@pytest.mark.parametrize(
    ("files", "shared"),
    [
        ({"one": ["a.py"], "other": ["b.py"]}, {}),
        ({"one": ["a.py", "b.py"], "other": ["b.py"]}, {"b.py": ["one", "other"]}),
    ],
)
def test_a_file_of_two_packages_is_found(
    files: dict[str, list[str]], shared: dict[str, list[str]]
) -> None:
    assert shared_files(files) == shared


def test_each_file_comes_from_one_package() -> None:
    files = {
        package.name: [str(file) for file in package.files or () if file.suffix == ".py"]
        for package in distributions()
    }
    assert len(files) > 50
    assert shared_files(files) == {}
