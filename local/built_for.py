"""Tell a built template what it was built for: ``python -m local.built_for arm64 FILE``.

A layer holds compiled code, so a stack of other processors could not run it. The template's
parameter then takes that value alone: CloudFormation refuses any other one, whether it was typed in
or kept from an earlier deployment. The template itself takes what a plain ``sam build`` builds for.
"""

import importlib
import sys
from pathlib import Path
from typing import Any

PARAMETER = "Architecture"
ARCHITECTURES = ("arm64", "x86_64")
_yaml: Any = importlib.import_module("samcli.yamlhelper")


def built_for(text: str, architecture: str) -> str:
    """A template whose parameter takes one architecture; ValueError if Lambda has no such one."""
    if architecture not in ARCHITECTURES:
        message = f"{architecture} is none of {', '.join(ARCHITECTURES)}"
        raise ValueError(message)
    template = _yaml.yaml_parse(text)
    template["Parameters"][PARAMETER] |= {"Default": architecture, "AllowedValues": [architecture]}
    return str(_yaml.yaml_dump(template))


def main(arguments: list[str]) -> None:
    """Change a template in its file."""
    architecture, name = arguments
    file = Path(name)
    file.write_text(built_for(file.read_text(), architecture))


if __name__ == "__main__":
    main(sys.argv[1:])
