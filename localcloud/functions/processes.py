"""The process of one instance: started, asked, frozen, thawed and ended."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any
from uuid import uuid4

from localcloud.functions.model import Function
from localcloud.functions.pythons import python_for

RUNTIME = Path(__file__).with_name("runtime.py")


@dataclass
class Instance:
    """One process of a function."""

    process: subprocess.Popen[bytes]
    requests: IO[str]
    responses: IO[str]
    log: Path
    id: str
    busy: bool = True
    initialized: bool = False


def start(function: Function, folder: Path) -> Instance:
    """Starts a process of the function; its log and its home are in the folder."""
    to_child, requests = os.pipe()
    responses, from_child = os.pipe()
    id = f"c-{uuid4()}"
    log = folder / f"{id}.log"
    home = tempfile.mkdtemp(dir=folder)
    with log.open("ab") as sink:  # the platform writes between its lines
        process = subprocess.Popen(
            [
                python_for(function.runtime),
                str(RUNTIME),
                str(function.code),
                str(to_child),
                str(from_child),
                function.runtime,
            ],
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
            pass_fds=(to_child, from_child),
            env={
                "PATH": os.defpath,
                "HOME": home,
                "LANG": "C.UTF-8",
                "TZ": "UTC",
                **function.environment,
            },
        )
    os.close(to_child)
    os.close(from_child)
    return Instance(process, os.fdopen(requests, "w"), os.fdopen(responses, "r"), log, id)


def exchange(instance: Instance, request: dict[str, Any], seconds: float) -> dict[str, Any]:
    """Sends a request and returns the response. Raises TimeoutError, OSError, ValueError."""
    instance.requests.write(json.dumps(request) + "\n")
    instance.requests.flush()
    until = time.monotonic() + seconds
    while not select.select(
        [instance.responses], [], [], min(0.5, max(0.0, until - time.monotonic()))
    )[0]:
        if time.monotonic() >= until:
            raise TimeoutError
    return dict(json.loads(instance.responses.readline()))


def close(instance: Instance) -> None:
    """Ends an idle instance and closes the channels to it."""
    end(instance.process)
    for channel in (instance.requests, instance.responses):
        with suppress(OSError):
            channel.close()


def thaw(process: subprocess.Popen[bytes]) -> None:
    with suppress(OSError):
        process.send_signal(signal.SIGCONT)


def end(process: subprocess.Popen[bytes]) -> int:
    """Ends a process, first by SIGTERM, as the platform does; returns its exit code."""
    if process.poll() is None:
        thaw(process)
        process.terminate()
        try:
            process.wait(1)
        except subprocess.TimeoutExpired:
            process.kill()
    return process.wait()
