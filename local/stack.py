"""Starts and stops the whole of Meterline on this machine.

python -m local.stack up      build, start, deploy, write .local/env; again: only what changed
python -m local.stack down    stop exactly what was started
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

from local import aws, processes
from local.aws import ENV_FILE, RIGHTS_FILE, ROOT, STACK_NAME, STATE, Stack
from local.processes import Process

START_SECONDS = 60.0
PROCESSES = STATE / "processes.json"
DEPLOYED = STATE / "deployed"
SAM_LOCAL_FILE = STATE / "env.json"
_SOURCES = ("template.yaml", "samconfig.toml", "functions", "layers")


def up() -> Stack:
    """The running stack, with the code as it is now; what runs and is unchanged stays."""
    STATE.mkdir(parents=True, exist_ok=True)
    stack = aws.file_stack() if is_running() else None
    if stack is None:
        return _start_afresh()
    if DEPLOYED.read_text() != _fingerprint():
        _build()
        _deploy(stack.aws_endpoint, stack.api_base)
    else:
        say("The stack is running and up to date.")
    return stack


def upgrade(release: str) -> None:
    """Deploy another release over the running stack: the code as it is now, under another name.

    Its layer holds the release's name, so that every function gets a version of its own.
    """
    stack = aws.file_stack()
    if stack is None:
        message = "There is no running stack to upgrade."
        raise RuntimeError(message)
    _build()
    (STATE / "build" / "MeterlineLayer" / "python" / "meterline" / "RELEASE").write_text(release)
    _deploy(stack.aws_endpoint, stack.api_base)


def is_running() -> bool:
    """Whether a stack that ``up`` finished starting still runs as a whole."""
    found = processes.load(PROCESSES)
    return ENV_FILE.exists() and bool(found) and all(process.is_running() for process in found)


def down() -> None:
    """Stop what ``up`` started, if it still runs."""
    for process in reversed(processes.load(PROCESSES)):
        process.stop()
    for leftover in (PROCESSES, ENV_FILE, RIGHTS_FILE, SAM_LOCAL_FILE, DEPLOYED):
        leftover.unlink(missing_ok=True)
    shutil.rmtree(STATE / "aws", ignore_errors=True)


def say(message: str) -> None:
    """Tell the person what happens now."""
    print(f"\N{BULLET} {message}", flush=True)


def _start_afresh() -> Stack:
    down()
    began = time.monotonic()
    endpoint, ministack = _start_aws()
    processes.save(PROCESSES, [ministack])
    _build()
    _wait_for_aws(endpoint, ministack)
    port = processes.free_port(int(os.environ.get("METERLINE_PORT", "0")))
    base = f"http://127.0.0.1:{port}"
    _deploy(endpoint, base)
    proxy = _start_proxy(endpoint, aws.outputs(endpoint)["ApiId"], port)
    say(f"Giving the API a root at {base}")
    processes.save(PROCESSES, [ministack, proxy])
    stack = Stack(base, _create_api_key(endpoint), endpoint)
    _tell_where(stack)
    _first_call(stack)
    say(f"Ready after {time.monotonic() - began:.0f} s.")
    return stack


def _tell_where(stack: Stack) -> None:
    """Write the addresses for shells, and the functions' variables for ``sam local invoke``."""
    ENV_FILE.write_text(
        f"METERLINE_API_BASE={stack.api_base}\n"
        f"METERLINE_API_KEY={stack.api_key}\n"
        f"METERLINE_AWS_ENDPOINT={stack.aws_endpoint}\n"
    )
    variables = {"Parameters": stack.function_environment()}
    SAM_LOCAL_FILE.write_text(json.dumps(variables, indent=2) + "\n")


def _start_aws() -> tuple[str, Process]:
    """Start MiniStack with everything that it writes under ``.local``."""
    port = processes.free_port(int(os.environ.get("METERLINE_AWS_PORT", "0")))
    host = os.environ.get("METERLINE_AWS_HOST", "127.0.0.1")
    endpoint = f"http://{host}:{port}"
    say(f"Starting a local AWS (MiniStack) at {endpoint}")
    home = STATE / "aws"
    home.mkdir(parents=True, exist_ok=True)
    env = os.environ | {
        "GATEWAY_PORT": str(port),
        "BIND_HOST": host,
        "MINISTACK_HOST": host,
        "TMPDIR": str(home),
        "STATE_DIR": str(home / "state"),
        "S3_DATA_DIR": str(home / "s3"),
        "AUTH": os.environ.get("AUTH", "true"),  # functions may do what their policies say
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
    }
    for inherited in [name for name in env if name.startswith(("METERLINE_", "AWS_ENDPOINT_URL"))]:
        del env[inherited]
    env["AWS_ENDPOINT_URL"] = endpoint  # what functions call
    env["METERLINE_RIGHTS"] = str(RIGHTS_FILE)
    command = [sys.executable, "-m", "local.ministack"]
    return endpoint, processes.start("MiniStack", command, STATE / "ministack.log", env)


