"""Background processes that outlive the command that starts them, and are stopped by the next."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

STOP_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Process:
    """A process that was started here, known by its id and the moment of its start.

    The moment guards against ids that the system has given to another process since.
    """

    name: str
    pid: int
    started: str

    def is_running(self) -> bool:
        """Whether this very process still runs."""
        return self.started != "" and _started(self.pid) == self.started

    def stop(self) -> None:
        """End it and whatever it started (its session), politely at first."""
        for which in (signal.SIGTERM, signal.SIGKILL):
            if not self.is_running():
                break
            os.killpg(self.pid, which)
            deadline = time.monotonic() + STOP_SECONDS
            while self.is_running() and time.monotonic() < deadline:
                time.sleep(0.05)
        with contextlib.suppress(ChildProcessError):  # the command that started it may be over
            os.waitpid(self.pid, os.WNOHANG)


def start(name: str, command: Sequence[str], log: Path, env: Mapping[str, str]) -> Process:
    """Start a process in a session of its own, its output in ``log``."""
    written = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    pid = os.posix_spawnp(
        command[0],
        list(command),
        dict(env),
        setsid=True,
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, str(log), written, 0o644),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ],
    )
    return Process(name, pid, _started(pid))


def load(path: Path) -> list[Process]:
    """The processes that an earlier command wrote down."""
    if not path.exists():
        return []
    return [Process(**entry) for entry in json.loads(path.read_text())]


def save(path: Path, processes: Sequence[Process]) -> None:
    """Write processes down for a later command."""
    path.write_text(json.dumps([asdict(process) for process in processes], indent=1))


def free_port(wanted: int = 0) -> int:
    """``wanted``, or any free port on the loopback interface; OSError if it is taken."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", wanted))
        port: int = probe.getsockname()[1]
        return port


def wait_until(ready: Callable[[], bool], process: Process, log: Path, seconds: float) -> None:
    """Wait until a process is ready; RuntimeError with the end of its log if it isn't in time."""
    deadline = time.monotonic() + seconds
    while not ready():
        if not process.is_running() or time.monotonic() > deadline:
            tail = "\n".join(log.read_text(errors="replace").splitlines()[-20:])
            message = f"{process.name} did not start:\n{tail}"
            raise RuntimeError(message)
        time.sleep(0.1)


def accepts(port: int) -> bool:
    """Whether something listens on a port of the loopback interface."""
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _started(pid: int) -> str:
    """When a process started, in the system's words; empty if it is gone or a zombie."""
    command = ["ps", "-o", "stat=,lstart=", "-p", str(pid)]
    shown = subprocess.run(command, capture_output=True, text=True, check=False)
    state, _, moment = shown.stdout.strip().partition(" ")
    return "" if state.startswith("Z") else moment.strip()
