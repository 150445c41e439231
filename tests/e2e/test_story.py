"""The story of ``make demo`` on the deployed template: from the catalogue to the invoices."""

from local.aws import Stack
from local.demo.story import emit


def test_the_demo_tells_its_story_with_every_figure_right(stack: Stack) -> None:
    emit(stack)
