"""Runs the command line on a terminal of a given width."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

ROOT = Path(__file__).parents[2]


def on_terminal(columns: int, *arguments: str, environment: Mapping[str, str]) -> str:
    """What the command prints on a terminal of that width, without its control sequences."""
    own, other = pty.openpty()  # standard error, with its progress, is another file
    fcntl.ioctl(other, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    command = [sys.executable, "-m", "scalein_cli", *arguments]
    process = subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=other, stderr=subprocess.DEVNULL
    )
    os.close(other)
    printed = b""
    with suppress(OSError):  # the command has closed it
        while chunk := os.read(own, 65_536):
            printed += chunk
    os.close(own)
    process.wait(timeout=60)
    text = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", printed.decode())
    return text.replace("\r\n", "\n")
