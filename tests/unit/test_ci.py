"""CI leaves out of one target only what another does as well, with as many seeds or more."""

import re

import pytest

from tests.engines import ROOT

RUN = (ROOT / ".ci" / "run").read_text()
MAKEFILE = (ROOT / "Makefile").read_text()
OPTIONS = (ROOT / "tests" / "conftest.py").read_text()


def recipe(target: str) -> str:
    """What make does for a target, its variables filled in."""
    found = re.search(rf"^{target}: .*\n((?:\t.*\n)+)", MAKEFILE, re.MULTILINE)
    assert found, target
    values = dict(re.findall(r"^(\w+) \?= (\S+)$", MAKEFILE, re.MULTILINE))
    return re.sub(r"\$\((\w+)\)", lambda match: values.get(match[1], ""), found[1])


def test_what_the_tests_of_ci_leave_out_another_target_does() -> None:
    targets = re.findall(r"\btest-[a-z-]+\b", RUN.partition("step test ARGS=")[2])
    others = " ".join(recipe(target) for target in targets)
    ignored = re.findall(r'--ignore=([^\s"]+)', RUN)
    assert ignored
    assert [path for path in ignored if path not in others] == []


@pytest.mark.parametrize(
    ("option", "target"),
    [
        ("--fault-seeds", "test-faults"),
        ("--run-seeds", "test-runs"),
        ("--lives", "test-runs"),
        ("--restore-seeds", "test-restore"),
    ],
)
def test_it_does_it_with_as_many_seeds_or_more(option: str, target: str) -> None:
    found = re.search(rf"{option}[= ](\d+)", recipe(target))
    default = re.search(rf'"{option}", type=int, default=(\d+)', OPTIONS)
    assert found
    assert default
    assert int(found[1]) >= int(default[1])
