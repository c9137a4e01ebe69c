"""`scalein broker`: starts a RabbitMQ in a temporary folder, on free ports of this machine."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from scalein_cli.errors import CommandError

# The first one is the server itself: the wrapper that Debian puts on PATH changes the user.
SERVERS = ("/usr/lib/rabbitmq/bin/rabbitmq-server", "rabbitmq-server")
START_SECONDS = 120
STOP_SECONDS = 30
MAX_OUTPUT_CHARACTERS = 2_000  # of the server's output, in an error


@click.command("broker")
def broker_command() -> None:
    """Start a RabbitMQ on this machine and print its URL.

    It has free ports, and runs until SIGINT or SIGTERM.

    \b
        scalein broker >url &
        scalein run-queue --broker "$(cat url)"
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with broker() as url:
        click.echo(url)
        sys.stdout.flush()
        with suppress(KeyboardInterrupt):
            signal.pause()


def server() -> str | None:
    """The path of rabbitmq-server on this machine; None if it is not installed."""
    return next((path for path in map(shutil.which, SERVERS) if path), None)


@contextmanager
def broker() -> Iterator[str]:
    """Runs a RabbitMQ and gives its AMQP URL. Raises CommandError."""
    command = server()
    if command is None:
        raise CommandError(
            "RabbitMQ is not installed. Install it with `sh tools/install_server.sh "
            "rabbitmq-server` or with your package manager."
        )
    with TemporaryDirectory(prefix="scalein-rabbitmq-", ignore_cleanup_errors=True) as name:
        folder, port, ports = Path(name), _free_port(), (_free_port(), _free_port())
        environment = _environment(folder, port, *ports)
        with (folder / "output").open("w") as output:
            process = subprocess.Popen(
                command, env=environment, cwd=folder, stdout=output, stderr=subprocess.STDOUT
            )
        try:
            _wait_until_ready(process, port, folder)
            yield f"amqp://guest:guest@127.0.0.1:{port}/%2F"
        finally:
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(timeout=STOP_SECONDS)
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


def _wait_until_ready(process: subprocess.Popen[bytes], port: int, folder: Path) -> None:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and process.poll() is None:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.2)
    output = (folder / "output").read_text(encoding="utf-8", errors="replace").strip()
    status = process.poll()
    happened = f"did not start within {START_SECONDS} s" if status is None else f"exited ({status})"
    raise CommandError(f"RabbitMQ {happened}. Its output: {output[-MAX_OUTPUT_CHARACTERS:]}")


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
