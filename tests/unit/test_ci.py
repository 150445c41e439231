"""CI runs every suite and names each that fails; the default one leaves out only what another
does.
"""

import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.engines import ROOT

RUN = (ROOT / ".ci" / "run").read_text()
MAKEFILE = (ROOT / "Makefile").read_text()
SUITES = sorted(set(re.findall(r"^(lint|check|test[a-z0-9-]*):", MAKEFILE, re.MULTILINE)))
OPTIONS = (ROOT / "tests" / "conftest.py").read_text()


def recipe(target: str) -> str:
    """What make does for a target, its variables filled in."""
    found = re.search(rf"^{target}: .*\n((?:\t.*\n)+)", MAKEFILE, re.MULTILINE)
    assert found, target
    values = dict(re.findall(r"^(\w+) \?= (\S+)$", MAKEFILE, re.MULTILINE))
    return re.sub(r"\$\((\w+)\)", lambda match: values.get(match[1], ""), found[1])


def test_what_the_default_tests_leave_out_another_suite_does() -> None:
    others = " ".join(recipe(suite) for suite in SUITES if suite != "test")
    left_out = re.findall(r"^ELSEWHERE := (.+)$", MAKEFILE, re.MULTILINE)[0].split()
    assert left_out
    assert [path for path in left_out if _module(path) not in others] == []


def _module(path: str) -> str:
    """A path as a recipe has it: the pages are looked at by a module, which takes its folder."""
    return "tests.browser" if path == "tests/browser" else path


@pytest.mark.parametrize(
    ("option", "target"),
    [
        ("--fault-seeds", "test-faults"),
        ("--run-seeds", "test-runs"),
        ("--told-seeds", "test-runs"),
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


@pytest.fixture
def run_with(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs CI with a make that only says what it is asked for, and fails at some targets."""

    def run(*failing: str) -> subprocess.CompletedProcess[str]:
        make = tmp_path / "make"
        make.write_text(
            '#!/bin/sh\necho "asked for $2 $3"\n'
            f'case " {" ".join(failing)} " in *" $2 "*) exit 2;; esac\n'
        )
        make.chmod(0o755)
        environment = os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
        return subprocess.run(  # noqa: S603 - CI itself
            [ROOT / ".ci" / "run"], env=environment, capture_output=True, text=True, check=False
        )

    return run


def asked_of(done: subprocess.CompletedProcess[str]) -> list[str]:
    """The targets that make was asked for."""
    return re.findall(r"^asked for (\S+)", done.stdout, re.MULTILINE)


def test_every_suite_is_run_once(run_with: Callable[..., Any]) -> None:
    done = run_with()
    suites = [target for target in asked_of(done) if target not in {"setup", "up", "down"}]
    assert sorted(suites) == SUITES
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "All passed.")


@pytest.mark.parametrize("failing", [("lint",), ("check", "test-e2e"), ("test-node", "test-year")])
def test_every_suite_that_fails_is_named_wherever_it_ran(
    failing: tuple[str, ...], run_with: Callable[..., Any]
) -> None:
    done = run_with(*failing)
    told = done.stdout.splitlines()[-1].removeprefix("FAILED: ").split()
    assert (done.returncode, sorted(told)) == (1, sorted(failing))
    assert set(failing) <= set(asked_of(done))
