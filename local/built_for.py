"""Tell a built template what it was built for: ``python -m local.built_for arm64 FILE``.

A layer holds compiled code, so a stack of other processors could not run it. The template's
parameter then takes that value alone: CloudFormation refuses any other one, whether it was typed in
or kept from an earlier deployment.
"""

import importlib
import sys
from pathlib import Path
from typing import Any

PARAMETER = "Architecture"
_yaml: Any = importlib.import_module("samcli.yamlhelper")


def built_for(text: str, architecture: str) -> str:
    """A template whose parameter takes one architecture; ValueError if it never took that one."""
    template = _yaml.yaml_parse(text)
    parameter = template["Parameters"][PARAMETER]
    if architecture not in parameter["AllowedValues"]:
        message = f"{architecture} is none of {', '.join(parameter['AllowedValues'])}"
        raise ValueError(message)
    parameter |= {"Default": architecture, "AllowedValues": [architecture]}
    return str(_yaml.yaml_dump(template))


def main(arguments: list[str]) -> None:
    """Change a template in its file."""
    architecture, name = arguments
    file = Path(name)
    file.write_text(built_for(file.read_text(), architecture))


if __name__ == "__main__":
    main(sys.argv[1:])
