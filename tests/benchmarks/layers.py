"""The layers of each function, as ``template.yaml`` names them and `sam build` makes them."""

import compileall
import os
import shutil
import subprocess
from importlib.metadata import distribution
from pathlib import Path

from tests.engines import ROOT, resources, template

BESIDE = ("boto3", "s3transfer")
"""What a floor imports and no layer holds."""


def layers_of_functions() -> dict[str, tuple[str, ...]]:
    """The logical ids of the layers that a function finds under /opt; by the function's folder."""
    shared = template()["Globals"]["Function"]["Layers"]
    return {
        Path(function["CodeUri"]).name: _ids(shared) + _ids(function.get("Layers", []))
        for function in resources("AWS::Serverless::Function").values()
    }


def _ids(layers: list[dict[str, str]]) -> tuple[str, ...]:
    return tuple(layer["Ref"] for layer in layers)


class BuiltLayers:
    """Layers built in a directory, for this machine; each set of them is merged as Lambda does."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def search_path(self, layers: tuple[str, ...]) -> str:
        """The search path of a function with these layers, boto3 beside them."""
        merged = self._directory / "-".join(layers)
        if not merged.exists():
            for layer in layers:
                _laid_over(self._built(layer), merged)
            _laid_over(self._beside(), merged)
        return str(merged)

    def _built(self, layer: str) -> Path:
        packages = self._directory / layer / "python"
        if not packages.exists():
            packages.parent.mkdir(parents=True)
            folder = ROOT / resources("AWS::Serverless::LayerVersion")[layer]["ContentUri"]
            command = ["make", "-s", "-C", str(folder), f"build-{layer}"]
            subprocess.check_call(  # noqa: S603 - our own Makefiles
                [*command, f"ARTIFACTS_DIR={packages.parent}"],
                env=os.environ | {"METERLINE_ARCHITECTURE": "native"},
            )
        return packages

    def _beside(self) -> Path:
        packages = self._directory / "beside"
        if not packages.exists():
            for name in BESIDE:
                shutil.copytree(str(distribution(name).locate_file(name)), packages / name)
            compileall.compile_dir(packages, quiet=1)
        return packages


def _laid_over(packages: Path, merged: Path) -> None:
    shutil.copytree(packages, merged, copy_function=os.link, dirs_exist_ok=True)
