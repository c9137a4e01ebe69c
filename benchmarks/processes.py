"""Runs programs in processes of their own, and measures wall and processor time of each."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, NamedTuple

from benchmarks.code import Code, Program


class Run(NamedTuple):
    """One process from its start to its end."""

    started_at: float  # s, by time.monotonic
    cpu_seconds: float  # user and system, of the whole process
    output: str


class Invocation(NamedTuple):
    """One warm invocation, measured around the handler."""

    wall_seconds: float
    cpu_seconds: float
    own_seconds: float  # in which no call to ESS ran; wall_seconds unless it is asked for
    status: Any  # of the outcome, or the summary of a batch


def run(
    code: Code,
    program: Program,
    variables: dict[str, str],
    event: bytes,
    prefix: Sequence[str] = (),
) -> Run:
    """Runs a program that reads one event. Raises RuntimeError if it fails.

    `prefix` is a command that replaces itself by the program, for instance one that limits it.
    """
    command = [*prefix, code.python, *program.arguments]
    with tempfile.TemporaryFile() as source, tempfile.TemporaryFile("w+") as errors:
        source.write(event + b"\n")
        source.seek(0)
        started_at = time.monotonic()
        process = subprocess.Popen(
            command,
            env=code.environment(program, variables),
            stdin=source,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
        assert process.stdout
        with process.stdout:
            output = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            errors.seek(0)
            what = f"{program.name} failed ({process.returncode})"  # negative: by a signal
            raise RuntimeError(f"{what}: {errors.read()[-2_000:]}")
    cpu_seconds = usage.ru_utime + usage.ru_stime
    return Run(started_at, cpu_seconds, output.strip())


class WarmProcess:
    """A process that makes one invocation after another."""

    def __init__(self, process: subprocess.Popen[bytes], errors: IO[str]) -> None:
        self._process = process
        self._errors = errors

    def exchange(self, line: bytes) -> dict[str, Any]:
        """Writes a line and returns the JSON that answers it. Raises RuntimeError if none does."""
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(line + b"\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            self._errors.seek(0)
            raise RuntimeError(f"The function failed: {self._errors.read()[-2_000:]}")
        result: dict[str, Any] = json.loads(answer)
        return result

    def invoke(self, event: bytes) -> Invocation:
        """Makes one invocation. Raises RuntimeError if it raises."""
        result = self.exchange(event)
        own_seconds = result.get("own", result["wall"])
        return Invocation(result["wall"], result["cpu"], own_seconds, result["status"])

    def peak_mib(self) -> float:
        """The peak of its resident memory; what wait4 tells includes its parent's."""
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0]) / 1024

    def remove(self, event: bytes) -> Invocation:
        """Makes an invocation that removes an instance. Raises RuntimeError if it does not."""
        invocation = self.invoke(event)
        if invocation.status != "removing":
            raise RuntimeError(f"An instance should be removed; the outcome: {invocation.status}.")
        return invocation


@contextmanager
def warm_process(
    code: Code,
    variables: dict[str, str],
    prefix: Sequence[str] = (),
    mode: Sequence[str] = (),
    program: Program | None = None,
) -> Iterator[WarmProcess]:
    """Starts a process of the function that waits for events. `mode`: see benchmarks/invoke.py.
    `program`: instead of that one.
    """
    program = program or code.scalein
    with tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen(
            [*prefix, code.python, *program.arguments, *mode],
            env=code.environment(program, variables),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
        )
        with process:
            yield WarmProcess(process, errors)
