"""Server processes, of each kind that is told to stop in its own way."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.forking import Forked
from tests.full_path.doors import PATIENCE, HttpDoor
from tests.full_path.servers import ROOT
from tests.redis_server import wait_until

MODULE = "tests.full_path.stopping"
SERVE = ["-c", "from wechat_dialog.cli.main import main; main()", "serve", f"{MODULE}:bot"]
UVICORN = ["-m", "uvicorn", f"{MODULE}:bot.asgi", "--log-level=warning"]
GUNICORN = ["-m", "gunicorn", f"{MODULE}:application"]
SERVERS = {
    "serve": SERVE,
    "serve, 2 workers": [*SERVE, "--workers=2"],
    "uvicorn": UVICORN,
    "uvicorn, 2 workers": [*UVICORN, "--workers=2"],
    "uvicorn that announces nothing": [*UVICORN, "--lifespan=off"],
    "gunicorn, sync": [*GUNICORN, "--workers=1"],
    "gunicorn, gthread": [*GUNICORN, "--threads=8"],
}


@contextlib.contextmanager
def server(kind: str, **environment: str) -> Iterator[tuple[subprocess.Popen[bytes], HttpDoor]]:
    """A server process on a free port, which answers."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    address = ["--bind", f"127.0.0.1:{port}"] if kind.startswith("g") else ["--port", str(port)]
    process: subprocess.Popen[bytes] = Forked(
        [sys.executable, *SERVERS[kind], *address],
        cwd=ROOT,
        env={**os.environ, **environment, "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"},
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
    door = HttpDoor(port, timeout=PATIENCE)
    try:
        wait_until(lambda: _answers(door, process), "the server to listen")
        yield process, door
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(PATIENCE)


def _answers(door: HttpDoor, process: subprocess.Popen[bytes]) -> bool:
    assert process.poll() is None, "it ended before it listened"
    try:
        return door.request("GET").status == 403
    except OSError:
        return False


def runs(gate: Path) -> list[str]:
    file = gate / "runs"
    return file.read_text().split() if file.exists() else []
