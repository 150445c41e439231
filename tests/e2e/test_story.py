"""The main story: catalogue, subscription, usage, alert, cycle, invoices, on the deployed template."""

from local.aws import Stack
from local.demo.story import tell


def test_the_demo_tells_its_story_with_every_figure_right(stack: Stack) -> None:
    tell(stack)
