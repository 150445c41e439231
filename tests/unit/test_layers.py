"""What goes into the layers."""

import re
from pathlib import Path

from meterline.store.base.clients import SERVICES

ROOT = Path(__file__).parents[2]


def test_the_layer_describes_the_services_that_there_are_clients_of() -> None:
    makefile = (ROOT / "layers/runtime/Makefile").read_text()
    kept = re.search(r"^SERVICES := (.*)$", makefile, re.MULTILINE)
    assert kept
    assert sorted(kept[1].split()) == sorted(SERVICES)
