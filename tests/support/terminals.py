"""Commands as an operator's shell starts them, in a pipe or on a terminal of some width."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import signal
import socket
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from tests.support.clouds import Cloud, instances
from tests.support.deployment import KEY

ROOT = Path(__file__).parents[2]
SECONDS = 60  # for a command to end


def real_id(number: int) -> str:
    """An instance id as long as ESS's: 22 characters."""
    return f"i-bp1{number:017}"


def real_members(count: int, **fields: Any) -> list[dict[str, Any]]:
    """Members with ids as ESS has them, oldest first."""
    return [
        {**member, "instanceId": real_id(number)}
        for number, member in enumerate(instances(count, **fields))
    ]


def shell(cloud: Cloud | None = None, **more: str) -> dict[str, str]:
    """The environment of a shell; with a cloud, as if that were the real one."""
    own = {
        "PYTHONPATH": f"{ROOT / 'handler'}:{ROOT}",
        "PATH": os.environ["PATH"],
        "NO_COLOR": "1",
        "SCALEIN_REGION_ID": "cn-hangzhou",
        "ALIBABA_CLOUD_ACCESS_KEY_ID": KEY.access_key_id,
        "ALIBABA_CLOUD_ACCESS_KEY_SECRET": KEY.access_key_secret,
    }
    return own | ({"SCALEIN_ESS_ENDPOINT": cloud.endpoint} if cloud else {}) | more


def in_pipe(
    *arguments: str,
    environment: Mapping[str, str],
    text: str | None = None,
    program: Sequence[str] = ("-m", "scalein_cli"),
) -> subprocess.CompletedProcess[str]:
    """Runs the command, or another program of Python, with this text as its input."""
    return subprocess.run(
        [sys.executable, *program, *arguments],
        cwd=ROOT,
        env=environment,
        input=text,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


def on_terminal(
    columns: int, *arguments: str, environment: Mapping[str, str], has_errors: bool = False
) -> str:
    """What the command prints on a terminal of that width, without its control sequences.

    Standard error, with its progress, is left out unless `has_errors`.
    """
    own, other = pty.openpty()
    fcntl.ioctl(other, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    command = [sys.executable, "-m", "scalein_cli", *arguments]
    errors = other if has_errors else subprocess.DEVNULL
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=other, stderr=errors)
    os.close(other)
    printed = b""
    with suppress(OSError):  # the command has closed it
        while chunk := os.read(own, 65_536):
            printed += chunk
    os.close(own)
    process.wait(timeout=SECONDS)
    text = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", printed.decode())
    return text.replace("\r\n", "\n")


class Interrupted(NamedTuple):
    """How a command ended by Ctrl-C."""

    seconds: float  # from the signal to its end
    returncode: int
    output: bytes
    errors: bytes


def interrupted(*arguments: str, cloud: Cloud) -> Interrupted:
    """Sends Ctrl-C to the command while it waits for an answer of ESS, which never comes."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as silent:
        place = f"http://127.0.0.1:{silent.getsockname()[1]}"
        process = subprocess.Popen(
            [sys.executable, "-m", "scalein_cli", *arguments],
            cwd=ROOT,
            env=shell(cloud, SCALEIN_ESS_ENDPOINT=place),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        connection, _ = silent.accept()
        process.send_signal(signal.SIGINT)
        began = time.monotonic()
        output, errors = process.communicate(timeout=10)
        connection.close()
    return Interrupted(time.monotonic() - began, process.returncode, output, errors)
