"""What the documents say about the code is there."""

import re
from pathlib import Path

import pytest

from tests.engines import ROOT

PACKAGE = ROOT / "layers" / "meterline" / "python" / "meterline"
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
DECISIONS = sorted(ROOT.glob("docs/decisions/*.md"))
MOST_LINES = 40
_FILE = re.compile(r"`((?:[\w-]+/)+[\w-]+\.\w+)`")
_LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_files_that_a_page_names_exist(page: Path) -> None:
    named = _FILE.findall(page.read_text())
    made = (".local/", "verb/")
    tests = ROOT / "tests"
    bases = (ROOT, PACKAGE, ROOT / "docs", tests, tests / "faults", tests / "integration")
    missing = [one for one in named if not any((base / one).exists() for base in bases)]
    assert [one for one in missing if not one.startswith(made)] == []


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_of_a_page_lead_somewhere(page: Path) -> None:
    linked = _LINK.findall(page.read_text())
    assert [one for one in linked if not (page.parent / one).exists()] == []


@pytest.mark.parametrize("page", DECISIONS, ids=name_of)
def test_a_decision_fits_on_a_page(page: Path) -> None:
    assert len(page.read_text().splitlines()) <= MOST_LINES