def _wait_for_aws(endpoint: str, ministack: Process) -> None:
    def healthy() -> bool:
        try:
            with urllib.request.urlopen(f"{endpoint}/_ministack/health", timeout=2) as answer:  # noqa: S310 - the loopback interface
                return bool(answer.status == 200)  # noqa: PLR2004 - HTTP's OK
        except OSError:
            return False

    processes.wait_until(healthy, ministack, STATE / "ministack.log", START_SECONDS)


def _build() -> None:
    say("Building the functions and layers (sam build)")
    _sam("build", "--build-dir", str(STATE / "build"), "--cache-dir", str(STATE / "build-cache"))


def _deploy(endpoint: str, api_base: str) -> None:
    say("Deploying template.yaml (sam deploy)")
    fingerprint = _fingerprint()
    template = str(STATE / "build" / "template.yaml")
    options = [
        "--config-file",
        str(ROOT / "samconfig.toml"),
        "--no-confirm-changeset",
        "--no-progressbar",
        "--region",
        aws.REGION,
        "--parameter-overrides",
        "WebhookPrivateAddresses=true",  # receivers of events are on this machine too
        f"PublicUrl={api_base}",
        f"TaxEngine={aws.TAX_ENGINE}",  # whoever makes a function of that name is asked for taxes
    ]
    _sam("deploy", "-t", template, "--stack-name", STACK_NAME, *options, endpoint=endpoint)
    DEPLOYED.write_text(fingerprint)


def _sam(verb: str, *options: str, endpoint: str = "") -> None:
    """Run sam, its output in ``.local/sam-VERB.log``; RuntimeError with its end if it fails."""
    log = STATE / f"sam-{verb}.log"
    quick = {"SAM_CLI_TELEMETRY": "0", "SAM_CLI_POLL_DELAY": "0.5"}
    quick["METERLINE_ARCHITECTURE"] = "native"  # what is compiled runs on this machine
    env = os.environ | quick | aws.aws_environment(endpoint)
    if not endpoint:
        del env["AWS_ENDPOINT_URL"]
    with log.open("wb") as output:
        command = [sys.executable, "-m", "samcli", verb, *options]
        done = subprocess.run(
            command, cwd=ROOT, env=env, stdout=output, stderr=subprocess.STDOUT, check=False
        )
    if done.returncode:
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-30:])
        message = f"sam {verb} failed:\n{tail}"
        raise RuntimeError(message)


def _start_proxy(endpoint: str, api_id: str, port: int) -> Process:
    upstream = urlsplit(endpoint)
    prefix = f"/_aws/execute-api/{api_id}/$default"
    command = [
        sys.executable,
        "-m",
        "local.proxy",
        str(port),
        str(upstream.hostname),
        str(upstream.port),
        prefix,
    ]
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    proxy = processes.start("The proxy", command, STATE / "proxy.log", env)
    processes.wait_until(lambda: processes.accepts(port), proxy, STATE / "proxy.log", START_SECONDS)
    return proxy


def run(command: list[str]) -> int:
    """Run a command with the variables of the stack's functions; its exit code."""
    stack = (aws.file_stack() if is_running() else None) or up()
    env = os.environ | stack.function_environment()
    return subprocess.run(command, env=env, check=False).returncode


def _create_api_key(endpoint: str) -> str:
    """A secret test key, made as any deployment's keys are made."""
    env = os.environ | aws.aws_environment(endpoint)
    env |= aws.settings_environment(aws.outputs(endpoint))
    script = (
        "from meterline.services.account.api_keys import create_key;"
        "print(create_key(livemode=False, name='make up').secret)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], env=env, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def _first_call(stack: Stack) -> None:
    """One call through everything, so that ``up`` never says ready too early."""
    request = urllib.request.Request(  # noqa: S310 - the loopback interface
        f"{stack.api_base}/v1/customers?limit=1",
        headers={"Authorization": f"Bearer {stack.api_key}"},
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310 - the loopback interface
            json.load(answer)
    except urllib.error.HTTPError as error:
        message = f"The API answered {error.code}: {error.read().decode(errors='replace')}"
        raise RuntimeError(message) from None


def _fingerprint() -> str:
    """A digest of everything that is deployed."""
    digest = hashlib.sha256()
    for source in _SOURCES:
        path = ROOT / source
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            if file.is_file() and "__pycache__" not in file.parts:
                digest.update(str(file.relative_to(ROOT)).encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()


def _emit(stack: Stack) -> None:
    shown = ENV_FILE.relative_to(ROOT) if ENV_FILE.is_relative_to(ROOT) else Path(ENV_FILE)
    print(f"\nThe addresses and the key are in {shown}. Try:\n")
    print(f"  curl {stack.api_base}/v1/customers -u {stack.api_key}: -d name='Ada Lovelace'\n")
    print(f"Or look: {stack.api_base}/console takes the same key.\n")


def main(arguments: list[str]) -> int:
    """The command line: ``up``, ``down`` or ``run COMMAND``; its exit code."""
    try:
        match arguments:
            case ["up"]:
                _emit(up())
            case ["down"]:
                down()
                say("Stopped.")
            case ["run", _, *_]:
                return run(arguments[1:])
            case _:
                print(__doc__, file=sys.stderr)
                return 2
    except RuntimeError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
