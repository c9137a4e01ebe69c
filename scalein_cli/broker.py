"""Starts a RabbitMQ of our own: in a folder that vanishes, on free ports of this machine, beside any other."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

SERVERS = (
    "/usr/lib/rabbitmq/bin/rabbitmq-server",
    "rabbitmq-server",
)  # Debian's own wrapper changes user: pass it by
START_SECONDS = 120


class BrokerError(Exception):
    """There is no broker; the text says what to do."""


def server() -> str | None:
    """The rabbitmq-server of this machine."""
    return next((path for path in map(shutil.which, SERVERS) if path), None)


@contextmanager
def broker() -> Iterator[str]:
    """Its AMQP URL. Raises BrokerError."""
    command = server()
    if command is None:
        raise BrokerError(
            "RabbitMQ is not installed: sh tools/install_server.sh rabbitmq-server, or your package manager."
        )
    with TemporaryDirectory(prefix="scalein-rabbitmq-", ignore_cleanup_errors=True) as name:
        folder, port, ports = Path(name), _free_port(), (_free_port(), _free_port())
        environment = _environment(folder, port, *ports)
        with (folder / "output").open("w") as output:
            process = subprocess.Popen(
                command, env=environment, cwd=folder, stdout=output, stderr=subprocess.STDOUT
            )
        try:
            _wait(process, port, folder)
            yield f"amqp://guest:guest@127.0.0.1:{port}/%2F"
        finally:
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(timeout=30)
            process.kill()
            subprocess.run(["epmd", "-kill"], env=environment, capture_output=True, check=False)  # noqa: S607


def _environment(folder: Path, port: int, epmd_port: int, distribution_port: int) -> dict[str, str]:
    (folder / "rabbitmq.conf").write_text(f"listeners.tcp.1 = 127.0.0.1:{port}\n", encoding="utf-8")
    (folder / "enabled_plugins").write_text("[].\n", encoding="utf-8")
    return {
        **os.environ,
        "HOME": str(folder),
        "ERL_EPMD_ADDRESS": "127.0.0.1",
        "ERL_EPMD_PORT": str(epmd_port),
        "RABBITMQ_NODENAME": "scalein@localhost",
        "RABBITMQ_DIST_PORT": str(distribution_port),
        "RABBITMQ_MNESIA_BASE": str(folder / "db"),
        "RABBITMQ_LOG_BASE": str(folder / "log"),
        "RABBITMQ_PID_FILE": str(folder / "pid"),
        "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "enabled_plugins"),
    }


def _wait(process: subprocess.Popen[bytes], port: int, folder: Path) -> None:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and process.poll() is None:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.2)
    said = (folder / "output").read_text(encoding="utf-8", errors="replace").strip()
    raise BrokerError(f"RabbitMQ did not start within {START_SECONDS} s. It said: {said[-2000:]}")


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
