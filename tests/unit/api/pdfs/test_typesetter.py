"""How a sheet of words becomes a PDF that archives take."""

import hashlib
import io
import os
import subprocess
import sys
from typing import Any

import pytest
import typst
from hypothesis import given, settings
from hypothesis import strategies as st
from pypdf import PdfReader

from meterline.api.pdfs.fonts import can_be_set
from meterline.api.pdfs.typesetter import TEMPLATE, set_pdf
from tests.factories.sheets import sheet, sheet_line
from tests.pdf_archives import archive_faults
from tests.pdf_files import outside_margins, pages_of, text_of

AT = 1_767_312_000

HOSTILE = [
    "#set page(fill: red)",
    '#read("/etc/passwd")',
    "*bold* _italic_ $x^2$ @label <label>",
    "= heading",
    "\\u{41} // comment",
    '"); panic("',
    "{{ name }} ${name}",
    "]] #let x = 1 [[",
]


def made(**changes: Any) -> bytes:
    return set_pdf(sheet(**changes), AT)


def test_it_is_fit_for_archives() -> None:
    assert archive_faults(made()) == []


def test_what_is_not_fit_for_archives_is_noticed() -> None:
    plain = typst.compile(b"plain", format="pdf", pdf_tags=False)
    assert "part 3 is claimed" in archive_faults(plain)
    assert "the file is tagged" in archive_faults(plain)


def test_the_same_sheet_gives_the_same_bytes_in_another_process() -> None:
    program = (
        "import hashlib; from tests.factories.sheets import sheet;"
        "from meterline.api.pdfs.typesetter import set_pdf;"
        f"print(hashlib.sha256(set_pdf(sheet(), {AT})).hexdigest())"
    )
    other = subprocess.run(  # noqa: S603 - this very program
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert other.stdout.strip() == hashlib.sha256(made()).hexdigest()


MEMORY = """
import resource
from tests.factories.sheets import sheet, sheet_line
from meterline.api.pdfs.typesetter import set_pdf

def megabytes(run):
    lines = [sheet_line(f"Run {run}, ticket {n}", period="") for n in range(600)]
    set_pdf(sheet(lines=lines), 1_767_312_000)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1_024

print(*map(megabytes, range(4)))
"""


def test_long_ones_after_one_another_take_the_memory_of_one() -> None:
    measured = subprocess.run(  # noqa: S603 - this very program
        [sys.executable, "-c", MEMORY],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    first, *others = map(int, measured.stdout.split())
    assert max(others) - first < 50


@pytest.mark.parametrize("typed", HOSTILE)
def test_what_people_type_is_text_and_never_markup(typed: str) -> None:
    pdf = made(
        memo=typed,
        seller={"name": typed, "rows": [typed]},
        buyer={"label": "Bill to", "name": typed, "rows": [typed]},
        lines=[sheet_line(typed, steps=[typed])],
        parts=[{"heading": "Payment", "rows": [typed]}],
    )
    assert text_of(pdf).count(typed) == 8


@pytest.mark.parametrize(
    "name",
    ["Zażółć gęślą jaźń", "株式会社山田", "주식회사", "简体有限公司", "Ελληνικά", "Кириллица"],
)
def test_names_in_many_scripts_can_be_copied(name: str) -> None:
    pdf = made(buyer={"label": "Bill to", "name": name, "rows": []})
    assert name in text_of(pdf)
    assert archive_faults(pdf) == []


def test_letters_of_one_glyph_are_copied_in_the_order_in_which_they_are_read() -> None:
    pdf = made(buyer={"label": "Bill to", "name": "السلام", "rows": []})
    assert "السلام" in PdfReader(io.BytesIO(pdf)).pages[0].extract_text()


@settings(max_examples=15, deadline=None)
@given(st.text(max_size=30))
def test_whatever_is_typed_in_comes_out(typed: str) -> None:
    name = can_be_set(typed)
    pdf = made(buyer={"label": "Bill to", "name": name, "rows": [name]})
    assert "F-0001" in text_of(pdf)


def test_two_hundred_lines_are_paged_under_the_same_columns() -> None:
    pdf = made(lines=[sheet_line(f"Line {number}") for number in range(200)])
    text = text_of(pdf)
    assert pages_of(pdf) > 5
    assert text.count("UNIT PRICE") >= pages_of(pdf) - 1  # sums may have a page of their own
    assert f"Page {pages_of(pdf)} / {pages_of(pdf)}" in text
    assert all(f"Line {number}" in text for number in range(200))


def test_a_period_stands_above_its_lines_and_again_on_each_further_page() -> None:
    lines = [sheet_line(f"Line {n}", period="" if n else "A long month") for n in range(60)]
    pdf = made(lines=[*lines, sheet_line("Line 60", period="A day")])
    pages = text_of(pdf).split("DESCRIPTION")[1:]
    assert len(pages) > 2
    assert all(page.index("A long month") < page.index("Line ") for page in pages)
    assert [page.count("A day") for page in pages] == [*[0] * (len(pages) - 1), 1]


@pytest.mark.parametrize("word", ["x" * 300, "Donaudampfschifffahrt" * 12, "10.115 Berlin " * 30])
def test_nothing_leaves_the_page(word: str) -> None:
    pdf = made(
        buyer={"label": "Bill to", "name": word, "rows": [word]},
        lines=[sheet_line(word)],
        seller={"name": "Acme", "rows": [word]},
        memo=word,
    )
    assert outside_margins(pdf) == []


def test_the_template_names_no_file_and_no_package() -> None:
    source = TEMPLATE.read_text()
    assert not [verb for verb in ("#import", "#include", "read(", "image(") if verb in source]
